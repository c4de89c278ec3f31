"""One campaign by Alimtalk: the merchant's text bound to its template, and the text for whom Kakao does not reach."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from core.errors import InvalidInput
from core.rules import letter, purpose
from core.rules.channel import Channel
from core.rules.letter import NAME, Letter, Part, Person, Prepared, prepare
from core.rules.personalise import Body, parse
from core.rules.states import TemplateState
from core.rules.template import Template, Written, fill, names, read, write

# What templates call the customer's name, beside our own word for it.
NAMES = frozenset({NAME, "고객명", "고객이름", "성함"})


def bound(template: Template, body: str) -> str:
    """The template with the merchant's values, variables of ours among them; an empty body is the template's own text."""
    values = read(template.content, body) if body.strip() else {name: _ours(name) for name in names(template)}
    if values is None:
        raise InvalidInput("본문이 승인된 템플릿과 다릅니다.", reason="TEMPLATE_MISMATCH")
    return fill(template.content, values)


class _ByTemplate(ABC):
    """What writes by a template, as a Letter does."""

    template: Template

    @abstractmethod
    def written(self, name: str, attributes: Sequence[str]) -> Written:
        """What one person gets."""

    def text(self, name: str, attributes: Sequence[str]) -> str:
        """The text alone."""
        return self.written(name, attributes).text

    def channel(self, text: str) -> Channel:
        """Always the same."""
        return Channel.ALIMTALK

    def shared_channel(self, texts: Sequence[str]) -> Channel | None:
        """Always the same."""
        return Channel.ALIMTALK if texts else None


class Notice(_ByTemplate):
    """A template and the body bound to it, parsed once per campaign; writes as a Letter does."""

    def __init__(self, template: Template, body: str, *, informs: bool = True) -> None:
        self.template = template
        self._informs = informs
        values = read(template.content, bound(template, body)) or {}
        self._bodies: dict[str, Body] = {name: parse(values.get(name, _ours(name))) for name in names(template)}
        wanted = dict.fromkeys(name for one in self._bodies.values() for name in one.names)
        self.keys = tuple(name for name in wanted if name not in NAMES)

    def written(self, name: str, attributes: Sequence[str]) -> Written:
        """What one person gets; MissingValue or InvalidInput when it cannot be written."""
        known = dict(zip(self.keys, attributes, strict=True)) | dict.fromkeys(NAMES, name)
        if self._informs and any(purpose.hides_marks(known[one]) for body in self._bodies.values() for one in body.names):
            raise InvalidInput("변수에 넣을 값에 광고 표현이 있습니다.", reason="PURPOSE_LINT")
        values = {variable: body.render([_clean(known[one]) for one in body.names]) for variable, body in self._bodies.items()}
        return write(self.template, values)

    def write(self, name: str, attributes: Sequence[str]) -> tuple[str, int, Channel]:
        """(text, characters, channel) for one person."""
        text = self.text(name, attributes)
        return text, len(text), Channel.ALIMTALK


class Filled(_ByTemplate):
    """A template for messages that come each with its own values: as JSON, where others have attributes."""

    keys = ("variables",)

    def __init__(self, template: Template) -> None:
        self.template = template

    def written(self, name: str, attributes: Sequence[str]) -> Written:
        """What one person gets; MissingValue or InvalidInput when it cannot be written."""
        return write(self.template, json.loads(attributes[0] or "{}"))


class Correspondence:
    """What a campaign by template says: the notice, and the fallback (if there is one) to whom it did not reach.

    A template that is not approved any more, or not the one that was launched with, reaches nobody.
    """

    def __init__(self, notice: Notice | Filled | None, fallback: Letter | None) -> None:
        self.notice, self.fallback = notice, fallback
        self.template = self.notice.template if self.notice else None
        writers = [one for one in (self.notice, self.fallback) if one]
        self.keys = tuple(dict.fromkeys(key for one in writers for key in one.keys))

    def prepare(
        self, waiting: Sequence[int], people: Sequence[Person], fallen: Collection[int], limit: Callable[[Channel], int]
    ) -> Prepared:
        """Who gets which of the two now. It is information, so there is no night to wait for."""
        first = [] if self.notice is None else [at for at in waiting if at not in fallen]
        noticed = set(first)
        rest = [at for at in waiting if at not in noticed]
        notices = self._prepared(self.notice, first, people, limit)
        texts = self._prepared(self.fallback, rest, people, limit)
        parts = tuple(self._filled(part, people) for part in notices.parts)
        return Prepared((*parts, *texts.parts), {**notices.excluded, **texts.excluded}, ())

    def _prepared(
        self,
        writer: Notice | Filled | Letter | None,
        waiting: Sequence[int],
        people: Sequence[Person],
        limit: Callable[[Channel], int],
    ) -> Prepared:
        if not waiting:
            return Prepared((), {}, ())
        if writer is None:
            return Prepared((), dict.fromkeys(waiting, "TEMPLATE_INVALID"), ())
        seen = [self._seen_by(writer, person) for person in people]
        return prepare(writer, waiting, seen, night=False, limit=limit)

    def _filled(self, part: Part, people: Sequence[Person]) -> Part:
        if self.notice is None:
            return part
        shown = [self._seen_by(self.notice, people[at]) for at in part.positions]
        return replace(part, written=tuple(self.notice.written(person[0], person[1]) for person in shown))

    def _seen_by(self, writer: Notice | Filled | Letter, person: Person) -> Person:
        """A person with the attributes that one of the two asks for."""
        name, attributes, *rest = person
        values = dict(zip(self.keys, attributes, strict=False))
        return (name, tuple(values.get(key, "") for key in writer.keys), *rest)  # type: ignore[return-value]


def of_campaign(template: Template | None, body: str, fallback: str, *, informs: bool = True) -> Correspondence:
    """One text for everybody, bound to the template; so is the fallback."""
    return Correspondence(_notice(template, body, informs), Letter(fallback, informs=informs) if fallback else None)


def of_call(template: Template | None, *, falls_back: bool) -> Correspondence:
    """Messages of SendService: each has its own values, and its own text for the fallback."""
    good = template is not None and template.state is TemplateState.APPROVED
    return Correspondence(Filled(template) if template and good else None, letter.Written() if falls_back else None)


def _notice(template: Template | None, body: str, informs: bool) -> Notice | None:
    if template is None or template.state is not TemplateState.APPROVED:
        return None
    try:
        return Notice(template, body, informs=informs)
    except InvalidInput:
        return None


def _ours(name: str) -> str:
    return f"#{{{NAME if name in NAMES else name}}}"


def _clean(value: str) -> str:
    """One line; KakaoTalk carries every character, so nothing is replaced."""
    return " ".join(value.split()).replace("#{", "# {")

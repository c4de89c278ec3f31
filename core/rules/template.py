"""Alimtalk templates: what Kakao approved, whether a finished text keeps to it, and how one becomes somebody's text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from core.errors import InvalidInput, Violation
from core.rules.channel import BODY_LIMIT, Channel
from core.rules.personalise import MissingValue
from core.rules.states import TemplateState
from core.rules.text import normalise

MAX_TEXT = BODY_LIMIT[Channel.ALIMTALK]  # characters
MAX_BUTTONS = 5
MAX_BUTTON_NAME = 14  # characters

_VARIABLE = re.compile(r"#\{([^{}\r\n]{1,100})\}")


@dataclass(frozen=True, slots=True)
class Button:
    """A button: WL web link, AL app link, DS delivery tracking, BK bot keyword, MD message to the channel, AC add channel."""

    kind: str
    name: str
    mobile: str = ""
    pc: str = ""
    ios: str = ""
    android: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A template as its provider lists it. `content` keeps its own line breaks: what leaves must have the same."""

    code: str
    channel_key: str
    content: str
    name: str = ""
    emphasis_title: str = ""
    buttons: tuple[Button, ...] = ()
    state: TemplateState = TemplateState.APPROVED
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What one person gets: everything finished, and the values it was finished with."""

    text: str = field(repr=False)
    title: str = field(repr=False)
    buttons: tuple[Button, ...] = field(repr=False)
    variables: Mapping[str, str] = field(repr=False, hash=False)


def names(template: Template) -> tuple[str, ...]:
    """The variables of a template, those of its title and buttons included, in the order of their appearance."""
    return tuple(dict.fromkeys(name for part in _parts(template) for name in _VARIABLE.findall(part)))


def write(template: Template, values: Mapping[str, str]) -> Written:
    """The template with its variables filled in. Raises MissingValue or InvalidInput when nobody may get it like that."""
    variables = {name: _value(name, values) for name in names(template)}
    text = fill(template.content, variables)
    if len(text) > MAX_TEXT:
        message = f"알림톡은 {MAX_TEXT:,}자까지 보낼 수 있습니다. 지금 {len(text):,}자입니다."
        raise InvalidInput(message, reason="BODY_TOO_LONG", facts={"characters": str(len(text))})
    buttons = tuple(_button(button, variables) for button in template.buttons)
    return Written(text, fill(template.emphasis_title, variables), buttons, variables)


def fill(content: str, values: Mapping[str, str]) -> str:
    """Every variable replaced by its value, everything else as it is."""
    return _VARIABLE.sub(lambda found: values[found[1]], content)


def read(content: str, text: str) -> dict[str, str] | None:
    """The values that make `text` of `content`; None when it is another text. Line breaks of either kind are the same.

    Of several ways to read it the one with the shortest values counts; text is not searched again and again for others.
    """
    first, *parts = _VARIABLE.split(normalise(content))
    wanted, literals, found = parts[::2], parts[1::2], normalise(text)
    if not wanted:
        return {} if found == first else None
    if not found.startswith(first) or not found.endswith(literals[-1]):
        return None
    values: dict[str, str] = {}
    at, end = len(first), len(found) - len(literals[-1])
    for place, (name, literal) in enumerate(zip(wanted, literals, strict=True), 1):
        stop = end if place == len(wanted) else _next(found, literal, at, end)
        value = values.setdefault(name, found[at : max(at, stop)])
        if not value or not found.startswith(value + literal, at):
            return None
        at += len(value) + len(literal)
    return values if at == len(found) else None


def keeps(template: Template, written: Written) -> bool:
    """Whether text, title and buttons are this template's, filled in: Aligo says so only when it is too late."""
    pairs = [(template.content, written.text), (template.emphasis_title, written.title)]
    if len(template.buttons) != len(written.buttons):
        return False
    for ours, theirs in zip(template.buttons, written.buttons, strict=True):
        if ours.kind != theirs.kind:
            return False
        pairs += [(getattr(ours, name), getattr(theirs, name)) for name in _FILLED]
    return all(read(*pair) is not None for pair in pairs)


def problems(template: Template | None, *, ad: bool, gone: bool = False) -> Iterator[Violation]:
    """Why nothing can be sent with this template; empty when it can."""
    place = "campaign.template_id"
    if ad:
        sentence = "알림톡은 정보성 메시지만 보낼 수 있습니다. 광고는 문자(SMS, LMS, MMS)로 보내 주세요."
        yield Violation("campaign.purpose", sentence, "TEMPLATE_IS_INFO")
    if template is None or gone:
        yield Violation(place, "발송사에 없는 알림톡 템플릿입니다. 템플릿을 다시 불러와 주세요.", "TEMPLATE_GONE")
    elif template.state is not TemplateState.APPROVED:
        yield Violation(
            place, f"승인된 템플릿만 보낼 수 있습니다. 지금은 ‘{KOREAN[template.state]}’입니다.", "TEMPLATE_NOT_APPROVED"
        )
    elif wrong := _limit(template):
        yield Violation(place, wrong, "TEMPLATE_INVALID")


def differs(template: Template, body: str) -> Violation | None:
    """What is said of a body that is not this template's; None when it is. An empty one is the template's own text."""
    if not body.strip() or read(template.content, body) is not None:
        return None
    line = _first_difference(normalise(template.content), normalise(body))
    sentence = f"본문이 승인된 템플릿과 다릅니다({line}번째 줄). 변수 자리 말고는 글자 하나, 줄바꿈 하나까지 같아야 합니다."
    return Violation("campaign.body", sentence, "TEMPLATE_MISMATCH")


KOREAN: Mapping[TemplateState, str] = {
    TemplateState.REGISTERED: "등록",
    TemplateState.IN_REVIEW: "검수 중",
    TemplateState.APPROVED: "승인",
    TemplateState.REJECTED: "반려",
    TemplateState.STOPPED: "중지",
}

_FILLED = tuple(one.name for one in fields(Button) if one.name != "kind")


def _next(found: str, literal: str, at: int, end: int) -> int:
    """Where the value that begins at `at` ends, if it is as short as can be."""
    return found.find(literal, at + 1, end) if literal else at + 1


def _parts(template: Template) -> Iterator[str]:
    yield template.content
    yield template.emphasis_title
    for button in template.buttons:
        yield from (getattr(button, name) for name in _FILLED)


def _value(name: str, values: Mapping[str, str]) -> str:
    value = values.get(name, "").strip().replace("#{", "# {")
    if not value:
        raise MissingValue(name)
    return value


def _button(button: Button, variables: Mapping[str, str]) -> Button:
    return replace(button, **{name: fill(getattr(button, name), variables) for name in _FILLED})


def _limit(template: Template) -> str:
    buttons: Sequence[Button] = template.buttons
    if len(_VARIABLE.sub("", template.content)) > MAX_TEXT:
        return f"알림톡은 {MAX_TEXT:,}자까지 보낼 수 있습니다."
    if len(buttons) > MAX_BUTTONS:
        return f"버튼은 {MAX_BUTTONS}개까지 쓸 수 있습니다."
    long = next((button.name for button in buttons if len(button.name) > MAX_BUTTON_NAME), "")
    return f"버튼 이름은 {MAX_BUTTON_NAME}자까지 쓸 수 있습니다: {long}" if long else ""


def _first_difference(content: str, body: str) -> int:
    """The line of the template that the body leaves first."""
    ours, theirs = content.split("\n"), body.split("\n")
    for number, line in enumerate(ours, 1):
        if number > len(theirs) or read(line, theirs[number - 1]) is None:
            return number
    return len(ours) + 1

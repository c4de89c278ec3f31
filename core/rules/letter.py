"""One frozen campaign text becomes each person's text: who gets what, as which channel, and who is left out at dispatch."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Protocol

from core.errors import InvalidInput
from core.rules import purpose, template
from core.rules.channel import BODY_LIMIT, Channel
from core.rules.personalise import Body, MissingValue, clean_value, parse
from core.rules.text import byte_length, channel_for, find_unsupported

NAME = "이름"
HASH_BYTES = 8
_SHORT, _LONG = BODY_LIMIT[Channel.SMS], BODY_LIMIT[Channel.LMS]

# One recipient at this instant, as the database gives it (tuples, because there are 500 in every batch): name, values of
# `Letter.keys`, the reason that forbids sending, consent to the night, sealed number, contact.
Person = tuple[str, Sequence[str], str | None, bool, bytes, int]
GONE: Person = ("", (), "GONE", False, b"", 0)
SEALED: Final = 4

# Nearly every name. What matches is its own `clean_value`: composed, one line, single blanks, in CP949.
_PLAIN = re.compile("[0-9A-Za-z가-힣]+(?: [0-9A-Za-z가-힣]+)*").fullmatch
_HASH = blake2b(digest_size=HASH_BYTES)
_cleaned = lru_cache(maxsize=4096)(clean_value)


@dataclass(frozen=True, slots=True)
class Part:
    """The messages of one provider call, by position in the batch."""

    channel: Channel
    positions: tuple[int, ...]
    texts: tuple[str, ...]
    written: tuple[template.Written, ...] = ()  # for Alimtalk

    def first(self, people: int) -> "Part":
        """The same for so many of them."""
        return Part(self.channel, self.positions[:people], self.texts[:people], self.written[:people])


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch sorted out: what goes now, who is left out and why, who waits for the morning."""

    parts: tuple[Part, ...]
    excluded: dict[int, str]
    held: tuple[int, ...]


class Letter:
    """A finished body (label and opt-out line included), parsed once per campaign."""

    def __init__(self, body: str, *, has_image: bool = False, informs: bool = False) -> None:
        self.body: Body = parse(body)
        self.has_image = has_image
        self._informs = informs  # information only: also what stands in variables
        names = self.body.names
        self.keys = tuple(name for name in names if name != NAME)
        self._name_at = names.index(NAME) if NAME in names else None
        self._constant = None if names else self.body.render(())
        self._to_name = self.body.with_one if names == (NAME,) and not informs else None
        ours = [part for part in (*self.body.segments, *self.body.defaults) if isinstance(part, str)]
        self._carried = not any(map(find_unsupported, ours))

    def write(self, name: str, attributes: Sequence[str]) -> tuple[str, int, Channel]:
        """(text, bytes, channel) for one person; MissingValue or InvalidInput when it cannot be written."""
        text = self.text(name, attributes)
        size = byte_length(text)
        return text, size, channel_for(text, has_image=self.has_image, byte_count=size)

    def text(self, name: str, attributes: Sequence[str]) -> str:
        """The text for one person; the same object for everybody when it has no variables."""
        if self._to_name is not None and _PLAIN(name):
            return self._to_name(name)
        if self._constant is not None:
            return self._constant
        if not self.keys:
            return self._filled((name,))
        at = self._name_at
        return self._filled(attributes if at is None else (*attributes[:at], name, *attributes[at:]))

    def _filled(self, values: Sequence[str]) -> str:
        if self._informs and any(map(purpose.hides_marks, values)):
            raise InvalidInput("변수에 넣을 값에 광고 표현이 있습니다.", reason="PURPOSE_LINT")
        return self.body.render([_clean(value) for value in values])

    def channel(self, text: str) -> Channel:
        """The channel of one of its texts. Counted only in doubt: no character has more than two bytes or less than one."""
        if self._carried and 2 * len(text) <= _LONG:
            if self.has_image:
                return Channel.MMS
            if 2 * len(text) <= _SHORT:
                return Channel.SMS
            if len(text) > _SHORT:
                return Channel.LMS
        return channel_for(text, has_image=self.has_image)

    def shared_channel(self, texts: Sequence[str]) -> Channel | None:
        """The channel of all of its texts, when that is seen at once: the longest is short for sure."""
        short = self._carried and not self.has_image and texts and 2 * max(map(len, texts)) <= _SHORT
        return Channel.SMS if short else None


class Written(Letter):
    """Where everybody's text is finished: it stands where others have their name."""

    def __init__(self) -> None:
        super().__init__("")
        self._carried = False

    def text(self, name: str, attributes: Sequence[str]) -> str:
        """The text, as it was given."""
        return name


class Writer(Protocol):
    """Whatever writes texts for people."""

    def text(self, name: str, attributes: Sequence[str]) -> str:
        """The text for one person."""
        ...

    def channel(self, text: str) -> Channel:
        """The channel of one of its texts; InvalidInput when none can carry it."""
        ...

    def shared_channel(self, texts: Sequence[str]) -> Channel | None:
        """The channel of all of them, or None: they have to be asked about one by one."""
        ...


def _clean(value: str) -> str:
    return value if _PLAIN(value) else _cleaned(value)


def prepare(
    letter: Writer, waiting: Sequence[int], people: Sequence[Person], *, night: bool, limit: Callable[[Channel], int]
) -> Prepared:
    """Write the text of everybody at a `waiting` position and group by channel; at `night` only who agreed to it goes now."""
    excluded: dict[int, str] = {}
    held: list[int] = []
    going: list[int] = []
    written: list[str] = []
    write = letter.text
    for position in waiting:
        name, attributes, reason, night_consent, _, _ = people[position]
        if reason:
            excluded[position] = reason
        elif night and not night_consent:
            held.append(position)
        else:
            try:
                written.append(write(name, attributes))
            except (MissingValue, InvalidInput) as refusal:
                excluded[position] = refusal.reason
                continue
            going.append(position)
    groups = _by_channel(letter, going, written, excluded)
    parts = [
        Part(channel, tuple(positions[at : at + limit(channel)]), tuple(texts[at : at + limit(channel)]))
        for channel, (positions, texts) in groups.items()
        for at in range(0, len(positions), limit(channel))
    ]
    return Prepared(tuple(parts), excluded, tuple(held))


def _by_channel(
    letter: Writer, positions: list[int], texts: list[str], excluded: dict[int, str]
) -> dict[Channel, tuple[list[int], list[str]]]:
    """Who goes together; whose text no channel can carry is left out."""
    if (shared := letter.shared_channel(texts)) is not None:
        return {shared: (positions, texts)}
    groups: dict[Channel, tuple[list[int], list[str]]] = {}
    for position, text in zip(positions, texts, strict=True):
        try:
            alike = groups.setdefault(letter.channel(text), ([], []))
        except InvalidInput as refusal:
            excluded[position] = refusal.reason
            continue
        alike[0].append(position)
        alike[1].append(text)
    return groups


def text_hash(text: str) -> bytes:
    """8 bytes that stand for a text as a provider shows it: line breaks and trailing blanks do not count."""
    return _hash("\n".join(map(str.rstrip, text.rstrip().split("\n"))) if _has_blanks((text,)) else text)


def text_hashes(texts: Sequence[str]) -> bytes:
    """The hashes of a part, one after another."""
    first = texts[0] if texts else ""
    if all(text is first for text in texts):
        return text_hash(first) * len(texts)
    return b"".join(map(text_hash if _has_blanks(texts) else _hash, texts))


def _hash(plain: str) -> bytes:
    hashed = _HASH.copy()  # a third cheaper than a new one
    hashed.update(plain.encode())
    return hashed.digest()


def _has_blanks(texts: Sequence[str]) -> bool:
    """Whether a line of one of them ends with a blank that CP949 knows, or one of them with any."""
    text = "\n".join((*texts, ""))
    blanks = [blank for blank in " \u3000\t\r" if blank in text]  # looked for one by one: a pair takes the longest to find
    return any(f"{blank}\n" in text for blank in blanks) or any(map(str.isspace, {one[-1:] for one in texts}))


def hash_at(hashes: bytes, index: int) -> bytes:
    """One of them."""
    return hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]

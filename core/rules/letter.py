"""One frozen campaign text becomes each person's text: who gets what, as which channel, and who is left out at dispatch."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from core.errors import InvalidInput
from core.rules.channel import Channel
from core.rules.personalise import Body, MissingValue, clean_value, parse
from core.rules.text import byte_length, channel_for

NAME = "이름"
HASH_BYTES = 8

_clean = lru_cache(maxsize=20_000)(clean_value)


@dataclass(frozen=True, slots=True)
class Person:
    """One recipient at this instant: `reason` forbids sending, `attributes` align with `Letter.keys`."""

    position: int
    name: str
    attributes: Sequence[str]
    reason: str | None = None
    night_consent: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The messages of one provider call, by position in the batch."""

    channel: Channel
    positions: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch sorted out: what goes now, who is left out and why, who waits for the morning."""

    parts: tuple[Part, ...]
    excluded: dict[int, str]
    held: tuple[int, ...]


class Letter:
    """A finished body (label and opt-out line included), parsed once per campaign."""

    def __init__(self, body: str, *, has_image: bool = False) -> None:
        self.body: Body = parse(body)
        self.has_image = has_image
        self.keys = tuple(name for name in self.body.names if name != NAME)
        self._constant = not self.body.names
        self._once: tuple[str, int, Channel] | None = None

    def write(self, name: str, attributes: Sequence[str]) -> tuple[str, int, Channel]:
        """(text, bytes, channel) for one person; MissingValue or InvalidInput when it cannot be written."""
        if self._once:
            return self._once
        rest = iter(attributes)
        values = [_clean(name if variable == NAME else next(rest)) for variable in self.body.names]
        text = self.body.render(values)
        size = byte_length(text)
        written = text, size, channel_for(text, has_image=self.has_image, byte_count=size)
        if self._constant:
            self._once = written
        return written


def prepare(letter: Letter, people: Iterable[Person], *, night: bool, limit: Callable[[Channel], int]) -> Prepared:
    """Write every text and group by channel; at `night` only people with night consent go now."""
    groups: dict[Channel, tuple[list[int], list[str]]] = {}
    excluded: dict[int, str] = {}
    held: list[int] = []
    for person in people:
        if person.reason:
            excluded[person.position] = person.reason
        elif night and not person.night_consent:
            held.append(person.position)
        else:
            try:
                text, _, channel = letter.write(person.name, person.attributes)
            except (MissingValue, InvalidInput) as refusal:
                excluded[person.position] = refusal.reason
                continue
            positions, texts = groups.setdefault(channel, ([], []))
            positions.append(person.position)
            texts.append(text)
    parts = [
        Part(channel, tuple(positions[at : at + limit(channel)]), tuple(texts[at : at + limit(channel)]))
        for channel, (positions, texts) in groups.items()
        for at in range(0, len(positions), limit(channel))
    ]
    return Prepared(tuple(parts), excluded, tuple(held))


def text_hash(text: str) -> bytes:
    """8 bytes that stand for a text as a provider shows it: line breaks and trailing blanks do not count."""
    plain = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").rstrip().split("\n"))
    return blake2b(plain.encode(), digest_size=HASH_BYTES).digest()


def text_hashes(texts: Sequence[str]) -> bytes:
    """The hashes of a part, one after another."""
    first = texts[0] if texts else ""
    if all(text is first for text in texts):
        return text_hash(first) * len(texts)
    return b"".join(map(text_hash, texts))


def hash_at(hashes: bytes, index: int) -> bytes:
    """One of them."""
    return hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES]

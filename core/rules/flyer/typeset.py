"""Breaks Korean text into lines: by word, balanced, never leaving one syllable alone, smaller before cut short."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from core.rules.flyer.box import Box
from core.rules.flyer.face import Weight, chunks, clean
from core.rules.flyer.line import Line, Span, advance, set_line
from core.rules.flyer.palette import RGB
from core.rules.flyer.sheet import Sheet, Stance, block_height

_NEVER_FIRST = frozenset(")]}〉》」』’”,.!?%:;·~…원")
_NEVER_LAST = frozenset("([{〈《「『‘“")
_STEP = 2


@dataclass(frozen=True, slots=True)
class Style:
    """A role of text: sizes in pixels from wished to smallest, lines at most, leading and tracking in ems."""

    weight: Weight
    size: int
    floor: int
    lines: int = 1
    leading: float = 1.3
    tracking: float = 0.0

    def pitch(self, size: int) -> int:
        return round(size * self.leading)


@dataclass(frozen=True, slots=True)
class Setting:
    """Text that fits: its size and its lines."""

    size: int
    rows: tuple[str, ...]


def write(sheet: Sheet, text: str, box: Box, style: Style, colour: RGB, stance: Stance | None = None) -> Box | None:
    """Sets the text into the box and draws it there."""
    setting = fit(text, box.size, style)
    lines = as_lines(setting, style, colour)
    stance = replace(stance or Stance(), leading=style.pitch(setting.size))
    return sheet.place(lines, box, stance)


def as_lines(setting: Setting, style: Style, colour: RGB) -> list[Line]:
    return [set_line([Span(row, style.weight, setting.size, colour, style.tracking)]) for row in setting.rows]


def height(setting: Setting, style: Style) -> int:
    """How tall the set text stands."""
    return block_height(as_lines(setting, style, (0, 0, 0)), style.pitch(setting.size))


def common(texts: Sequence[str], room: tuple[int, int], style: Style) -> Style:
    """The style at the one size that suits all: neighbours of the same rank must look the same."""
    return replace(style, size=min((fit(text, room, style).size for text in texts), default=style.size))


@lru_cache(maxsize=512)
def fit(text: str, room: tuple[int, int], style: Style) -> Setting:
    """The largest setting that fits: whole words first, then split words, at last cut short with an ellipsis."""
    text = clean(text)
    for split in (False, True):
        for size in range(style.size, style.floor - 1, -_STEP):
            rows = _wrap(text, room[0], size, style, split)
            if rows is not None and len(rows) <= style.lines and _fits(rows, room, size, style):
                even = _balanced(text, rows, room[0], size, style, split)
                return Setting(size, even if _fits(even, room, size, style) else tuple(rows))
    return _cut_short(text, room, style)


def _fits(rows: Sequence[str], room: tuple[int, int], size: int, style: Style) -> bool:
    setting = Setting(size, tuple(rows))
    lines = as_lines(setting, style, (0, 0, 0))
    return block_height(lines, style.pitch(size)) <= room[1] and all(line.width <= room[0] for line in lines)


def _width(text: str, size: int, style: Style) -> float:
    return advance(text, style.weight, size, style.tracking)


def _wrap(text: str, width: float, size: int, style: Style, split: bool) -> list[str] | None:
    """Greedy lines; None when a word is too wide and may not be split."""
    rows: list[str] = []
    for word in text.split():
        joined = f"{rows[-1]} {word}" if rows else word
        if rows and _width(joined, size, style) <= width:
            rows[-1] = joined
        elif _width(word, size, style) <= width:
            rows.append(word)
        elif not split:
            return None
        else:
            rows.extend(_split(word, width, size, style))
    return rows


def _split(word: str, width: float, size: int, style: Style) -> list[str]:
    """Breaks one word between characters; numbers and Latin words hold together while they can."""
    pieces = [""]
    for part in _parts(word, width, size, style):
        if pieces[-1] and _width(pieces[-1] + part, size, style) > width and part[0] not in _NEVER_FIRST:
            pieces.append(part)
        else:
            pieces[-1] += part
    return _no_orphan(pieces)


def _parts(word: str, width: float, size: int, style: Style) -> list[str]:
    parts: list[str] = []
    for part in chunks(word):
        parts.extend([part] if _width(part, size, style) <= width else list(part))
    glued: list[str] = []
    for part in parts:
        if glued and glued[-1][-1] in _NEVER_LAST:
            glued[-1] += part
        else:
            glued.append(part)
    return glued


def _no_orphan(pieces: list[str]) -> list[str]:
    """A last line of one syllable takes a companion from the line above."""
    if len(pieces) > 1 and len(pieces[-1]) == 1 and len(pieces[-2]) > 2:
        pieces[-1] = pieces[-2][-1] + pieces[-1]
        pieces[-2] = pieces[-2][:-1]
    return pieces


def _balanced(text: str, rows: Sequence[str], width: int, size: int, style: Style, split: bool) -> tuple[str, ...]:
    """The same number of lines in the narrowest measure, so that they come out about equally long."""
    best = list(rows)
    low, high = width // max(1, len(rows)), width
    while len(rows) > 1 and high - low > max(2, size // 8):
        middle = (low + high) // 2
        tried = _wrap(text, middle, size, style, split)
        if tried is not None and len(tried) == len(rows) and _words_kept(tried, rows):
            best, high = tried, middle
        else:
            low = middle
    return tuple(best)


def _words_kept(tried: Sequence[str], rows: Sequence[str]) -> bool:
    """Balancing must not tear a word that stood whole."""
    return len(" ".join(tried).split()) <= len(" ".join(rows).split())


def _cut_short(text: str, room: tuple[int, int], style: Style) -> Setting:
    rows = _wrap(text, room[0], style.floor, style, True) or [""]
    for count in range(min(style.lines, len(rows)), 0, -1):
        tail = _ellipsis(" ".join(rows[count - 1 :]), room[0], style)
        kept = [*rows[: count - 1], tail]
        if tail and _fits(kept, room, style.floor, style):
            return Setting(style.floor, tuple(kept))
    return Setting(style.floor, ())


def _ellipsis(text: str, width: int, style: Style) -> str:
    """As much of the text as leaves room for an ellipsis; nothing when not even that fits."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        shown = text[:middle].rstrip(" ,.·-") + "…"
        low, high = (middle, high) if _width(shown, style.floor, style) <= width else (low, middle - 1)
    return text[:low].rstrip(" ,.·-") + "…" if low else ""

"""A set line of text: glyphs on one baseline, in any mix of sizes and colours."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.rules.flyer.face import Cut, Weight, chunks, cut
from core.rules.flyer.palette import RGB


@dataclass(frozen=True, slots=True)
class Span:
    """Letters of one kind; `gap` is the space before them in pixels, `tracking` in ems."""

    text: str
    weight: Weight
    size: int
    colour: RGB
    tracking: float = 0.0
    gap: int = 0
    struck: bool = False


@dataclass(frozen=True, slots=True)
class Glyph:
    x: float
    chunk: str
    cut: Cut
    colour: RGB


@dataclass(frozen=True, slots=True)
class Stroke:
    """The line through an old price."""

    left: float
    right: float
    rise: int
    thickness: int
    colour: RGB


@dataclass(frozen=True, slots=True)
class Line:
    """Distances from the origin on the baseline: `left`/`right` of the ink, `ascent` up and `descent` down."""

    glyphs: tuple[Glyph, ...]
    strokes: tuple[Stroke, ...]
    left: float
    right: float
    ascent: int
    descent: int

    @property
    def width(self) -> float:
        return self.right - self.left


def set_line(spans: Iterable[Span]) -> Line:
    """Places every chunk of every span and measures the whole."""
    glyphs: list[Glyph] = []
    strokes: list[Stroke] = []
    x, ascent, descent, tail = 0.0, 0, 0, 0.0
    for span in spans:
        start = x = x + span.gap
        for chunk in chunks(span.text):
            kind = cut(chunk, span.weight, span.size)
            advance, up, down = kind.measure(chunk)
            glyphs.append(Glyph(x, chunk, kind, span.colour))
            ascent, descent = max(ascent, up), max(descent, down)
            tail = span.tracking * span.size
            x += advance + tail
        if span.struck:
            strokes.append(_stroke(span, start, x))
        # Hangul's height for every line, so that "12" and "한글" sit on the same baseline in neighbouring boxes
        ascent, descent = max(ascent, round(span.size * 0.8)), max(descent, round(span.size * 0.1))
    left, right = _ink_edges(glyphs, strokes, x - tail)
    return Line(tuple(glyphs), tuple(strokes), left, right, ascent, descent)


def advance(text: str, weight: Weight, size: int, tracking: float) -> float:
    """The width of plain text, without building the line."""
    pieces = chunks(text)
    widths = sum(cut(chunk, weight, size).measure(chunk)[0] for chunk in pieces)
    return widths + tracking * size * max(0, len(pieces) - 1)


def _stroke(span: Span, start: float, end: float) -> Stroke:
    return Stroke(start, end, round(span.size * 0.32), max(2, round(span.size / 14)), span.colour)


def _ink_edges(glyphs: list[Glyph], strokes: list[Stroke], end: float) -> tuple[float, float]:
    if not glyphs:
        return 0.0, 0.0
    before = glyphs[0].cut.bearings(glyphs[0].chunk)[0]
    after = glyphs[-1].cut.bearings(glyphs[-1].chunk)[1]
    lefts = [before, *(stroke.left for stroke in strokes)]
    rights = [end - after, *(stroke.right for stroke in strokes)]
    return min(lefts), max(rights)

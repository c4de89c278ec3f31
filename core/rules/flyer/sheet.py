"""The sheet that is drawn on: smooth shapes, photos with round corners, and the only door through which text comes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw

from core.rules.flyer.box import Box
from core.rules.flyer.line import Line
from core.rules.flyer.palette import RGB, Palette

Corners = tuple[bool, bool, bool, bool]
ALL: Corners = (True, True, True, True)
_SMOOTH = 4


@dataclass(frozen=True, slots=True)
class Stance:
    """How lines stand in their box: `across` and `down` are 0 (start) to 1 (end), `leading` is baseline to baseline."""

    across: float = 0.0
    down: float = 0.0
    leading: int = 0


class Sheet:
    """One picture in the making; `texts` is what its words cover, `dropped` how many lines found no room."""

    def __init__(self, size: tuple[int, int], palette: Palette) -> None:
        self.image = Image.new("RGB", size, palette.paper)
        self.pen = ImageDraw.Draw(self.image)
        self.palette = palette
        self.box = Box(0, 0, *size)
        self.texts: list[Box] = []
        self.dropped = 0

    def fill(self, box: Box, colour: RGB) -> None:
        self.pen.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), fill=colour)

    def round(self, box: Box, radius: int, colour: RGB, corners: Corners = ALL) -> None:
        self.image.paste(colour, box.edges, _mask(box.size, radius, corners))

    def photo(self, picture: Image.Image, box: Box, radius: int = 0, corners: Corners = ALL) -> None:
        self.image.paste(picture, box.edges, _mask(box.size, radius, corners) if radius else None)

    def place(self, lines: Sequence[Line], box: Box, stance: Stance) -> Box | None:
        """Draws the lines inside the box and returns what they cover; a line that would stick out is left away."""
        covered: Box | None = None
        baseline = _first_baseline(lines, box, stance)
        for line in lines:
            x = box.left - line.left + max(0.0, box.width - line.width) * stance.across
            area = _area(line, x, baseline)
            if line.glyphs and box.contains(area):
                self._draw(line, x, baseline)
                covered = area.join(covered) if covered else area
            elif line.glyphs:
                self.dropped += 1
            baseline += stance.leading
        if covered:
            self.texts.append(covered)
        return covered

    def _draw(self, line: Line, x: float, baseline: int) -> None:
        for glyph in line.glyphs:
            place, kind = (x + glyph.x, baseline), glyph.cut
            self.pen.text(place, glyph.chunk, fill=glyph.colour, font=kind.font, anchor="ls", stroke_width=kind.stroke)
        for stroke in line.strokes:
            top = baseline - stroke.rise
            left, right = math.ceil(x + stroke.left), math.floor(x + stroke.right)
            self.fill(Box(left, top, right, top + stroke.thickness), stroke.colour)


def block_height(lines: Sequence[Line], leading: int) -> int:
    """From the top of the first line to the foot of the last."""
    if not lines:
        return 0
    return lines[0].ascent + leading * (len(lines) - 1) + lines[-1].descent


def _first_baseline(lines: Sequence[Line], box: Box, stance: Stance) -> int:
    spare = box.height - block_height(lines, stance.leading)
    return box.top + round(spare * stance.down) + (lines[0].ascent if lines else 0)


def _area(line: Line, x: float, baseline: int) -> Box:
    left, right = math.floor(x + line.left + 0.001), math.ceil(x + line.right - 0.001)
    return Box(left, baseline - line.ascent, right, baseline + line.descent)


@lru_cache(maxsize=128)
def _mask(size: tuple[int, int], radius: int, corners: Corners) -> Image.Image:
    """Pillow draws corners with stairs, so they are drawn four times too large and reduced."""
    mask = Image.new("L", size, 255)
    reach = min(radius, size[0] // 2, size[1] // 2)
    if reach <= 0:
        return mask
    big = Image.new("L", (reach * 2 * _SMOOTH, reach * 2 * _SMOOTH), 0)
    ImageDraw.Draw(big).ellipse((0, 0, big.width - 1, big.height - 1), fill=255)
    disc = big.resize((reach * 2, reach * 2), Image.Resampling.BOX)
    right, bottom = size[0] - reach, size[1] - reach
    spots = ((0, 0), (right, 0), (right, bottom), (0, bottom))
    for round_it, (x, y) in zip(corners, spots, strict=True):
        if round_it:
            part = (reach if x else 0, reach if y else 0)
            mask.paste(disc.crop((*part, part[0] + reach, part[1] + reach)), (x, y))
    return mask

"""A small stage for product illustrations: outlines, gradients, light and shadow, drawn three times too large."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

HERE = Path(__file__).parent
FONTS = HERE.parents[2] / "core" / "rules" / "flyer" / "fonts"
SIDE, SCALE = 1200, 3
FULL = SIDE * SCALE

RGB = tuple[int, int, int]
Point = tuple[float, float]
Stops = Sequence[tuple[float, RGB]]
Tones = Sequence[tuple[float, int]]


def rgb(code: str) -> RGB:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def path(start: Point, *parts: tuple[float, ...]) -> list[Point]:
    """A closed outline: two numbers are a line's end, six a cubic curve."""
    points = [start]
    for part in parts:
        if len(part) == 2:
            points.append((part[0], part[1]))
            continue
        (x0, y0), (x1, y1, x2, y2, x3, y3) = points[-1], part
        for step in range(1, 33):
            t = step / 32
            a, b, c, d = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3
            points.append((a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3))
    return points


def oval(x: float, y: float, across: float, down: float, turn: float = 0) -> list[Point]:
    angle = math.radians(turn)
    points = []
    for step in range(96):
        t = step / 96 * math.tau
        u, v = across * math.cos(t), down * math.sin(t)
        points.append((x + u * math.cos(angle) - v * math.sin(angle), y + u * math.sin(angle) + v * math.cos(angle)))
    return points


def block(left: float, top: float, right: float, bottom: float, radius: float = 0) -> list[Point]:
    """A rectangle with round corners."""
    points = []
    for x, y, first in ((right, top, -90), (right, bottom, 0), (left, bottom, 90), (left, top, 180)):
        cx = x - radius if x == right else x + radius
        cy = y - radius if y == bottom else y + radius
        for step in range(17):
            angle = math.radians(first + step * 90 / 16)
            points.append((cx + radius * math.cos(angle), cy + radius * math.sin(angle)))
    return points


class Scene:
    """A backdrop with a table, and things standing on it; all measures on a 1200 grid."""

    def __init__(self, wall: tuple[str, str], table: tuple[str, str], zoom: float = 1.0, edge: float = 800) -> None:
        self.image = Image.new("RGB", (FULL, FULL))
        self.zoom = 1.0
        self.paint(block(0, 0, SIDE, SIDE), [(0, rgb(wall[0])), (edge / SIDE, rgb(wall[1])), (1, rgb(wall[1]))])
        self.glow(oval(430, 330, 520, 430), (255, 255, 255), 90, 170)
        self.paint(block(0, edge, SIDE, SIDE), [(0, rgb(table[0])), (1, rgb(table[1]))])
        self.zoom = zoom

    def at(self, x: float, y: float) -> Point:
        """From the grid to pixels; the things on the table may be moved away a little."""
        return (600 + (x - 600) * self.zoom) * SCALE, (640 + (y - 640) * self.zoom) * SCALE

    def mask(self, outline: Sequence[Point]) -> Image.Image:
        mask = Image.new("L", (FULL, FULL), 0)
        ImageDraw.Draw(mask).polygon([self.at(x, y) for x, y in outline], fill=255)
        return mask

    def paint(self, outline: Sequence[Point], fill: RGB | Stops, across: bool = False) -> None:
        """Fills with a colour, or with a gradient over the outline's own extent."""
        mask = self.mask(outline)
        colour: RGB | Image.Image = fill if isinstance(fill[0], int) else self._ramp(mask, fill, across)  # type: ignore
        if isinstance(colour, Image.Image):
            box = mask.getbbox() or (0, 0, 1, 1)
            self.image.paste(colour, box, mask.crop(box))
        else:
            self.image.paste(colour, (0, 0), mask)

    def shade(self, outline: Sequence[Point], tones: Tones, across: bool = True, light: bool = False) -> None:
        """Lays light or dark over the outline, its strength running along one axis."""
        mask = self.mask(outline)
        box = mask.getbbox() or (0, 0, 1, 1)
        ramp = self._ramp(mask, [(at, (value, value, value)) for at, value in tones], across).getchannel(0)
        self.image.paste((255, 255, 255) if light else (30, 18, 12), box, ImageChops.multiply(mask.crop(box), ramp))

    def glow(self, outline: Sequence[Point], colour: RGB, strength: int, blur: float, keep: Sequence[Point] = ()) -> None:
        """A blurred patch; `keep` confines it to another outline."""
        small = self.mask(outline).resize((SIDE, SIDE), Image.Resampling.BOX)
        soft = small.filter(ImageFilter.GaussianBlur(blur)).point(lambda value: value * strength // 255)
        soft = soft.resize((FULL, FULL), Image.Resampling.BICUBIC)
        if keep:
            soft = ImageChops.multiply(soft, self.mask(keep))
        self.image.paste(colour, (0, 0), soft)

    def stand(self, x: float, y: float, across: float, colour: str, reach: float = 1.0) -> None:
        """The shadow of something standing here: tight under it, long and faint to the right."""
        tint = rgb(colour)
        self.glow(oval(x + across * 0.55 * reach, y + 6, across * 1.25, across * 0.17), tint, 105, 34)
        self.glow(oval(x + across * 0.10, y, across * 1.02, across * 0.085), tint, 190, 12)

    def text(self, words: str, at: Point, size: float, colour: str, *, bold: bool = True, gap: float = 0) -> None:
        """Centred over a point on the baseline, letters spaced by `gap`."""
        name = "Pretendard-Bold.otf" if bold else "Pretendard-Regular.otf"
        font = ImageFont.truetype(FONTS / name, round(size * SCALE * self.zoom))
        gap *= SCALE * self.zoom
        pen = ImageDraw.Draw(self.image)
        middle, base = self.at(*at)
        left = middle - (sum(font.getlength(c) for c in words) + gap * (len(words) - 1)) / 2
        for letter in words:
            pen.text((left, base), letter, fill=rgb(colour), font=font, anchor="ls")
            left += font.getlength(letter) + gap

    def save(self, name: str) -> None:
        target = HERE / "photos" / name
        small = self.image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        small.save(target, "JPEG", quality=90, optimize=True, subsampling=0)

    def _ramp(self, mask: Image.Image, stops: Stops, across: bool) -> Image.Image:
        box = mask.getbbox() or (0, 0, 1, 1)
        strip = Image.new("RGB", (256, 1))
        strip.putdata([_between(stops, n / 255) for n in range(256)])
        strip = strip if across else strip.transpose(Image.Transpose.ROTATE_270)
        return strip.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC)


def _between(stops: Stops, at: float) -> RGB:
    before = max((stop for stop in stops if stop[0] <= at), key=lambda stop: stop[0], default=stops[0])
    after = min((stop for stop in stops if stop[0] >= at), key=lambda stop: stop[0], default=stops[-1])
    share = 0 if after[0] == before[0] else (at - before[0]) / (after[0] - before[0])
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(before[1], after[1], strict=True))
    return red, green, blue

"""Photos for the sheet: decoded small, cropped around what matters, and asked for their colour."""

import math
from collections.abc import Sequence
from itertools import accumulate

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from core.rules.flyer.palette import DEFAULT_ACCENT, RGB, to_lch, to_rgb
from core.rules.photo import upright

_MAP = 48
_BINS = 24
_AIR, _MOST = 0.14, 0.9
_COARSE, _FINE = 8, 5.0
_RIM = ((0, 0, _MAP, 2), (0, _MAP - 2, _MAP, _MAP), (0, 0, 2, _MAP), (_MAP - 2, 0, _MAP, _MAP))


def cover(data: bytes, size: tuple[int, int]) -> Image.Image:
    """The photo cut to exactly this size, its subject kept in view."""
    image = upright(data, max(size))
    image = _extended(image, size[0] / size[1])
    window = _window(image, size[0] / size[1])
    return image.resize(size, Image.Resampling.LANCZOS, box=window, reducing_gap=2.0)


def leading_colour(data: bytes) -> RGB:
    """The hue that gives the photo its mood; the default when the photo is grey."""
    small = upright(data, _MAP).resize((_MAP, _MAP), Image.Resampling.BOX)
    weights, chromas = [0.0] * _BINS, [0.0] * _BINS
    for colour in _pixels(small):
        lightness, chroma, hue = to_lch(colour)
        weight = chroma * max(0.0, 1 - abs(lightness - 0.55) * 1.8)
        weights[int(hue / 360 * _BINS) % _BINS] += weight
        chromas[int(hue / 360 * _BINS) % _BINS] += weight * chroma
    smooth = [weights[n - 1] + 2 * weights[n] + weights[(n + 1) % _BINS] for n in range(_BINS)]
    best = max(range(_BINS), key=lambda n: (smooth[n], -n))
    if sum(weights) < 0.004 * _MAP * _MAP:
        return DEFAULT_ACCENT
    return to_rgb((0.52, max(0.07, chromas[best] / max(weights[best], 1e-9)), _mean_hue(weights, best)))


def _mean_hue(weights: Sequence[float], best: int) -> float:
    around = [(n % _BINS, n + 0.5) for n in (best - 1, best, best + 1)]
    total = sum(weights[index] for index, _ in around) or 1.0
    return sum(weights[index] * middle for index, middle in around) / total * 360 / _BINS % 360


def _pixels(image: Image.Image) -> list[RGB]:
    raw = image.tobytes()
    return [(raw[n], raw[n + 1], raw[n + 2]) for n in range(0, len(raw), 3)]


def _extended(image: Image.Image, ratio: float) -> Image.Image:
    """A studio photo of another shape gets more of its calm background instead of losing the product's head and feet."""
    width, height = image.size
    if width / height > ratio:
        turned = _extended(image.transpose(Image.Transpose.ROTATE_90), 1 / ratio)
        return turned.transpose(Image.Transpose.ROTATE_270)
    pad = (round(height * _needed(image) * ratio) - width) // 2
    strip = max(2, width // 32)
    sides = [image.crop((0, 0, strip, height)), image.crop((width - strip, 0, width, height))]
    if pad <= 0 or not all(_calm(side) for side in sides):
        return image
    wide = Image.new("RGB", (width + 2 * pad, height))
    wide.paste(image, (pad, 0))
    for side, left in zip(sides, (0, pad + width), strict=True):
        wide.paste(side.resize((1, height), Image.Resampling.BOX).resize((pad, height)), (left, 0))
    return wide


def _needed(image: Image.Image) -> float:
    """The share of the height that the product takes, with some air: the rows between which its outlines lie."""
    edges = image.resize((_MAP, _MAP), Image.Resampling.BOX).convert("L").filter(ImageFilter.FIND_EDGES)
    inner = edges.crop((1, 1, _MAP - 1, _MAP - 1)).resize((1, _MAP - 2), Image.Resampling.BOX)
    sums = list(accumulate(inner.tobytes()))
    first = next(n for n, total in enumerate(sums) if total >= sums[-1] * 0.02)
    last = next(n for n, total in enumerate(sums) if total >= sums[-1] * 0.98)
    return min(_MOST, (last - first + 1) / len(sums) + _AIR)


def _calm(side: Image.Image) -> bool:
    """Whether every row of the strip is of one colour, so that it can be drawn out unseen."""
    small = side.resize((4, _MAP), Image.Resampling.BOX)
    flat = small.resize((1, _MAP), Image.Resampling.BOX).resize((4, _MAP))
    coarse = ImageStat.Stat(ImageChops.difference(small, flat)).extrema
    edges = side.convert("L").filter(ImageFilter.FIND_EDGES)
    fine = ImageStat.Stat(edges.crop((1, 1, side.width - 1, side.height - 1))).mean[0]
    return max(high for _, high in coarse) <= _COARSE and fine <= _FINE


def _window(image: Image.Image, ratio: float) -> tuple[float, float, float, float]:
    """The largest window of this ratio, slid along its free axis to where the picture has most to say."""
    width, height = image.size
    if width / height > ratio:
        keep = height * ratio
        start = _best_start(_interest(image, across=True), keep / width) * width
        return start, 0, start + keep, height
    keep = width / ratio
    start = _best_start(_interest(image, across=False), keep / height) * height
    return 0, start, width, start + keep


def _interest(image: Image.Image, *, across: bool) -> list[float]:
    """Edges, and how unlike the border it is, summed over the fixed axis; the rim itself counts nothing."""
    small = image.resize((_MAP, _MAP), Image.Resampling.BOX, reducing_gap=2.0)
    edges = small.convert("L").filter(ImageFilter.FIND_EDGES)
    unlike = ImageChops.difference(small, Image.new("RGB", small.size, _border_colour(small))).convert("L")
    mixed = ImageOps.expand(Image.blend(edges, unlike, 0.6).crop((1, 1, _MAP - 1, _MAP - 1)), 1)
    strip = mixed.resize((_MAP, 1) if across else (1, _MAP), Image.Resampling.BOX)
    return [float(value) for value in strip.tobytes()]


def _border_colour(small: Image.Image) -> RGB:
    """The average of the outermost pixels: in a product photo that is the background."""
    rim = [small.crop(edge).resize((_MAP, 1), Image.Resampling.BOX) for edge in _RIM]
    colours = [colour for strip in rim for colour in _pixels(strip)]
    red, green, blue = (sum(channel) // len(colours) for channel in zip(*colours, strict=True))
    return red, green, blue


def _best_start(interest: Sequence[float], share: float) -> float:
    """Where a window of this share starts, as a share; a window off the middle has to be clearly better."""
    keep = max(1, round(share * len(interest)))
    spare = len(interest) - keep
    if spare <= 0:
        return (1 - share) / 2
    sums = [0.0, *accumulate(interest)]
    middle = spare / 2

    def score(start: int) -> float:
        pull = math.cos((start - middle) / len(interest) * math.pi)
        return (sums[start + keep] - sums[start]) * pull

    best = max(range(spare + 1), key=lambda start: (score(start), -abs(start - middle)))
    return best / spare * (1 - share)

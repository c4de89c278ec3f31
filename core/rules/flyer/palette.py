"""Colours of one flyer, all grown from one accent in OKLCH, every pair of text and ground checked for contrast."""

import math
import re
from dataclasses import dataclass

from core.errors import InvalidInput, Violation

RGB = tuple[int, int, int]
LCH = tuple[float, float, float]

DEFAULT_ACCENT: RGB = (176, 78, 42)
READABLE = 4.5
WHITE: RGB = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Palette:
    """Grounds: paper, mist (behind photos), deep (panels), accent, spark. Texts carry the ground's name after `on_`."""

    paper: RGB
    mist: RGB
    mist_ring: RGB
    mist_mark: RGB
    rule: RGB
    ink: RGB
    soft: RGB
    accent: RGB
    on_accent: RGB
    spark: RGB
    on_spark: RGB
    deep: RGB
    deep_rule: RGB
    on_deep: RGB
    on_deep_soft: RGB
    on_deep_spark: RGB


def parse(accent: str) -> RGB:
    """ "#RRGGBB" as numbers."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", accent):
        message = "강조색은 #RRGGBB 형식으로 적어 주세요."
        raise InvalidInput(message, [Violation("accent", message, "ACCENT_INVALID")], reason="ACCENT_INVALID")
    return int(accent[1:3], 16), int(accent[3:5], 16), int(accent[5:7], 16)


def build(seed: RGB) -> Palette:
    """Light paper and deep panels share the accent's hue; prices get a warm spark that answers it."""
    _, chroma, hue = to_lch(seed)
    tint = min(1.0, chroma / 0.06)
    warm = _spark_hue(hue) if tint > 0.3 else 35.0
    ground = _paper_hue(hue)
    paper = to_rgb((0.978, 0.011 * tint, ground))
    deep = to_rgb((0.285, 0.052 * tint, hue))
    mist = to_rgb((0.93, 0.022 * tint, ground))
    accent = _readable(to_rgb((0.50, min(chroma, 0.13), hue)), paper, darker=True)
    spark = _readable(to_rgb((0.56, 0.19, warm)), paper, darker=True)
    return Palette(
        paper=paper,
        mist=mist,
        mist_ring=to_rgb((0.908, 0.027 * tint, ground)),
        mist_mark=to_rgb((0.885, 0.032 * tint, ground)),
        rule=to_rgb((0.89, 0.018 * tint, ground)),
        ink=_readable(to_rgb((0.245, 0.022 * tint, hue)), paper, darker=True),
        soft=_readable(to_rgb((0.52, 0.026 * tint, hue)), paper, darker=True),
        accent=accent,
        on_accent=_readable(WHITE, accent, darker=False),
        spark=spark,
        on_spark=_readable(WHITE, spark, darker=False),
        deep=deep,
        deep_rule=to_rgb((0.40, 0.05 * tint, hue)),
        on_deep=_readable(to_rgb((0.985, 0.008 * tint, hue)), deep, darker=False),
        on_deep_soft=_readable(to_rgb((0.80, 0.030 * tint, hue)), deep, darker=False),
        on_deep_spark=_readable(to_rgb((0.80, 0.125, _glow_hue(warm))), deep, darker=False),
    )


def contrast(one: RGB, other: RGB) -> float:
    """WCAG 2 contrast ratio, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def to_lch(colour: RGB) -> LCH:
    """sRGB to OKLCH: lightness 0-1, chroma, hue in degrees."""
    red, green, blue = (_linear(channel) for channel in colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def to_rgb(colour: LCH) -> RGB:
    """OKLCH to sRGB; a colour no screen can show loses chroma until one can."""
    lightness, chroma, hue = colour
    while chroma > 0.001:
        channels = _channels((lightness, chroma, hue))
        if all(-0.002 <= channel <= 1.002 for channel in channels):
            break
        chroma *= 0.95
    red, green, blue = (_byte(channel) for channel in _channels((lightness, chroma, hue)))
    return red, green, blue


def _channels(colour: LCH) -> tuple[float, float, float]:
    lightness, chroma, hue = colour
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _readable(colour: RGB, ground: RGB, *, darker: bool) -> RGB:
    lightness, chroma, hue = to_lch(colour)
    while contrast(colour, ground) < READABLE + 0.1 and 0 < lightness < 1:
        lightness += -0.01 if darker else 0.01
        colour = to_rgb((max(0.0, min(1.0, lightness)), chroma, hue))
    return colour


def _paper_hue(hue: float) -> float:
    """A red tint on paper looks like skin; cream belongs to every warm colour."""
    return 78.0 if hue < 78 or hue > 340 else hue


def _spark_hue(hue: float) -> float:
    """Red to orange accents are their own spark; a cool accent is answered by vermilion."""
    return min(max(hue, 22.0), 48.0) if hue < 75 or hue > 340 else 32.0


def _glow_hue(hue: float) -> float:
    """On a deep ground a light red turns pink, so the spark moves towards amber."""
    return hue + 38.0


def _linear(channel: int) -> float:
    value = channel / 255
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _byte(channel: float) -> int:
    value = min(1.0, max(0.0, channel))
    curved = value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(curved * 255)


def _luminance(colour: RGB) -> float:
    red, green, blue = (_linear(channel) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

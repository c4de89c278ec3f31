"""The two typefaces, their glyphs and their widths: Pretendard, and Noto Sans KR for Hanja it does not have."""

import math
import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import ImageFont
from pylopdf_fonts_ko import sans_path

from core.errors import InvalidInput

_FONTS = Path(__file__).parent / "fonts"
_CHUNK = re.compile(r"[!-~]+|.", re.DOTALL)
_INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFE0E, 0xFE0F, 0xFEFF])


class Weight(StrEnum):
    REGULAR = "Pretendard-Regular.otf"
    BOLD = "Pretendard-Bold.otf"


class Cut:
    """One typeface at one size; a stroke thickens the fallback, which exists in the regular weight only."""

    def __init__(self, path: str, size: int, stroke: float) -> None:
        self.font = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.RAQM)
        self.stroke = stroke
        self.edge = math.ceil(stroke)  # Pillow rounds a stroke's reach down

    @lru_cache(maxsize=4096)  # noqa: B019  cuts live as long as the process, by `_cut`
    def measure(self, chunk: str) -> tuple[float, int, int]:
        """Advance, and how far the ink reaches above and below the baseline."""
        _, top, _, bottom = self.font.getbbox(chunk, anchor="ls", stroke_width=self.stroke)
        return self.font.getlength(chunk), int(-top) + self.edge, int(bottom) + self.edge

    @lru_cache(maxsize=1024)  # noqa: B019
    def bearings(self, chunk: str) -> tuple[int, int]:
        """Empty pixels before and after the ink, which optical alignment takes away."""
        mask, (left, _) = self.font.getmask2(chunk, anchor="ls", stroke_width=self.stroke)
        ink = mask.getbbox()
        if ink is None:
            return 0, 0
        before = int(left) + ink[0]
        after = int(self.font.getlength(chunk)) - int(left) - ink[2]
        return before - self.edge, after - self.edge


@lru_cache(maxsize=512)
def _cut(path: str, size: int, stroke: float) -> Cut:
    return Cut(path, size, stroke)


@lru_cache(maxsize=4)
def _coverage(path: str) -> frozenset[int]:
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


def _own(weight: Weight) -> str:
    return str(_FONTS / weight)


def _covers(path: str, chunk: str) -> bool:
    glyphs = _coverage(path)
    return all(ord(character) in glyphs for character in chunk)


def cut(chunk: str, weight: Weight, size: int) -> Cut:
    """The typeface that has this chunk, the own one first."""
    if _covers(_own(weight), chunk):
        return _cut(_own(weight), size, 0)
    return _cut(str(sans_path()), size, size / 64 if weight is Weight.BOLD else 0)


@lru_cache(maxsize=4096)
def chunks(text: str) -> tuple[str, ...]:
    """Latin words and numbers stay whole (kerning); everything else stands alone."""
    return tuple(_CHUNK.findall(text))


def clean(text: str) -> str:
    """Composed Hangul, no invisible characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())


def require_glyphs(texts: Iterable[str]) -> None:
    """Refuses characters that would come out as boxes."""
    used = dict.fromkeys(character for text in texts for character in clean(text))
    missing = [c for c in used if not _covers(_own(Weight.BOLD), c) and not _covers(str(sans_path()), c)]
    if missing:
        shown = " ".join(missing)
        raise InvalidInput(
            f"전단에 그릴 수 없는 글자가 있습니다: {shown}",
            reason="MISSING_GLYPH",
            facts={"characters": "".join(missing)},
        )

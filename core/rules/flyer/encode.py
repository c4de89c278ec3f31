"""The JPEG every carrier takes: baseline, RGB, no metadata, at most 200,000 bytes, at the best quality that fits."""

import io

from PIL import Image

MAX_BYTES = 200_000
_BEST, _WORST = 93, 5
_FULL_COLOUR_FROM = 76


def encode(image: Image.Image) -> bytes:
    """Full colour resolution keeps coloured letters crisp; a picture too busy for it gets the usual half."""
    quality = _highest(image, 0)
    if quality >= _FULL_COLOUR_FROM:
        return _jpeg(image, quality, 0)
    return _jpeg(image, _highest(image, 2), 2)


def _highest(image: Image.Image, subsampling: int) -> int:
    """By bisection; size grows with quality."""
    low, high = _WORST, _BEST
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(_jpeg(image, middle, subsampling)) <= MAX_BYTES else (low, middle - 1)
    return low


def _jpeg(image: Image.Image, quality: int, subsampling: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=subsampling, optimize=True, progressive=False)
    return out.getvalue()

"""Composes a flyer: words and photos in, one JPEG out, the same bytes every time."""

from collections.abc import Callable

from core.rules.flyer import encode, face, grid, hero, highlight, palette, photos
from core.rules.flyer.sheet import Sheet
from core.rules.flyer.spec import Flyer, Layout, validate

SIZE = (1000, 1000)
_DRAW: dict[Layout, Callable[[Sheet, Flyer], None]] = {
    Layout.HERO: hero.draw,
    Layout.HIGHLIGHT: highlight.draw,
    Layout.GRID: grid.draw,
}


def compose(flyer: Flyer) -> bytes:
    """The flyer as a baseline JPEG of at most 200,000 bytes."""
    return encode.encode(draw(flyer).image)


def draw(flyer: Flyer) -> Sheet:
    """The flyer before it is encoded."""
    validate(flyer)
    face.require_glyphs(_texts(flyer))
    sheet = Sheet(SIZE, palette.build(_seed(flyer)))
    _DRAW[flyer.layout](sheet, flyer)
    return sheet


def _texts(flyer: Flyer) -> list[str]:
    words = [flyer.headline, flyer.shop, flyer.footer]
    return words + [text for item in flyer.items for text in (item.name, item.badge)]


def _seed(flyer: Flyer) -> palette.RGB:
    """The accent that was asked for, or the mood of the first photo."""
    if flyer.accent:
        return palette.parse(flyer.accent)
    first = next((item.photo for item in flyer.items if item.photo), None)
    return photos.leading_colour(first) if first else palette.DEFAULT_ACCENT

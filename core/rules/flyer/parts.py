"""Parts every layout shares: heading, foot, photo with badge, and the picture that stands in for a missing photo."""

import math
from dataclasses import dataclass
from zlib import crc32

from PIL import Image, ImageDraw

from core.rules.flyer import photos, typeset
from core.rules.flyer.box import Box
from core.rules.flyer.face import Weight, clean
from core.rules.flyer.palette import RGB, Palette
from core.rules.flyer.sheet import ALL, Corners, Sheet, Stance
from core.rules.flyer.spec import Flyer, Item
from core.rules.flyer.typeset import Style

MARGIN = 52
RADIUS = 20
_SHOP = Style(Weight.BOLD, 30, 22, tracking=-0.01)
_FOOT = Style(Weight.REGULAR, 26, 20, lines=2, leading=1.35)
_BADGE = Style(Weight.BOLD, 26, 18)
_SMALL_BADGE = Style(Weight.BOLD, 21, 16)
_STAMP = Style(Weight.BOLD, 46, 22, lines=2, leading=1.16)
_SHOP_STEP = 46


@dataclass(frozen=True, slots=True)
class Heading:
    """Shop and headline as they will stand, measured before they are drawn."""

    headline: Style
    setting: typeset.Setting
    height: int


def measure_heading(flyer: Flyer, width: int, style: Style, room: int) -> Heading:
    step = _SHOP_STEP if clean(flyer.shop) else 0
    setting = typeset.fit(flyer.headline, (width, room), style)
    return Heading(style, setting, step + typeset.height(setting, style))


def draw_heading(sheet: Sheet, flyer: Flyer, heading: Heading, box: Box, colours: tuple[RGB, RGB]) -> None:
    """The shop's name as an eyebrow in the second colour, the headline under it in the first."""
    top = box.top
    if clean(flyer.shop):
        typeset.write(sheet, flyer.shop, Box(box.left, top, box.right, top + 40), _SHOP, colours[1])
        top += _SHOP_STEP
    lines = typeset.as_lines(heading.setting, heading.headline, colours[0])
    leading = heading.headline.pitch(heading.setting.size)
    sheet.place(lines, Box(box.left, top, box.right, box.bottom), Stance(leading=leading))


def foot_height(flyer: Flyer, width: int) -> int:
    """What the foot needs, rule included; nothing without a text."""
    if not clean(flyer.footer):
        return 0
    return 22 + typeset.height(typeset.fit(flyer.footer, (width, 80), _FOOT), _FOOT)


def draw_foot(sheet: Sheet, flyer: Flyer, box: Box, colours: tuple[RGB, RGB]) -> None:
    """A hairline and the calm line under it."""
    if clean(flyer.footer):
        sheet.fill(Box(box.left, box.top, box.right, box.top + 2), colours[1])
        typeset.write(sheet, flyer.footer, Box(box.left, box.top + 22, box.right, box.bottom), _FOOT, colours[0])


def signed_foot_height(flyer: Flyer, width: int) -> int:
    """The foot that also carries the shop's name, at its end."""
    plain = foot_height(flyer, _beside_shop(flyer, width))
    return plain or (54 if clean(flyer.shop) else 0)


def draw_signed_foot(sheet: Sheet, flyer: Flyer, box: Box) -> None:
    """Hairline, foot at the left and the shop's name at the right, for deep ground."""
    if not box.height:
        return
    palette, top = sheet.palette, box.top + 22
    sheet.fill(Box(box.left, box.top, box.right, box.top + 2), palette.deep_rule)
    if not clean(flyer.footer):
        typeset.write(sheet, flyer.shop, Box(box.left, top, box.right, box.bottom), _SHOP, palette.on_deep_spark)
        return
    words = Box(box.left, top, box.left + _beside_shop(flyer, box.width), box.bottom)
    typeset.write(sheet, flyer.footer, words, _FOOT, palette.on_deep_soft)
    shop = Box(box.right - _shop_width(flyer, box.width), top - 2, box.right, box.bottom)
    typeset.write(sheet, flyer.shop, shop, _SHOP, palette.on_deep_spark, Stance(across=1))


def _shop_width(flyer: Flyer, width: int) -> int:
    lines = typeset.as_lines(typeset.fit(flyer.shop, (width * 2 // 5, 40), _SHOP), _SHOP, (0, 0, 0))
    return max((math.ceil(line.width) for line in lines), default=0) + 2


def _beside_shop(flyer: Flyer, width: int) -> int:
    return width - _shop_width(flyer, width) - 40


def picture(sheet: Sheet, item: Item, box: Box, radius: int = RADIUS, corners: Corners = ALL) -> None:
    """The product's photo, or its stand-in."""
    image = photos.cover(item.photo, box.size) if item.photo else stand_in(item, box.size, sheet.palette)
    sheet.photo(image, box, radius, corners)


def tab(sheet: Sheet, item: Item, photo: Box, radius: int = RADIUS) -> None:
    """The badge as a tab grown into the photo's corner."""
    text = clean(item.badge)
    if not text:
        return
    style, height = (_BADGE, 46) if photo.width >= 220 else (_SMALL_BADGE, 37)
    side = round(height * 0.4)
    setting = typeset.fit(text, (round(photo.width * 0.92) - 2 * side, height - 8), style)
    lines = typeset.as_lines(setting, style, sheet.palette.on_spark)
    width = round(max((line.width for line in lines), default=0)) + 2 * side
    box = Box(photo.left, photo.top, photo.left + max(width, round(height * 1.4)), photo.top + height)
    sheet.round(box, min(radius, height // 2), sheet.palette.spark, (True, False, True, False))
    sheet.place(lines, box.inset(side // 2, 4), Stance(0.5, 0.5))


def stamp(sheet: Sheet, item: Item, centre: tuple[int, int], radius: int) -> None:
    """The badge as a round stamp with a fine ring."""
    text = clean(item.badge)
    if not text:
        return
    x, y = centre
    disc = Box(x - radius, y - radius, x + radius, y + radius)
    palette = sheet.palette
    sheet.round(disc, radius, palette.spark)
    ring = disc.inset(8, 8)
    sheet.round(ring, ring.width // 2, palette.on_spark)
    core = ring.inset(2, 2)
    sheet.round(core, core.width // 2, palette.spark)
    typeset.write(sheet, text, core.inset(14, 30), _STAMP, palette.on_spark, Stance(0.5, 0.5))


def stand_in(item: Item, size: tuple[int, int], palette: Palette) -> Image.Image:
    """A quiet rising sun in the flyer's own tint; which side it rises on depends on the product."""
    width, height = size
    big = Image.new("RGB", (width * 2, height * 2), palette.mist)
    pen = ImageDraw.Draw(big)
    reach = min(width, height)
    middle = width * 2 * (0.30 + 0.40 * (crc32(clean(item.name).encode()) % 3) / 2)
    for share, colour in ((1.05, palette.mist_ring), (0.78, palette.mist), (0.52, palette.mist_mark)):
        radius = reach * share
        pen.ellipse((middle - radius, height * 2 - radius, middle + radius, height * 2 + radius), fill=colour)
    return big.resize(size, Image.Resampling.BOX)

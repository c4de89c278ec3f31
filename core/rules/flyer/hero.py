"""HERO: one product, its photo across the whole sheet, everything to read on a deep panel under it."""

from core.rules.flyer import parts, price, typeset
from core.rules.flyer.box import Box
from core.rules.flyer.face import Weight
from core.rules.flyer.price import Tone
from core.rules.flyer.sheet import Sheet, Stance
from core.rules.flyer.spec import Flyer, Item
from core.rules.flyer.typeset import Style

_HEADLINE = Style(Weight.BOLD, 74, 42, lines=2, leading=1.2, tracking=-0.025)
_NAME = Style(Weight.REGULAR, 38, 28, lines=2, leading=1.3, tracking=-0.01)
_PRICE, _OLD = 88, 34
_ABOVE, _BELOW = 46, 40
_GAP = 22
_STAMP = 82


def draw(sheet: Sheet, flyer: Flyer) -> None:
    item, palette = flyer.items[0], sheet.palette
    width = sheet.box.width - 2 * parts.MARGIN
    headline = typeset.fit(flyer.headline, (width, 190), _HEADLINE)
    name = typeset.fit(item.name, (width, 110), _NAME)
    offer = typeset.height(name, _NAME) + 24 + round(_PRICE * 0.92)
    foot = parts.signed_foot_height(flyer, width)
    title = typeset.height(headline, _HEADLINE)
    height = _ABOVE + title + _GAP + offer + (foot + 30 if foot else 0) + _BELOW
    panel = Box(0, sheet.box.bottom - height, sheet.box.right, sheet.box.bottom)
    parts.picture(sheet, item, Box(0, 0, sheet.box.right, panel.top), radius=0)
    sheet.fill(panel, palette.deep)
    text = Box(parts.MARGIN, panel.top + _ABOVE, sheet.box.right - parts.MARGIN, panel.bottom - _BELOW)
    lines = typeset.as_lines(headline, _HEADLINE, palette.on_deep)
    sheet.place(lines, text, Stance(leading=_HEADLINE.pitch(headline.size)))
    _offer(sheet, item, name, Box(text.left, text.top + title + _GAP, text.right, text.bottom - foot + 16))
    parts.draw_signed_foot(sheet, flyer, Box(text.left, text.bottom - foot, text.right, text.bottom))
    parts.stamp(sheet, item, (sheet.box.right - parts.MARGIN - _STAMP, panel.top - round(_STAMP * 0.62)), _STAMP)


def _offer(sheet: Sheet, item: Item, name: typeset.Setting, box: Box) -> None:
    """Name, then the price; the old price on the same baseline."""
    palette = sheet.palette
    tone = Tone(palette.on_deep, palette.on_deep_soft, palette.on_deep_spark)
    height = typeset.height(name, _NAME)
    lines = typeset.as_lines(name, _NAME, palette.on_deep_soft)
    sheet.place(lines, Box(box.left, box.top, box.right, box.top + height), Stance(leading=_NAME.pitch(name.size)))
    size = price.common_size([item], round(box.width * 0.72), _PRICE, tone)
    now, old = price.now_line(item, size, tone), price.old_line(item, _OLD, tone)
    top = box.top + height + 24
    sheet.place([now], Box(box.left, top, box.right, box.bottom), Stance())
    left = box.left + round(now.width) + 28
    sheet.place([old], Box(left, top + now.ascent - old.ascent, box.right, box.bottom), Stance())

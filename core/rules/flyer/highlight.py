"""HIGHLIGHT: one product large, one to four small ones beside it, under a deep band with the headline."""

from core.rules.flyer import caption, parts
from core.rules.flyer.box import Box
from core.rules.flyer.caption import Wish
from core.rules.flyer.face import Weight
from core.rules.flyer.price import Tone
from core.rules.flyer.sheet import Sheet
from core.rules.flyer.spec import Flyer, Item
from core.rules.flyer.typeset import Style

_HEADLINE = Style(Weight.BOLD, 70, 40, lines=2, leading=1.2, tracking=-0.025)
_BIG = Wish(Style(Weight.BOLD, 40, 28, lines=2, leading=1.28, tracking=-0.02), 68, 30, 20)
_TILE = Wish(Style(Weight.BOLD, 29, 24, lines=2, leading=1.26, tracking=-0.015), 42, 24, 12)
_LINE = Wish(Style(Weight.BOLD, 27, 22, lines=2, leading=1.26, tracking=-0.015), 37, 22, 11)
_GUTTER = 36


def draw(sheet: Sheet, flyer: Flyer) -> None:
    palette = sheet.palette
    page = sheet.box.inset(parts.MARGIN, 0)
    heading = parts.measure_heading(flyer, page.width, _HEADLINE, 170)
    band = Box(0, 0, sheet.box.right, 44 + heading.height + 36)
    sheet.fill(band, palette.deep)
    words = Box(page.left, 44, page.right, band.bottom)
    parts.draw_heading(sheet, flyer, heading, words, (palette.on_deep, palette.on_deep_spark))
    foot = parts.foot_height(flyer, page.width)
    bottom = page.bottom - 32 - foot
    parts.draw_foot(sheet, flyer, Box(page.left, bottom, page.right, page.bottom - 28), (palette.soft, palette.rule))
    body = Box(page.left, band.bottom + 34, page.right, bottom - (24 if foot else 0))
    split = body.left + round(body.width * (0.55 if len(flyer.items) <= 3 else 0.51))
    _big(sheet, flyer.items[0], Box(body.left, body.top, split, body.bottom))
    _small(sheet, flyer.items[1:], Box(split + _GUTTER, body.top, body.right, body.bottom))


def _tone(sheet: Sheet) -> Tone:
    return Tone(sheet.palette.ink, sheet.palette.soft, sheet.palette.spark)


def _big(sheet: Sheet, item: Item, box: Box) -> None:
    plan = caption.plan([item], box.width, _BIG, _tone(sheet))
    _stacked(sheet, item, plan, box)


def _stacked(sheet: Sheet, item: Item, plan: caption.Plan, box: Box) -> None:
    """Photo above, caption below."""
    frame = Box(box.left, box.top, box.right, box.bottom - plan.height - 18)
    parts.picture(sheet, item, frame)
    parts.tab(sheet, item, frame)
    caption.draw(sheet, item, plan, Box(box.left, frame.bottom + 18, box.right, box.bottom + 8), sheet.palette.ink)


def _small(sheet: Sheet, items: tuple[Item, ...], box: Box) -> None:
    """Up to two stand as tiles; three and four lie down, photo left, caption right."""
    if len(items) <= 2:
        plan = caption.plan(items, box.width, _TILE, _tone(sheet))
        for item, cell in zip(items, box.rows(len(items), 30), strict=True):
            _tile(sheet, item, plan, cell)
        return
    cells = box.rows(len(items), 28)
    side = min(cells[0].height, 152)
    plan = caption.plan(items, box.width - side - 22, _LINE, _tone(sheet))
    for item, cell in zip(items, cells, strict=True):
        _lying(sheet, item, plan, cell, side)


def _tile(sheet: Sheet, item: Item, plan: caption.Plan, cell: Box) -> None:
    """Photos of one height; a short name draws its price up instead of leaving a hole."""
    frame = Box(cell.left, cell.top, cell.right, cell.bottom - plan.height - 18)
    parts.picture(sheet, item, frame)
    parts.tab(sheet, item, frame)
    below = Box(cell.left, frame.bottom + 18, cell.right, cell.bottom + 8)
    caption.draw(sheet, item, caption.suited(plan, [item], cell.width), below, sheet.palette.ink)


def _lying(sheet: Sheet, item: Item, plan: caption.Plan, cell: Box, side: int) -> None:
    frame = Box(cell.left, cell.top, cell.left + side, cell.bottom)
    parts.picture(sheet, item, frame)
    parts.tab(sheet, item, frame)
    plan = caption.suited(plan, [item], cell.right - frame.right - 22)
    top = cell.top + (cell.height - plan.height) // 2
    caption.draw(sheet, item, plan, Box(frame.right + 22, top, cell.right, cell.bottom), sheet.palette.ink)

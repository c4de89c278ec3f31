"""GRID: two to six products of equal rank in rows on light paper."""

from dataclasses import dataclass
from itertools import accumulate

from core.rules.flyer import caption, parts
from core.rules.flyer.box import Box
from core.rules.flyer.caption import Wish
from core.rules.flyer.face import Weight
from core.rules.flyer.price import Tone
from core.rules.flyer.sheet import Sheet
from core.rules.flyer.spec import Flyer, Item
from core.rules.flyer.typeset import Style

_ROWS = {2: (2,), 3: (3,), 4: (2, 2), 5: (2, 3), 6: (3, 3)}
_GUTTER = 24
_HEADLINE = Style(Weight.BOLD, 66, 38, lines=2, leading=1.18, tracking=-0.025)
_WISHES = {
    2: Wish(Style(Weight.BOLD, 34, 26, lines=2, leading=1.28, tracking=-0.015), 50, 28, 14),
    3: Wish(Style(Weight.BOLD, 28, 24, lines=2, leading=1.26, tracking=-0.015), 42, 24, 12),
}


@dataclass(frozen=True, slots=True)
class _Row:
    items: tuple[Item, ...]
    plan: caption.Plan


def draw(sheet: Sheet, flyer: Flyer) -> None:
    palette = sheet.palette
    page = sheet.box.inset(parts.MARGIN, 0)
    rows = _rows(sheet, flyer, page.width)
    room = 112 if len(rows) > 1 else 180
    heading = parts.measure_heading(flyer, page.width, _HEADLINE, room)
    foot = parts.foot_height(flyer, page.width)
    top = Box(page.left, 44, page.right, 44 + heading.height)
    parts.draw_heading(sheet, flyer, heading, Box(*top.edges[:3], top.bottom + 40), (palette.ink, palette.accent))
    bottom = page.bottom - 32 - foot
    parts.draw_foot(sheet, flyer, Box(page.left, bottom, page.right, page.bottom - 28), (palette.soft, palette.rule))
    _draw_rows(sheet, rows, Box(page.left, top.bottom + 30, page.right, bottom - (22 if foot else 0)))


def _rows(sheet: Sheet, flyer: Flyer, width: int) -> list[_Row]:
    palette = sheet.palette
    tone = Tone(palette.ink, palette.soft, palette.spark)
    counts = _ROWS[len(flyer.items)]
    ends = list(accumulate(counts))
    groups = [flyer.items[end - count : end] for end, count in zip(ends, counts, strict=True)]
    rows = []
    for items in groups:
        count = len(items)
        column = (width - _GUTTER * (count - 1)) // count
        peers = [item for group in groups if len(group) == count for item in group]
        rows.append(_Row(items, caption.suited(caption.plan(peers, column, _WISHES[count], tone), items, column)))
    return rows


def _draw_rows(sheet: Sheet, rows: list[_Row], box: Box) -> None:
    """Captions take what they need; the photos share the rest equally."""
    gap = 28
    free = box.height - gap * (len(rows) - 1) - sum(row.plan.height + 16 for row in rows)
    photo = free // len(rows)
    top = box.top
    for row in rows:
        bottom = top + photo + 16 + row.plan.height
        cells = Box(box.left, top, box.right, bottom).columns(len(row.items), _GUTTER)
        for item, cell in zip(row.items, cells, strict=True):
            _cell(sheet, item, row.plan, cell, photo)
        top = bottom + gap


def _cell(sheet: Sheet, item: Item, plan: caption.Plan, cell: Box, photo: int) -> None:
    frame = Box(cell.left, cell.top, cell.right, cell.top + photo)
    parts.picture(sheet, item, frame)
    parts.tab(sheet, item, frame)
    caption.draw(sheet, item, plan, Box(cell.left, frame.bottom + 16, cell.right, cell.bottom + 8), sheet.palette.ink)

"""Name and price under or beside a photo, planned for a whole row so that neighbours line up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.rules.flyer import price, typeset
from core.rules.flyer.box import Box
from core.rules.flyer.palette import RGB
from core.rules.flyer.price import Tone
from core.rules.flyer.sheet import Sheet, Stance
from core.rules.flyer.spec import Item
from core.rules.flyer.typeset import Style


@dataclass(frozen=True, slots=True)
class Wish:
    """How the caption should look when there is room."""

    name: Style
    price: int
    old: int
    gap: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How it will look: one size for all names and one for all prices of the row."""

    name: Style
    price: int
    old: int
    gap: int
    name_height: int
    old_height: int
    beside: bool
    tone: Tone

    @property
    def height(self) -> int:
        return self.name_height + self.gap + self.old_height + _digits(self.price)


def plan(items: Sequence[Item], width: int, wish: Wish, tone: Tone) -> Plan:
    """Sizes for these items in columns of this width."""
    room = (width, wish.name.pitch(wish.name.size) * wish.name.lines)
    name = typeset.common([item.name for item in items], room, wish.name)
    heights = [typeset.height(typeset.fit(item.name, room, name), name) for item in items]
    size = price.common_size(items, width, wish.price, tone)
    on_sale = [item for item in items if item.sale_price_krw is not None]
    beside = _size_beside(on_sale, width, size, wish.old, tone)
    old_height = 0 if beside or not on_sale else round(wish.old * 1.4)
    return Plan(name, beside or size, wish.old, wish.gap, max(heights), old_height, bool(beside), tone)


def suited(plan: Plan, items: Sequence[Item], width: int) -> Plan:
    """The same sizes for only some of the items: without the lines that only the others need."""
    room = (width, plan.name.pitch(plan.name.size) * plan.name.lines)
    tallest = max(typeset.height(typeset.fit(item.name, room, plan.name), plan.name) for item in items)
    on_sale = any(item.sale_price_krw is not None for item in items)
    return replace(plan, name_height=tallest, old_height=plan.old_height if on_sale else 0)


def draw(sheet: Sheet, item: Item, plan: Plan, box: Box, ink: RGB) -> None:
    """From the top of the box: name, price, old price; the old price stands beside where the row has room."""
    names = Box(box.left, box.top, box.right, box.top + plan.name.pitch(plan.name.size) * plan.name.lines)
    typeset.write(sheet, item.name, names, plan.name, ink)
    old = price.old_line(item, plan.old, plan.tone)
    now = price.now_line(item, plan.price, plan.tone)
    top = box.top + plan.name_height + plan.gap
    sheet.place([now], Box(box.left, top, box.right, box.bottom), Stance())
    if not old.glyphs:
        return
    if plan.beside:
        left, top = box.left + round(now.width) + _space(plan.price), top + now.ascent - old.ascent
    else:
        left, top = box.left, top + now.ascent + round(plan.old * 0.55)
    sheet.place([old], Box(left, top, box.right, box.bottom), Stance())


def _size_beside(on_sale: Sequence[Item], width: int, size: int, old: int, tone: Tone) -> int:
    """The price size at which the old price fits beside it, a little smaller if need be; 0 when it does not."""
    for smaller in range(size, round(size * 0.82), -1):
        if all(_both(item, smaller, old, tone) <= width for item in on_sale):
            return smaller
    return 0


def _both(item: Item, size: int, old: int, tone: Tone) -> float:
    now, before = price.now_line(item, size, tone), price.old_line(item, old, tone)
    return now.width + _space(size) + 2 + before.width


def _space(size: int) -> int:
    return round(size * 0.3)


def _digits(size: int) -> int:
    return round(size * 0.92)

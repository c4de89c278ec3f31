"""Prices on a flyer: digits large, 원 small, the old price struck through, the discount never rounded up."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.rules.flyer.face import Weight
from core.rules.flyer.line import Line, Span, set_line
from core.rules.flyer.palette import RGB
from core.rules.flyer.spec import Item

_FLOOR = 20


@dataclass(frozen=True, slots=True)
class Tone:
    """Colours of a price on its ground."""

    ink: RGB
    soft: RGB
    spark: RGB


def won(amount: int) -> str:
    return f"{amount:,}"


def discount(item: Item) -> int:
    """Whole per cent off, rounded down: a flyer must not promise more than the till gives."""
    if item.sale_price_krw is None or item.price_krw <= 0:
        return 0
    return (item.price_krw - item.sale_price_krw) * 100 // item.price_krw


def now_line(item: Item, size: int, tone: Tone) -> Line:
    """The price to pay, after the discount where there is one."""
    amount = item.price_krw if item.sale_price_krw is None else item.sale_price_krw
    percent = discount(item)
    off = [Span(f"{percent}%", Weight.BOLD, size, tone.spark)] if percent else []
    gap = round(size * 0.24) if percent else 0
    digits = Span(won(amount), Weight.BOLD, size, tone.ink, gap=gap)
    unit = Span("원", Weight.BOLD, round(size * 0.62), tone.ink, gap=round(size * 0.05))
    return set_line([*off, digits, unit])


def old_line(item: Item, size: int, tone: Tone) -> Line:
    """The price before, struck through; empty when nothing is off."""
    if item.sale_price_krw is None:
        return set_line([])
    return set_line([Span(f"{won(item.price_krw)}원", Weight.REGULAR, size, tone.soft, struck=True)])


def common_size(items: Sequence[Item], width: int, wished: int, tone: Tone) -> int:
    """The largest size at which every one of these prices fits the width."""
    size = wished
    while size > _FLOOR and any(now_line(item, size, tone).width > width for item in items):
        size -= 1
    return size

"""Prices: thousands apart, discounts never rounded up, everything in one size that fits."""

import pytest

from core.rules.flyer.price import Tone, common_size, discount, now_line, old_line, won
from core.rules.flyer.spec import Item

TONE = Tone((0, 0, 0), (90, 90, 90), (180, 40, 20))


def item(price: int, sale: int | None = None) -> Item:
    return Item("원두", price, sale, "", None)


def letters(line: object) -> str:
    return "".join(glyph.chunk for glyph in line.glyphs)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("amount", "shown"), [(0, "0"), (900, "900"), (12_900, "12,900"), (1_234_567, "1,234,567")])
def test_thousands_stand_apart(amount: int, shown: str) -> None:
    assert won(amount) == shown


@pytest.mark.parametrize(
    ("price", "sale", "percent"),
    [(10_000, 8_000, 20), (15_900, 12_700, 20), (4_500, 3_900, 13), (10_000, 9_999, 0), (10_000, 0, 100), (10_000, None, 0)],
)
def test_a_discount_is_never_rounded_up(price: int, sale: int | None, percent: int) -> None:
    assert discount(item(price, sale)) == percent


def test_the_price_to_pay_is_the_sale_price() -> None:
    assert letters(now_line(item(15_900, 12_700), 40, TONE)) == "20%12,700원"
    assert letters(now_line(item(15_900), 40, TONE)) == "15,900원"


def test_a_discount_under_one_per_cent_shows_no_percentage() -> None:
    assert letters(now_line(item(10_000, 9_950), 40, TONE)) == "9,950원"


def test_the_unit_is_smaller_than_the_digits() -> None:
    line = now_line(item(12_900), 50, TONE)
    digits, unit = line.glyphs[0].cut.font.size, line.glyphs[-1].cut.font.size
    assert unit < 0.7 * digits


def test_the_old_price_is_struck_through_from_end_to_end() -> None:
    line = old_line(item(15_900, 12_700), 26, TONE)
    (stroke,) = line.strokes
    assert letters(line) == "15,900원"
    assert stroke.left <= 0 and stroke.right >= line.glyphs[-1].x and 0 < stroke.rise < 26


def test_without_a_sale_there_is_no_old_price() -> None:
    assert old_line(item(15_900), 26, TONE).glyphs == ()


def test_one_size_for_all_prices_of_a_row() -> None:
    items = [item(9_000), item(1_890_000, 1_512_000)]
    size = common_size(items, 280, 42, TONE)
    assert size < 42
    assert all(now_line(each, size, TONE).width <= 280 for each in items)
    assert now_line(items[1], size + 1, TONE).width > 280

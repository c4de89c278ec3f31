"""What a flyer may be: how many products, which words, which prices."""

from dataclasses import replace

import pytest

from core.errors import InvalidInput
from core.rules.flyer.spec import Flyer, Item, Layout, best_layout, capacity, validate

ITEM = Item("봄날 블렌드", 15_900, None, "", None)


def flyer(layout: Layout, count: int) -> Flyer:
    return Flyer(layout, "11월 원두전", "봄날커피", "11.30까지", (ITEM,) * count)


def refusal(wrong: Flyer) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        validate(wrong)
    return refused.value


@pytest.mark.parametrize("count", range(1, 7))
def test_every_number_of_products_has_a_layout_that_takes_it(count: int) -> None:
    fewest, most = capacity(best_layout(count))
    assert fewest <= count <= most
    validate(flyer(best_layout(count), count))


@pytest.mark.parametrize("count", [-1, 0, 7, 100])
def test_no_layout_for_none_or_too_many(count: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        best_layout(count)
    assert refused.value.reason == "FLYER_ITEM_COUNT"


@pytest.mark.parametrize("layout", list(Layout))
def test_a_layout_refuses_one_too_few_and_one_too_many(layout: Layout) -> None:
    fewest, most = capacity(layout)
    for count in (fewest - 1, most + 1):
        error = refusal(flyer(layout, count))
        assert error.reason == "FLYER_ITEM_COUNT"
        assert [violation.field for violation in error.violations] == ["items"]
        assert f"{count}개" in error.message


def test_a_sale_price_must_be_lower() -> None:
    for sale in (15_900, 20_000, -1):
        wrong = replace(flyer(Layout.HERO, 1), items=(replace(ITEM, sale_price_krw=sale),))
        (violation,) = refusal(wrong).violations
        assert (violation.field, violation.reason) == ("items[0].sale_price_krw", "SALE_NOT_LOWER")


def test_every_wrong_field_is_named_at_once() -> None:
    items = (replace(ITEM, name="  "), replace(ITEM, price_krw=-5), ITEM)
    error = refusal(Flyer(Layout.GRID, " ", "봄날커피", "", items))
    assert [violation.field for violation in error.violations] == ["headline", "items[0].name", "items[1].price_krw"]

"""Won, exact until shown."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, NotFound
from core.rules.channel import Channel
from core.rules.price import PriceTable, table, to_won

amounts = st.decimals(min_value=0, max_value=10**9, places=3)


def test_aligos_list_prices() -> None:
    aligo = table("aligo")
    assert {channel: str(price) for channel, price in aligo.prices.items()} == {
        Channel.SMS: "8.4",
        Channel.LMS: "25.9",
        Channel.MMS: "60",
        Channel.ALIMTALK: "6.5",
    }
    assert not aligo.sample


def test_solapis_prices_are_marked_as_samples() -> None:
    solapi = table("solapi")
    assert [int(solapi.prices[channel]) for channel in Channel] == [18, 45, 110, 13]
    assert solapi.sample


@pytest.mark.parametrize("provider", ["aligo", "solapi"])
def test_every_table_has_a_price_for_every_channel(provider: str) -> None:
    prices = table(provider).prices
    assert set(prices) == set(Channel)
    assert all(type(price) is Decimal and price > 0 for price in prices.values())


def test_the_table_of_a_day_is_the_one_in_force() -> None:
    assert table("aligo", on=date(2026, 11, 23)) == table("aligo")
    with pytest.raises(NotFound):
        table("aligo", on=date(2025, 12, 31))


def test_an_unknown_provider_has_no_prices() -> None:
    with pytest.raises(NotFound) as caught:
        table("nobody")
    assert caught.value.facts == {"provider": "nobody"}


def test_cost_is_exact() -> None:
    assert table("aligo").cost(Channel.SMS, 3) == Decimal("25.2")
    assert table("aligo").cost(Channel.LMS, 100_000) == Decimal("2590000")
    assert table("aligo").cost(Channel.MMS, 0) == 0


def test_a_channel_without_price_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        PriceTable("aligo", "own", {Channel.SMS: Decimal("8")}).cost(Channel.MMS, 1)
    assert caught.value.reason == "NO_PRICE"
    assert caught.value.facts == {"provider": "aligo", "channel": "MMS"}


def test_a_negative_count_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="negative"):
        table("aligo").cost(Channel.SMS, -1)


@pytest.mark.parametrize(("amount", "won"), [("0", 0), ("8.4", 8), ("8.5", 9), ("9.5", 10), ("25.49", 25), ("2590000", 2590000)])
def test_half_a_won_is_rounded_up(amount: str, won: int) -> None:
    assert to_won(Decimal(amount)) == won


@given(st.lists(st.tuples(st.sampled_from(list(Channel)), st.integers(0, 10_000)), max_size=30))
def test_the_sum_of_the_parts_is_the_cost_of_the_whole(charges: list[tuple[Channel, int]]) -> None:
    aligo = table("aligo")
    whole = sum((aligo.cost(channel, sum(n for one, n in charges if one is channel)) for channel in Channel), Decimal(0))
    assert sum((aligo.cost(channel, count) for channel, count in charges), Decimal(0)) == whole


@given(amounts)
def test_the_shown_won_are_at_most_half_a_won_off(amount: Decimal) -> None:
    assert abs(to_won(amount) - amount) <= Decimal("0.5")

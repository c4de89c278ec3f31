"""A cap in won: to the message, with the exact prices."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.budget import Purse, fitting, over, used_up
from core.rules.channel import Channel
from core.rules.letter import Part

PRICES = {Channel.SMS: Decimal("8.4"), Channel.LMS: Decimal("25.9"), Channel.MMS: Decimal(0)}


def part(channel: Channel, people: int, first: int = 0) -> Part:
    positions = tuple(range(first, first + people))
    return Part(channel, positions, tuple(f"글{at}" for at in positions))


@pytest.mark.parametrize(
    ("left", "people"), [("84", 10), ("83.99", 9), ("8.4", 1), ("8.39", 0), ("0", 0), ("-20", 0), ("1000", 10)]
)
def test_the_last_message_is_the_last_one_that_can_be_paid(left: str, people: int) -> None:
    kept, cost = fitting([part(Channel.SMS, 10)], PRICES, Decimal(left))
    assert (sum(len(one.positions) for one in kept), cost) == (people, people * Decimal("8.4"))
    assert all(one.texts == tuple(f"글{at}" for at in one.positions) for one in kept)


def test_what_is_too_dear_leaves_room_for_what_is_cheaper() -> None:
    kept, cost = fitting([part(Channel.LMS, 2), part(Channel.SMS, 5, 2)], PRICES, Decimal("45"))
    assert [(one.channel, one.positions) for one in kept] == [(Channel.LMS, (0,)), (Channel.SMS, (2, 3))]
    assert cost == Decimal("42.7")


def test_what_costs_nothing_always_goes() -> None:
    assert fitting([part(Channel.MMS, 3)], PRICES, Decimal(0)) == ((part(Channel.MMS, 3),), 0)


@given(st.lists(st.tuples(st.sampled_from([Channel.SMS, Channel.LMS]), st.integers(1, 20))), st.decimals(-100, 1000, places=2))
def test_never_beyond_and_never_one_too_few(groups: list[tuple[Channel, int]], left: Decimal) -> None:
    parts = [part(channel, people, 100 * at) for at, (channel, people) in enumerate(groups)]
    kept, cost = fitting(parts, PRICES, left)
    assert cost <= max(left, Decimal(0))
    assert cost == sum(PRICES[one.channel] * len(one.positions) for one in kept)
    sent = {position for one in kept for position in one.positions}
    for one in parts:
        if set(one.positions) - sent:
            assert cost + PRICES[one.channel] > left


def test_what_is_said_names_cap_spent_and_left() -> None:
    purse = Purse(10_000, Decimal("9996.0"))
    assert purse.left == 4
    assert used_up(purse, 1234) == (
        "예산 10,000원 가운데 9,996원을 써서 멈추었습니다. 1,234명이 남아 있습니다. 예산을 늘린 뒤 다시 시작해 주세요."
    )


def test_the_warning_comes_only_when_the_forecast_is_beyond_the_cap() -> None:
    assert over(0, Decimal(10**9)) == over(84, Decimal("84.0")) == ""
    assert "84원이 예산 83원을 넘습니다" in over(83, Decimal("84.0"))

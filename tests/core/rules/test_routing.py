"""Routing: what is frozen comes back whole, priorities and prices order, shares share, the breaker waits longer each time."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.channel import Channel
from core.rules.routing import TROUBLES, Policy, Route, open_until, planned, thawed, turn

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)


def route(*, priority: int = 0, share: int = 1, sms: str = "8.4", lms: str = "25.9") -> Route:
    return Route(uuid4(), "aligo", {Channel.SMS: Decimal(sms), Channel.LMS: Decimal(lms)}, priority, share)


def test_what_is_frozen_comes_back_to_the_hundredth() -> None:
    one = route(priority=2, share=3)
    assert thawed(one.frozen()) == one
    assert one.frozen()["prices"]["SMS"] == "8.4"


def test_priority_comes_before_price_and_cost_before_priority() -> None:
    dear, cheap, text = route(priority=0, sms="18"), route(priority=1), route(priority=1, sms="9", lms="20")
    assert planned([cheap, dear, text], Policy.PRIORITY, Channel.SMS) == (dear, cheap, text)
    by_cost = planned([dear, cheap, text], Policy.COST, Channel.SMS)
    assert [one.account for one in by_cost] == [cheap.account, text.account, dear.account]
    assert [one.priority for one in by_cost] == [0, 1, 2], "so that the dearer ones wait for the cheaper"
    assert planned([dear, cheap, text], Policy.COST, Channel.LMS)[0].account == text.account


def test_who_has_no_price_for_the_channel_comes_last_under_cost() -> None:
    priced, other = route(sms="100"), Route(uuid4(), "x", {})
    assert [one.account for one in planned([other, priced], Policy.COST, Channel.SMS)] == [priced.account, other.account]


def test_equals_share_and_the_others_follow() -> None:
    three, one, spare = route(share=3), route(share=1), route(priority=5)
    firsts = Counter(turn([three, one, spare], number)[0].account for number in range(400))
    assert firsts == {three.account: 300, one.account: 100}
    assert {turn([three, one, spare], number)[-1].account for number in range(8)} == {spare.account}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=6), st.integers(0, 10**9))
def test_nobody_is_lost_and_no_priority_is_overtaken(kinds: list[tuple[int, int]], number: int) -> None:
    routes = [Route(UUID(int=at), "x", {}, priority, share) for at, (priority, share) in enumerate(kinds)]
    ordered = turn(routes, number)
    assert sorted(ordered, key=lambda one: one.account) == routes
    assert [one.priority for one in ordered] == sorted(one.priority for one in routes)


@pytest.mark.parametrize(("troubles", "seconds"), [(1, 10), (TROUBLES, 10), (TROUBLES + 1, 20), (TROUBLES + 3, 80), (500, 300)])
def test_a_breaker_waits_twice_as_long_each_time_up_to_five_minutes(troubles: int, seconds: float) -> None:
    assert (open_until(NOW, troubles, 0.0) - NOW).total_seconds() == seconds
    assert (open_until(NOW, troubles, 1.0) - NOW).total_seconds() == seconds * 1.25

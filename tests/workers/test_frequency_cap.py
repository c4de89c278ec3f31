"""The cap of advertising per person: over all campaigns and channels, within its days, in preview, plan and dispatch alike."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.db import campaigns
from core.db.session import database
from core.rules.states import MessageState
from tests.workers.shop import Shop, Time, open_shop

LONG = "(광고)[봄날커피] " + "원두를 오래 볶아 20% 할인합니다. " * 5 + "\n무료거부0801234567"


def cap(shop: Shop, ads: int, days: int = 1) -> None:
    shop.sql("UPDATE workspaces SET ad_cap = :ads, ad_cap_days = :days", ads=ads, days=days)


def previewed(shop: Shop, campaign: UUID) -> list[str | None]:
    """The reason of everybody, as a preview sees it."""
    with database().read(shop.workspace) as tx:
        rows: Sequence[Any] = campaigns.audience(tx, campaigns.get(tx, campaign), after=0, people=100, keys=[])
        return [row.reason for row in rows]


def marked(shop: Shop, campaign: UUID, state: MessageState) -> None:
    """All of its messages as if they had come to this."""
    shop.sql(
        "UPDATE batches SET state = 4, states = decode(repeat(:byte, cardinality(contact_ids)), 'hex') WHERE campaign_id = :c",
        byte=f"{int(state):02x}",
        c=campaign,
    )


def test_whoever_got_as_many_as_allowed_is_left_out_of_the_plan(shop: Shop) -> None:
    cap(shop, 2)
    shop.customers(4)
    for _ in range(2):
        assert shop.run(shop.campaign())["accepted"] == 4
    third = shop.campaign()
    assert previewed(shop, third) == ["FREQUENCY_CAP"] * 4
    shop.plan(third, chunk=2)
    counters = shop.counters(third)
    assert (counters["selected"], counters["excluded"], counters["planned"]) == (4, 4, 0)
    assert shop.reasons(third) == {("excluded", "FREQUENCY_CAP"): 4}


def test_of_two_that_were_planned_at_once_the_first_to_leave_counts(shop: Shop) -> None:
    cap(shop, 1)
    shop.customers(3)
    first, second = shop.campaign(), shop.campaign()
    shop.plan(first), shop.plan(second)
    assert shop.counters(second)["planned"] == 3
    assert shop.deliver(second)["accepted"] == 3
    assert shop.deliver(first)["excluded"] == 3
    assert shop.reasons(first) == {("excluded", "FREQUENCY_CAP"): 3}


def test_only_those_who_got_something_are_left_out(shop: Shop) -> None:
    cap(shop, 1)
    shop.customers(2, tags=["먼저"])
    assert shop.run(shop.campaign(any_tags=["먼저"]))["accepted"] == 2
    shop.customers(3, first=100)
    with database().read(shop.workspace) as tx:
        last, people = campaigns.audience_end(tx, campaigns.get(tx, second := shop.campaign()))
    assert people == 5 and last
    counters = shop.run(second)
    assert (counters["excluded"], counters["accepted"]) == (2, 3)


def test_every_channel_of_advertising_counts_and_information_does_not(shop: Shop) -> None:
    cap(shop, 2)
    shop.customers(2)
    assert shop.run(shop.campaign())["accepted"] == 2  # an SMS
    assert shop.run(shop.campaign("주문이 발송되었습니다.", purpose="INFO"))["accepted"] == 2
    assert shop.run(shop.campaign(LONG))["accepted"] == 2  # an LMS
    assert {row.channel for row in shop.sql("SELECT channel FROM attempts")} == {"SMS", "LMS"}
    assert shop.run(shop.campaign())["excluded"] == 2
    assert shop.run(shop.campaign("주문이 배송되었습니다.", purpose="INFO"))["accepted"] == 2


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (MessageState.PLANNED, False),
        (MessageState.HELD, False),
        (MessageState.CLAIMED, True),
        (MessageState.UNKNOWN, True),
        (MessageState.ACCEPTED, True),
        (MessageState.DELIVERED, True),
        (MessageState.FAILED, False),
        (MessageState.CANCELLED, False),
        (MessageState.EXPIRED, False),
        (MessageState.EXCLUDED, False),
    ],
)
def test_what_left_or_may_have_left_counts(shop: Shop, state: MessageState, counts: bool) -> None:
    cap(shop, 1)
    shop.customers(2)
    shop.plan(first := shop.campaign())
    marked(shop, first, state)
    assert previewed(shop, shop.campaign()) == ["FREQUENCY_CAP" if counts else None] * 2


def test_after_its_days_an_ad_does_not_count_any_more(shop: Shop, time: Time) -> None:
    cap(shop, 1, days=7)
    shop.customers(2)
    first = shop.campaign()
    assert shop.run(first)["accepted"] == 2
    shop.sql("UPDATE campaigns SET state = 'DONE', ended_at = :now WHERE id = :c", now=clock.now(), c=first)
    second = shop.campaign()
    time.forward(days=6)
    assert previewed(shop, second) == ["FREQUENCY_CAP"] * 2
    time.forward(days=2)
    assert previewed(shop, second) == [None] * 2


def test_no_cap_opens_nothing_and_leaves_nobody_out(shop: Shop) -> None:
    shop.customers(2)
    for _ in range(3):
        assert shop.run(shop.campaign())["accepted"] == 2


def test_what_another_merchant_sends_does_not_count(shop: Shop) -> None:
    other_shop = open_shop()
    cap(shop, 1)
    cap(other_shop, 1)
    shop.customers(2), other_shop.customers(2)
    assert other_shop.run(other_shop.campaign())["accepted"] == 2
    assert shop.run(shop.campaign())["accepted"] == 2

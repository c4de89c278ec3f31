"""The cap: never a message beyond it, with fractions of won and several workers; and it says what it did."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import pytest

from core import clock
from core.db.ids import new_id
from tests.workers.shop import Sandbox, Shop, Time
from workers import deliver, sweep

PRICE = Decimal("8.4")


@pytest.fixture(autouse=True)
def balanced(shop: Shop) -> Iterator[None]:
    """At the end of every story: nobody has anything in hand, and what is committed is what was spent."""
    yield
    rows = shop.sql(
        "SELECT c.id, c.budget_krw, c.committed, (SELECT sum(cost) FROM campaign_counters k WHERE k.campaign_id = c.id) AS cost,"
        " (SELECT sum(claimed + unknown) FROM campaign_counters k WHERE k.campaign_id = c.id) AS open FROM campaigns c"
    )
    for row in rows:
        assert row.cost <= row.budget_krw
        if not row.open:
            assert row.committed == row.cost


def row(shop: Shop, campaign: UUID):
    return shop.sql("SELECT state, waiting_for, committed FROM campaigns WHERE id = :c", c=campaign)[0]


def due(shop: Shop, campaign: UUID) -> list[UUID]:
    found = shop.sql(
        "SELECT id FROM batches WHERE campaign_id = :c AND state = 0 AND due_at <= :now", c=campaign, now=clock.now()
    )
    return [one.id for one in found]


def at_once(shop: Shop, campaign: UUID, workers: int = 4) -> None:
    """Every due batch is offered to all the workers."""
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda batch: deliver.deliver(shop.workspace, batch), due(shop, campaign) * 2))


def test_the_cap_is_exact_with_four_workers_and_fractional_prices(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(200)
    campaign = shop.campaign(batch_size=7, budget_krw=1000)
    shop.plan(campaign)
    for _ in range(4):
        at_once(shop, campaign)
        time.forward(seconds=11)
    found = shop.counters(campaign)
    assert found["accepted"] == int(1000 / PRICE) == 119
    assert (found["cost"], found["planned"]) == (119 * PRICE, 81)
    assert sandbox.stats()["accepted_messages"] == 119
    paused = row(shop, campaign)
    assert (paused.state, paused.committed) == ("PAUSED", 119 * PRICE)
    assert paused.waiting_for == (
        "예산 1,000원 가운데 1,000원을 써서 멈추었습니다. 81명이 남아 있습니다. 예산을 늘린 뒤 다시 시작해 주세요."
    )


def test_a_raised_cap_goes_on_to_the_next_one(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(100)
    campaign = shop.campaign(batch_size=10, budget_krw=84)
    shop.plan(campaign)
    for budget, accepted in ((84, 10), (500, 59), (10_000, 100)):
        shop.sql("UPDATE campaigns SET budget_krw = :b, state = 'SENDING'", b=budget)
        for _ in range(3):
            at_once(shop, campaign)
            time.forward(seconds=11)
        assert shop.counters(campaign)["accepted"] == accepted
    sweep.sweep()
    assert shop.state(campaign) == "DONE"
    assert len({one["to"] if "to" in one else one["receiver"] for one in sandbox.log()}) == 100


def test_what_is_refused_gives_its_money_back_and_others_use_it(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(100)
    campaign = shop.campaign(batch_size=10, budget_krw=500)
    shop.plan(campaign)
    sandbox.fault("code", path="/send*", code=-999, message="내용 오류", count=3)
    for _ in range(4):
        at_once(shop, campaign)
        time.forward(seconds=11)
    found = shop.counters(campaign)
    assert found["failed"] >= 30 - 10 and found["accepted"] == int(500 / PRICE) == 59
    assert found["planned"] == 100 - found["failed"] - 59
    assert row(shop, campaign).state == "PAUSED"


def test_what_may_have_left_keeps_its_money_until_it_is_known(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(30)
    campaign = shop.campaign(batch_size=10, budget_krw=200)
    shop.plan(campaign)
    sandbox.fault("error_500", path="/send*")
    for batch in due(shop, campaign):
        deliver.deliver(shop.workspace, batch)
    found = shop.counters(campaign)
    assert (found["unknown"], found["accepted"], found["planned"]) == (10, 13, 7)
    at_once(shop, campaign)
    held = row(shop, campaign)
    assert (held.state, held.committed) == ("SENDING", 23 * PRICE)
    assert due(shop, campaign) == [], "what others have in hand may come back"
    time.forward(minutes=5)
    shop.reconcile(campaign)
    found = shop.counters(campaign)
    assert (found["unknown"], found["planned"]) == (0, 17)
    assert row(shop, campaign).committed == 13 * PRICE
    for _ in range(3):
        at_once(shop, campaign)
        time.forward(seconds=11)
    assert shop.counters(campaign)["accepted"] == 23
    assert row(shop, campaign).state == "PAUSED"


def test_what_the_provider_has_no_time_for_costs_nothing(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(10)
    campaign = shop.campaign(budget_krw=84)
    sandbox.fault("busy", path="/send*", status=429)
    shop.run(campaign)
    assert row(shop, campaign).committed == 0
    time.forward(minutes=1)
    assert shop.deliver(campaign)["accepted"] == 10


def test_a_worker_that_dies_leaves_its_reservation_to_the_reconciler(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    from tests.workers.shop import database
    from workers import claim
    from workers.routing import Hand

    shop.customers(10)
    campaign = shop.campaign(budget_krw=84)
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        assert claim.claim(tx, batch, Hand())
    shop.sql("UPDATE batches SET lease_owner = :nobody", nobody=new_id())
    sweep.sweep()
    assert (shop.counters(campaign)["unknown"], row(shop, campaign).committed) == (10, 10 * PRICE)
    time.forward(minutes=5)
    shop.reconcile(campaign)
    assert row(shop, campaign).committed == 0
    assert shop.deliver(campaign)["accepted"] == 10


def test_dear_and_cheap_messages_share_a_cap(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(20)
    long = "가" * 60
    shop.sql("UPDATE contacts SET attributes = jsonb_build_object('글', CAST(:long AS text)) WHERE id % 2 = 0", long=long)
    shop.sql("UPDATE contacts SET attributes = jsonb_build_object('글', '짧게') WHERE id % 2 = 1")
    campaign = shop.campaign("(광고)[봄날커피] #{글}\n무료거부0801234567", batch_size=6, budget_krw=200)
    shop.plan(campaign)
    for _ in range(4):
        at_once(shop, campaign)
        time.forward(seconds=11)
    found = shop.counters(campaign)
    assert 200 - found["cost"] < Decimal("25.9")
    assert row(shop, campaign).state == "PAUSED"


def test_without_a_cap_nothing_is_reserved(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    campaign = shop.campaign()
    assert shop.run(campaign)["accepted"] == 10
    assert row(shop, campaign).committed == 0
    shop.sql("UPDATE campaigns SET budget_krw = 84, committed = 84")

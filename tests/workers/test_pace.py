"""Pace: in no window more than agreed leave, after outages, nights and pauses too; and nothing waits in a queue for its time."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core import clock, jobs
from core.db import provider_accounts
from core.db.session import database
from core.rules import night
from core.rules.pace import Pace
from tests.workers.shop import Sandbox, Shop, Time
from workers import deliver, plan, sweep

PACE = Pace(100, 600, rests=night.DEFAULT)
PACED = {"pace_people": PACE.people, "pace_seconds": PACE.seconds}


def dues(shop: Shop, campaign: UUID) -> list[datetime]:
    return [row.due_at for row in shop.sql("SELECT due_at FROM batches WHERE campaign_id = :c ORDER BY id", c=campaign)]


def left(shop: Shop, campaign: UUID) -> list[tuple[datetime, int]]:
    """(when, how many) of every call."""
    return [(one.started_at, len(one.positions)) for one in shop.attempts(campaign)]


def fastest(calls: Sequence[tuple[datetime, int]], window: timedelta) -> int:
    """The most people in any window."""
    return max((sum(people for at, people in calls if start <= at < start + window) for start, _ in calls), default=0)


def work(shop: Shop, campaign: UUID) -> None:
    """Whatever is due is tried, in any order, as by several workers."""
    due = [row.id for row in shop.sql("SELECT id FROM batches WHERE campaign_id = :c AND state = 0 AND due_at <= :now",
                                      c=campaign, now=clock.now())]  # fmt: skip
    random.shuffle(due)
    for batch in due:
        deliver.deliver(shop.workspace, batch)


def drive(shop: Shop, campaign: UUID, time: Time, *, minutes: float, step: float = 20) -> None:
    """The clock goes on in steps, and the worker works."""
    until = clock.now() + timedelta(minutes=minutes)
    while clock.now() < until:
        time.forward(seconds=step)
        work(shop, campaign)


def check(shop: Shop, campaign: UUID, *, pace: Pace = PACE) -> None:
    assert fastest(left(shop, campaign), timedelta(seconds=pace.seconds)) <= pace.people


def test_a_plan_gives_every_batch_its_slot_and_queues_only_what_is_due(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(95)
    campaign = shop.campaign(**PACED)
    for chunk in (40, 1000):
        plan.plan_step(shop.workspace, campaign, chunk=chunk)
    found = dues(shop, campaign)
    assert len(found) == 10
    assert all(later - earlier == PACE.spacing for earlier, later in zip(found, found[1:], strict=False))
    assert shop.value("SELECT pace_end_at FROM campaigns") == found[-1]
    assert jobs.depths()[jobs.BULK] == 1
    jobs.broker().client.flushall()
    sweep.sweep()
    assert jobs.depths()[jobs.BULK] == 0
    time.forward(seconds=PACE.spacing.total_seconds() + 3)
    sweep.sweep()
    assert jobs.depths()[jobs.BULK] == 2


def test_everybody_gets_it_smoothly_and_never_too_fast(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(250)
    campaign = shop.campaign(**PACED)
    begun = clock.now()
    shop.plan(campaign)
    work(shop, campaign)
    drive(shop, campaign, time, minutes=27)
    assert shop.counters(campaign)["accepted"] == 250
    check(shop, campaign)
    calls = left(shop, campaign)
    assert {people for _, people in calls} == {10}
    assert fastest(calls, timedelta(minutes=1)) <= 20
    assert timedelta(minutes=24) < calls[-1][0] - begun < timedelta(minutes=27)


def test_an_outage_is_not_made_up_for(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(200)
    campaign = shop.campaign(**PACED)
    shop.plan(campaign)
    drive(shop, campaign, time, minutes=5)
    with database().write(shop.workspace) as tx:
        provider_accounts.pause(tx, shop.account, "BALANCE")
    drive(shop, campaign, time, minutes=30, step=300)
    with database().write(shop.workspace) as tx:
        provider_accounts.resume(tx, shop.account)
    drive(shop, campaign, time, minutes=25)
    assert shop.counters(campaign)["accepted"] == 200
    check(shop, campaign)


def test_a_provider_that_has_no_time_does_not_let_the_rest_rush(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(100)
    campaign = shop.campaign(**PACED)
    shop.plan(campaign)
    sandbox.fault("busy", path="/send*", status=429, count=4)
    drive(shop, campaign, time, minutes=25)
    assert shop.counters(campaign)["accepted"] == 100
    accepted = [(one.started_at, len(one.positions)) for one in shop.attempts(campaign) if one.outcome == "ACCEPTED"]
    assert fastest(accepted, timedelta(seconds=PACE.seconds)) <= PACE.people


def test_a_paced_advertisement_rests_at_night_and_does_not_rush_in_the_morning(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(120, night=False)
    time.at(20, 46)
    campaign = shop.campaign(**PACED)
    shop.plan(campaign)
    found = [clock.kst(one) for one in dues(shop, campaign)]
    assert [one for one in found if not (8, 0) <= (one.hour, one.minute) < (20, 50)] == []
    assert (found[-1] - found[0]) > timedelta(hours=11)
    drive(shop, campaign, time, minutes=6)
    before = shop.counters(campaign)["accepted"]
    assert 40 <= before <= 50 and shop.counters(campaign)["held"] == 0
    time.to(found[-1].replace(hour=7, minute=59, second=0))
    drive(shop, campaign, time, minutes=12)
    assert shop.counters(campaign)["accepted"] == 120
    check(shop, campaign)


def test_who_was_held_together_leaves_one_slot_after_another(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """Late batches fall into the night all at once; in the morning each gets a slot of its own."""
    shop.customers(100, night=False)
    time.at(20, 30)
    campaign = shop.campaign(**PACED)
    shop.plan(campaign)
    time.at(22)
    work(shop, campaign)
    assert shop.counters(campaign)["held"] == 100
    assert len(set(dues(shop, campaign))) == 1
    time.to((clock.kst(clock.now()) + timedelta(days=1)).replace(hour=8, minute=0, second=1))
    work(shop, campaign)
    assert shop.counters(campaign)["accepted"] == 10
    assert len(set(dues(shop, campaign))) == 10
    drive(shop, campaign, time, minutes=12)
    assert shop.counters(campaign)["accepted"] == 100
    check(shop, campaign)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_pace_is_kept(shop: Shop, sandbox: Sandbox, time: Time, seed: int) -> None:
    chance = random.Random(seed)
    shop.customers(150)
    campaign = shop.campaign(**PACED)
    shop.plan(campaign, chunk=chance.choice([33, 70, 1000]))
    for _ in range(80):
        if shop.counters(campaign)["planned"] == 0:
            break
        time.forward(seconds=chance.choice([1, 5, 20, 61, 400]))
        if chance.random() < 0.15:
            sandbox.fault("busy", path="/send*", status=429)
        if chance.random() < 0.7:
            work(shop, campaign)
    drive(shop, campaign, time, minutes=30, step=30)
    assert shop.counters(campaign)["accepted"] == 150
    check(shop, campaign)


def test_many_batches_of_the_future_cost_the_sweeper_nothing(shop: Shop) -> None:
    shop.customers(300)
    campaign = shop.campaign(pace_people=60, pace_seconds=3600)
    shop.plan(campaign)
    assert len(dues(shop, campaign)) == 300
    shop.sql("ANALYZE batches")
    with database().system() as tx:
        seen = tx.rows("EXPLAIN ANALYZE SELECT id FROM batches WHERE state = 0 AND due_at <= :now", now=clock.now())
    assert any("due_at" in line[0] and "Index" in line[0] for line in seen)

"""Start: a scheduled campaign begins once, at its minute, with the audience of that moment, or says why not."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from core import clock, jobs
from core.db import catalog, disk
from core.db.session import database
from core.rules.disk import Space
from tests.workers.shop import Sandbox, Shop, Time
from workers import start, sweep


def scheduled(shop: Shop, *, minutes: int = 10, **more: object) -> UUID:
    """As a launch leaves it: frozen, not planned, the number it is sent from known."""
    number = shop.value("SELECT id FROM sender_numbers")
    later = clock.now() + timedelta(minutes=minutes)
    waiting = {"state": "SCHEDULED", "scheduled_at": later, "sender_number_id": number, "launched_at": None}
    return shop.campaign(**{**waiting, "plan_until": 0, "plan_total": 0, **more})


def row(shop: Shop, campaign: UUID) -> tuple[str, str]:
    found = shop.sql("SELECT state, failure FROM campaigns WHERE id = :c", c=campaign)[0]
    return found.state, found.failure


def told(shop: Shop) -> list[str]:
    return [one.kind for one in shop.sql("SELECT kind FROM events WHERE batch_id IS NULL ORDER BY id")]


def test_it_starts_at_its_minute_with_who_is_there_then(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(3)
    campaign = scheduled(shop)
    planned_for = clock.now() + timedelta(minutes=10)
    sweep.sweep()
    time.forward(minutes=9, seconds=55)
    sweep.sweep()
    assert (row(shop, campaign), jobs.depths()[jobs.PLAN]) == (("SCHEDULED", ""), 0)
    shop.customers(2, first=100)
    shop.opt_out("id = (SELECT min(id) FROM contacts)")
    time.forward(seconds=6)
    sweep.sweep()
    assert (row(shop, campaign), jobs.depths()[jobs.PLAN]) == (("PLANNING", ""), 1)
    assert told(shop) == ["campaign.started"]
    found = shop.run(campaign)
    assert (found["selected"], found["excluded"], found["accepted"]) == (5, 1, 4)
    launched, expires = shop.sql("SELECT launched_at, expires_at FROM campaigns WHERE id = :c", c=campaign)[0]
    assert abs(launched - planned_for) < timedelta(seconds=30)
    assert timedelta(days=1, hours=23) < expires - launched <= timedelta(days=2)


def test_who_says_no_after_the_start_gets_nothing_either(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(3)
    campaign = scheduled(shop)
    time.forward(minutes=11)
    assert start.start(shop.workspace, campaign, clock.now())
    shop.plan(campaign)
    shop.opt_out("id = (SELECT min(id) FROM contacts)")
    found = shop.deliver(campaign)
    assert (found["accepted"], shop.reasons(campaign)) == (2, {("excluded", "OPTED_OUT"): 1})


def test_several_sweepers_start_it_once(shop: Shop, time: Time) -> None:
    shop.customers(2)
    campaigns = [scheduled(shop) for _ in range(3)]
    time.forward(minutes=11)
    with ThreadPoolExecutor(4) as pool:
        begun = [
            sum(pool.map(lambda _, one=campaign: start.start(shop.workspace, one, clock.now()), range(4)))
            for campaign in campaigns
        ]
    assert begun == [1, 1, 1]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: sweep.sweep(), range(2)))
    assert jobs.depths()[jobs.PLAN] == 3
    assert told(shop) == ["campaign.started"] * 3


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("UPDATE sender_numbers SET active = false", "발신번호"),
        ("UPDATE contacts SET ad_consent = false", "받을 수 있는 고객"),
        ("UPDATE contacts SET archived_at = now()", "받을 수 있는 고객"),
        ("UPDATE campaigns SET expires_at = scheduled_at - interval '1 minute'", "마감"),
    ],
)
def test_what_cannot_start_fails_with_a_reason_and_tells_it(shop: Shop, time: Time, change: str, word: str) -> None:
    shop.customers(2)
    campaign = scheduled(shop)
    shop.sql(change)
    time.forward(minutes=11)
    sweep.sweep()
    state, failure = row(shop, campaign)
    assert state == "FAILED" and word in failure
    assert (shop.counters(campaign), jobs.depths()[jobs.PLAN]) == ({}, 0)
    assert told(shop) == ["campaign.failed"]
    assert shop.value("SELECT ended_at IS NOT NULL FROM campaigns WHERE id = :c", c=campaign)


def test_a_sweeper_that_was_away_for_days_starts_nothing_stale(shop: Shop, time: Time) -> None:
    shop.customers(2)
    campaign = scheduled(shop)
    time.forward(days=2, minutes=11)
    sweep.sweep()
    assert row(shop, campaign) == ("FAILED", "예약 시각에 시작하지 못했고, 그사이 마감 시각이 지났습니다.")


@pytest.mark.parametrize("state", ["DRAFT", "CANCELLED", "PLANNING", "FAILED"])
def test_only_what_waits_is_started(shop: Shop, time: Time, state: str) -> None:
    shop.customers(2)
    campaign = scheduled(shop, state=state)
    time.forward(minutes=11)
    assert not start.start(shop.workspace, campaign, clock.now())
    assert row(shop, campaign)[0] == state


def test_a_start_that_comes_late_into_the_night_holds_whom_the_law_protects(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2, night=False), shop.customers(1, first=50)
    time.at(20, 40)
    campaign = scheduled(shop, minutes=9)
    time.at(21, 30)
    sweep.sweep()
    found = shop.run(campaign)
    assert (found["held"], found["accepted"]) == (2, 1)


def test_the_future_costs_the_sweeper_nothing(shop: Shop) -> None:
    scheduled(shop)
    with database().system() as tx:
        tx.run("SET LOCAL enable_seqscan = off")
        plan = tx.rows("EXPLAIN SELECT id FROM campaigns WHERE state = 'SCHEDULED' AND scheduled_at <= now()")
    assert any("campaigns_scheduled" in line[0] for line in plan)


def test_what_became_forbidden_meanwhile_does_not_start(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-PRO-1"""
    shop.customers(1)
    with database().write(shop.workspace) as tx:
        product = catalog.add_product(tx, shop.workspace, {"name": "액상", "price_krw": 1, "category": ""}, clock.now()).id
        flyer = catalog.add_flyer(tx, shop.workspace, {"layout": "HERO", "product_ids": [product]}, clock.now()).id
    campaign = scheduled(shop, flyer_id=flyer)
    shop.sql("UPDATE products SET category = 'PROHIBITED' RETURNING id")
    time.forward(minutes=11)
    sweep.sweep()
    state, failure = row(shop, campaign)
    assert state == "FAILED" and "액상" in failure


def test_on_a_full_disk_it_waits_for_room_and_does_not_fail(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(1)
    campaign = scheduled(shop)
    time.forward(minutes=11)
    with monkeypatch.context() as patch:
        patch.setattr(disk, "spaces", lambda tx: [Space("here", 100, 1)])
        sweep.sweep()
        assert row(shop, campaign) == ("SCHEDULED", "")
    sweep.sweep()
    assert row(shop, campaign) == ("PLANNING", "")

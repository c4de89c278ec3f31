"""Sweep: the rows are the truth; whatever the queues lost is found again, and one bad step spoils no other."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from core import clock, jobs
from core.db import provider_accounts, send
from core.db.ids import new_id
from core.db.session import database
from tests.workers.shop import Logs, Sandbox, Shop, Time
from workers import claim, liveness, plan, sweep
from workers.routing import Hand

queued: list[tuple[str, tuple[UUID, ...]]] = []


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[UUID, ...]]]:
    """What was queued, beside the real queue."""
    queued.clear()
    real = jobs._queue

    def queue(name: str, *identifiers: UUID) -> None:
        queued.append((name, identifiers))
        real(name, *identifiers)

    monkeypatch.setattr(jobs, "_queue", queue)
    return queued


def swept() -> Counter[str]:
    """One round with whatever is in the queues; the names of what it queued."""
    queued.clear()
    sweep.sweep()
    return Counter(name for name, _ in queued)


def empty() -> None:
    jobs.broker().client.flushall()


def test_an_idle_shop_queues_nothing(shop: Shop, time: Time) -> None:
    swept()  # the balance, once
    time.forward(seconds=30)
    assert swept() == {}


def test_a_forgotten_launch_is_planned(shop: Shop) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    assert swept()["plan_campaign"] == 1
    assert ("plan_campaign", (shop.workspace, campaign)) in queued
    assert swept()["plan_campaign"] == 0, "one waits in the lane already"
    empty()
    assert swept()["plan_campaign"] == 1
    shop.plan(campaign)
    empty()
    assert swept()["plan_campaign"] == 0


def test_batches_that_redis_lost_are_queued_again(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(30)
    campaign = shop.campaign(batch_size=10)
    batches = shop.plan(campaign)
    empty()
    time.forward(seconds=3)
    assert swept()["deliver_batch"] == 3
    assert {identifiers[1] for name, identifiers in queued if name == "deliver_batch"} == set(batches)
    shop.deliver(campaign)
    empty()
    assert swept()["deliver_batch"] == 0


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ("UPDATE campaigns SET state = 'PAUSED'", 0),
        ("UPDATE provider_accounts SET state = 'PAUSED'", 0),
        ("UPDATE batches SET due_at = due_at + interval '1 hour'", 0),
        ("UPDATE batches SET state = 1, lease_until = now() + interval '1 day'", 0),
        ("UPDATE batches SET state = 4", 0),
        ("SELECT 1", 1),
    ],
)
def test_only_what_may_go_now_is_queued(shop: Shop, time: Time, change: str, count: int) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    empty()
    shop.sql(change)
    if "lease_until" in change:
        shop.sql("UPDATE batches SET lease_owner = :owner", owner=liveness.heart().id)
    time.forward(seconds=3)
    assert swept()["deliver_batch"] == count


def test_a_full_lane_is_not_flooded(shop: Shop, time: Time) -> None:
    shop.customers(300)
    campaign = shop.campaign(batch_size=1)
    shop.plan(campaign)
    for batch in shop.batches(campaign):
        jobs.deliver_batches(shop.workspace, [batch])
    assert jobs.depths()[jobs.BULK] > sweep.FULL_LANE
    time.forward(minutes=5)
    assert swept()["deliver_batch"] == 0
    empty()
    assert swept()["deliver_batch"] == sweep.FULL_LANE
    for _ in range(3):
        time.forward(minutes=1)
        swept()
    assert jobs.depths()[jobs.BULK] <= 2 * sweep.FULL_LANE


def test_every_workspace_has_its_turn(shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.workers.shop import open_shop

    small = open_shop()
    shop.customers(30), small.customers(1, first=900)
    shop.plan(shop.campaign(batch_size=1))
    small.plan(small.campaign())
    empty()
    time.forward(seconds=3)
    monkeypatch.setattr(sweep, "FULL_LANE", 4)
    swept()
    assert small.workspace in {identifiers[0] for name, identifiers in queued if name == "deliver_batch"}


def test_lost_leases_become_unknown_living_ones_stay(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2)
    campaigns = [shop.campaign(f"(광고)[봄날커피] {number}\n무료거부0801234567") for number in range(3)]
    for campaign in campaigns:
        [batch] = shop.plan(campaign)
        with database().write(shop.workspace) as tx:
            assert claim.claim(tx, batch, Hand())
    alive, gone, slow = campaigns
    shop.sql("UPDATE batches SET lease_owner = :nobody WHERE campaign_id = :c", nobody=new_id(), c=gone)
    shop.sql("UPDATE batches SET lease_until = :now WHERE campaign_id = :c", now=clock.now(), c=slow)
    swept()
    assert [shop.counters(campaign)["unknown"] for campaign in campaigns] == [0, 2, 2]
    assert {one.outcome for one in shop.attempts(gone)} == {"UNKNOWN"}


def test_a_worker_that_is_silent_is_taken_for_dead(shop: Shop, time: Time) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        assert claim.claim(tx, batch, Hand())
    other = new_id()
    with database().owner() as tx:
        send.beat(tx, other, "bulk", clock.now() - liveness.DEAD_AFTER + timedelta(seconds=3))
    shop.sql("UPDATE batches SET lease_owner = :other", other=other)
    swept()
    assert shop.counters(campaign)["claimed"] == 2
    time.forward(seconds=4)
    swept()
    assert shop.counters(campaign)["unknown"] == 2


def test_unknown_and_accepted_are_asked_about_when_their_time_comes(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2)
    unknown, accepted = shop.campaign(), shop.campaign("(광고)[봄날커피] 둘\n무료거부0801234567")
    sandbox.fault("error_500", path="/send*")
    shop.run(unknown), shop.run(accepted)
    assert not {"reconcile_batch", "read_results"} & swept().keys()
    time.forward(seconds=2)
    found = swept()
    assert (found["reconcile_batch"], found["read_results"]) == (1, 1)
    empty()
    assert not {"reconcile_batch", "read_results"} & swept().keys(), "asked a moment ago"
    time.forward(seconds=61)
    found = swept()
    assert (found["reconcile_batch"], found["read_results"]) == (1, 1)


def test_a_cancelled_campaign_empties_also_when_it_is_large(shop: Shop) -> None:
    shop.customers(60)
    campaign = shop.campaign(batch_size=1)
    shop.plan(campaign)
    shop.sql("UPDATE campaigns SET state = 'CANCELLED'")
    swept()
    assert shop.counters(campaign)["cancelled"] == 60


def test_a_campaign_past_its_time_expires_also_while_its_account_is_paused(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(12)
    campaign = shop.campaign(expires_at=clock.now() + timedelta(hours=1))
    plan.plan(shop.workspace, campaign)
    with database().write(shop.workspace) as tx:
        provider_accounts.pause(tx, shop.account, "BALANCE")
    sweep.sweep()
    assert shop.counters(campaign)["planned"] == 12
    time.forward(hours=1, seconds=1)
    sweep.sweep()
    assert shop.counters(campaign)["expired"] == 12
    assert sandbox.stats()["accepted_messages"] == 0


def test_sweepers_at_once_cancel_and_abandon_once_without_waiting_for_each_other(shop: Shop, logs: Logs) -> None:
    shop.customers(80)
    cancelled, held = shop.campaign(batch_size=2), shop.campaign("(광고)[봄날커피] 둘\n무료거부0801234567", batch_size=4)
    shop.plan(cancelled)
    for batch in shop.plan(held):
        with database().write(shop.workspace) as tx:
            assert claim.claim(tx, batch, Hand())
    shop.sql("UPDATE campaigns SET state = 'CANCELLED' WHERE id = :c", c=cancelled)
    shop.sql("UPDATE batches SET lease_owner = NULL WHERE state = 1")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: sweep.sweep(), range(4)))
    assert shop.counters(cancelled)["cancelled"] == 80
    assert shop.counters(held)["unknown"] == 80


def test_a_campaign_is_done_when_nobody_is_left_to_hand_over(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    swept()
    assert shop.state(campaign) == "PLANNING"
    shop.plan(campaign)
    swept()
    assert shop.state(campaign) == "SENDING"
    shop.deliver(campaign)
    shop.sql("UPDATE campaigns SET waiting_for = '08:00까지 대기'")
    swept()
    assert shop.sql("SELECT state, waiting_for, ended_at IS NOT NULL FROM campaigns") == [("DONE", "", True)]


def test_one_of_which_nobody_was_selected_or_all_were_left_out_is_done(shop: Shop) -> None:
    empty_one = shop.campaign()
    shop.customers(3, consent=False)
    refused = shop.campaign()
    for campaign in (empty_one, refused):
        shop.plan(campaign)
    swept()
    assert {shop.state(empty_one), shop.state(refused)} == {"DONE"}


def test_forgotten_files_are_queued_again(shop: Shop, time: Time) -> None:
    now = clock.now()
    for table, more in (
        ("imports", "object_name, touched_at) VALUES (gen_random_uuid(), :w, 'PENDING', :now, 'x', :now)"),
        ("images", "object_name) VALUES (gen_random_uuid(), :w, 'PENDING', :now, 'x')"),
        ("flyers", "layout, product_ids) VALUES (gen_random_uuid(), :w, 'COMPOSING', :now, 'HERO', '{}')"),
    ):
        shop.sql(f"INSERT INTO {table} (id, workspace_id, state, created_at, {more}", w=shop.workspace, now=now)
    wanted = {"import_customers", "check_image", "compose_flyer"}
    assert not wanted & swept().keys(), "their jobs may be on the way"
    time.forward(seconds=16)
    assert wanted <= swept().keys()
    time.forward(seconds=16)
    assert not wanted & swept().keys(), "they wait in their lanes"
    empty()
    assert wanted <= swept().keys()


def test_a_step_that_fails_stops_no_other(shop: Shop, sandbox: Sandbox, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.run(campaign)
    for name in ("due_batches", "abandoned_batches", "take_unknown_batches", "take_due_polls"):
        monkeypatch.setattr(send, name, lambda *_: 1 / 0)
    logs.expect("step_failed")
    swept()
    assert shop.state(campaign) == "DONE"
    assert {one["step"] for one in logs.events("step_failed")} == {
        "_singles",
        "_deliveries",
        "_abandoned",
        "_unknown",
        "_results",
    }


def test_without_the_queues_what_needs_none_goes_on(shop: Shop, logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(3)
    campaign, stopped = shop.campaign(), shop.campaign("(광고)[봄날커피] 둘\n무료거부0801234567")
    [batch] = shop.plan(campaign)
    shop.plan(stopped)
    with database().write(shop.workspace) as tx:
        assert claim.claim(tx, batch, Hand())
    shop.sql("UPDATE batches SET lease_owner = NULL WHERE state = 1")
    shop.sql("UPDATE campaigns SET state = 'CANCELLED' WHERE id = :c", c=stopped)

    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(jobs, "depths", away)
    swept()
    assert shop.counters(campaign)["unknown"] == 3
    assert shop.counters(stopped)["cancelled"] == 3
    assert logs.events("queues_unreachable")


def test_upkeep_makes_months_and_forgets_the_silent_twice_at_once(shop: Shop, time: Time) -> None:
    with database().owner() as tx:
        send.beat(tx, new_id(), "bulk", clock.now() - timedelta(hours=2))
    time.forward(days=70)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: sweep.upkeep(), range(3)))
    with database().owner() as tx:
        assert tx.value("SELECT count(*) FROM worker_processes") == 1
        later = clock.now() + timedelta(days=40)
        assert tx.value("SELECT to_regclass(:name)", name=f"batches_{later:%Y_%m}") is not None

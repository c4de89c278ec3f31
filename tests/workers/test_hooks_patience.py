"""Webhooks that are not taken: tried again for a day, endpoints that never work, many workers at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core import clock, jobs
from core.db import events, webhooks
from core.db.session import database
from core.rules import webhook
from tests.workers import shop as shops
from tests.workers.desk import DAY, Desk, body, endpoint, takes, told, verified
from tests.workers.providers.cases import Stage, Step, Visit, leaves, nobody, says, stage, wire
from tests.workers.shop import Shop, Time
from workers import hooks, sweep

# --- again and again ----------------------------------------------------------------------------------------------


def test_a_receiver_that_is_down_is_tried_with_growing_gaps_for_a_day_and_a_replay_delivers(
    waiting: Desk, receiver: Stage, time: Time
) -> None:
    begun, tried = waiting.deliveries()[0].created_at, list[datetime]()
    takes(receiver, 100, says(b"", 503))
    while rows := waiting.deliveries("PENDING"):
        time.to(rows[0].due_at)
        tried.append(clock.now())
        waiting.work()
    gaps = [later - earlier for earlier, later in zip(tried, tried[1:], strict=False)]
    growing = [gap for gap in gaps if gap < timedelta(hours=4)][:-1]
    assert growing == sorted(growing) and len(growing) >= 8
    assert growing[0] >= timedelta(seconds=5)
    assert max(gaps) <= timedelta(hours=5)
    assert DAY <= tried[-1] - begun <= DAY + timedelta(minutes=1)
    assert 12 <= len(tried) == receiver.visits <= 20
    [dead] = waiting.deliveries("DEAD")
    assert (dead.tries, dead.last_status, dead.last_error) == (len(tried), 503, "REFUSED")
    assert dead.ended_at is not None and dead.due_at is None
    assert waiting.row.state == "ACTIVE" and tried[0] <= waiting.row.failing_since < tried[1]
    receiver.steps.clear()
    takes(receiver)
    assert waiting.replay() == 1
    waiting.work()
    [row] = waiting.deliveries("DELIVERED")
    assert row.id == dead.id and row.last_error == ""
    assert {request.headers["webhook-id"] for request in receiver.requests} == {str(dead.id)}
    assert len({request.body for request in receiver.requests}) == 1, "the same bytes at every try"
    assert waiting.row.failing_since is None


FAILURES: dict[str, tuple[Step, int, str]] = {
    "refused": (says(b"no", 400), 400, "REFUSED"),
    "broken": (says(b"no", 500), 500, "REFUSED"),
    "redirected": (says(b"", 302, "Location: /elsewhere\r\n"), 302, "REDIRECTED"),
    "gone away": (leaves, 0, "NO_ANSWER"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_is_tried_again_and_says_why(waiting: Desk, receiver: Stage, name: str) -> None:
    step, status, error = FAILURES[name]
    takes(receiver, 1, step)
    waiting.work()
    [row] = waiting.deliveries()
    assert (row.state, row.tries, row.last_status, row.last_error) == ("PENDING", 1, status, error)
    assert row.due_at > clock.now()
    assert receiver.visits == 1, "nothing is followed or repeated"


def test_nobody_there_is_tried_again_too(shop: Shop, time: Time) -> None:
    desk = endpoint(shop, nobody())
    shop.customers(1)
    shop.run(shop.campaign())
    desk.go()
    [row] = desk.deliveries("PENDING")
    assert row.last_error == "NOT_REACHED"


def test_a_receiver_that_names_a_time_is_left_alone_until_then(waiting: Desk, receiver: Stage) -> None:
    takes(receiver, 1, says(b"", 429, "Retry-After: 900\r\n"))
    waiting.work()
    [row] = waiting.deliveries("PENDING")
    assert row.due_at - clock.now() > timedelta(seconds=890)


def test_any_2xx_takes_it_whatever_the_answer_says(waiting: Desk, receiver: Stage) -> None:
    takes(receiver, 1, says(b"x" * 1_000_000, 204))
    waiting.work()
    [row] = waiting.deliveries("DELIVERED")
    assert (row.last_status, row.last_error, row.due_at) == (204, "", None)


def test_when_it_works_again_nothing_waits_any_longer(shop: Shop, receiver: Stage, time: Time) -> None:
    desk = endpoint(shop, receiver.url)
    shop.customers(2)
    for _ in range(2):
        shop.run(shop.campaign())
        desk.sweep()
    takes(receiver, 4, says(b"", 500))
    desk.work(2)
    time.forward(seconds=20)
    desk.work(2)
    assert not desk.due()
    receiver.steps.clear()
    takes(receiver, 2)
    shop.run(shop.campaign())
    desk.sweep()
    desk.work()
    assert desk.due(), "what failed before is due at once"


def test_a_crash_between_post_and_record_posts_again_under_the_same_id(waiting: Desk, receiver: Stage, time: Time) -> None:
    takes(receiver, 2)
    with database().write(waiting.shop.workspace) as tx:
        parcel = hooks.take(tx, waiting.id)
    assert parcel is not None
    hooks.post(parcel)  # and here the worker dies
    waiting.work()
    assert len(receiver.requests) == 1, "it is still in the dead worker's hands"
    time.forward(seconds=61)
    waiting.work()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [event["id"] for event in body(first)] == [event["id"] for event in body(second)]
    assert verified(second, waiting.secret)
    [row] = waiting.deliveries("DELIVERED")
    assert row.tries == 2


def test_a_worker_that_comes_late_spoils_nothing(waiting: Desk, receiver: Stage, time: Time) -> None:
    takes(receiver, 1)
    with database().write(waiting.shop.workspace) as tx:
        slow = hooks.take(tx, waiting.id)
    assert slow is not None
    time.forward(seconds=61)
    waiting.work()
    with database().write(waiting.shop.workspace) as tx:
        hooks.record(tx, slow, hooks.Outcome("NO_ANSWER"), clock.now())
    [row] = waiting.deliveries("DELIVERED")
    assert row.last_error == ""


def test_what_was_taken_counts_also_when_it_was_given_up_meanwhile(waiting: Desk) -> None:
    with database().write(waiting.shop.workspace) as tx:
        parcel = hooks.take(tx, waiting.id)
        assert parcel is not None
        webhooks.give_up(tx, waiting.id, "ENDPOINT_DISABLED", clock.now())
        hooks.record(tx, parcel, hooks.Outcome(status=200), clock.now())
    assert len(waiting.deliveries("DELIVERED")) == 1


# --- endpoints that do not work -----------------------------------------------------------------------------------


def test_an_endpoint_that_says_it_is_gone_is_disabled_at_once(waiting: Desk, receiver: Stage) -> None:
    takes(receiver, 1, says(b"", 410))
    waiting.work()
    assert (waiting.row.state, waiting.row.disabled_reason) == ("DISABLED", "GONE")
    [row] = waiting.deliveries("DEAD")
    assert (row.last_status, row.last_error) == (410, "ENDPOINT_DISABLED")
    waiting.shop.run(waiting.shop.campaign())
    waiting.go()
    assert receiver.visits == 1


def test_an_endpoint_that_fails_for_five_days_is_disabled_and_goes_on_where_it_stopped(
    shop: Shop, receiver: Stage, time: Time
) -> None:
    desk = endpoint(shop, receiver.url)
    shop.customers(1)
    for day in range(5):
        shop.run(shop.campaign())
        takes(receiver, 1, says(b"", 500))
        desk.go()
        assert desk.row.state == "ACTIVE", day
        time.forward(hours=24.1)
    takes(receiver, 1, says(b"", 500))
    desk.work()
    assert (desk.row.state, desk.row.disabled_reason) == ("DISABLED", "FAILING")
    assert desk.deliveries("PENDING") == []
    last = shop.campaign()
    shop.run(last)
    desk.sweep()
    shop.sql("UPDATE webhook_endpoints SET state = 'ACTIVE', failing_since = NULL")
    receiver.requests.clear()
    receiver.steps.clear()
    takes(receiver, 1)
    desk.go()
    assert [event["campaignId"] for event in told(receiver)] == [str(last)]


def test_a_lot_that_waits_stays_in_the_outbox(shop: Shop, receiver: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "MOST_WAITING", 2)
    monkeypatch.setattr(events, "ROWS", 1 + 2)
    desk = endpoint(shop, receiver.url)
    shop.customers(6)
    monkeypatch.setattr(webhook, "EVENTS", 1)
    shop.run(shop.campaign(batch_size=1))
    for _ in range(5):
        desk.sweep()
    assert len(desk.deliveries("PENDING")) <= 4
    takes(receiver, 6)
    for _ in range(5):
        desk.go()
    assert len({event["id"] for event in told(receiver)}) == 6


# --- nobody holds up another --------------------------------------------------------------------------------------


def test_three_places_and_one_while_it_fails(shop: Shop, receiver: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "EVENTS", 1)
    desk = endpoint(shop, receiver.url)
    shop.customers(6)
    shop.run(shop.campaign())
    desk.sweep()

    def taken() -> int:
        with database().write(shop.workspace) as tx:
            return sum(hooks.take(tx, desk.id) is not None for _ in range(6))

    assert taken() == 3
    shop.sql("UPDATE webhook_deliveries SET lease_until = NULL")
    shop.sql("UPDATE webhook_endpoints SET failing_since = now()")
    assert taken() == 1


def test_several_workers_at_once_post_everything_once(shop: Shop, receiver: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "EVENTS", 1)
    desk = endpoint(shop, receiver.url)
    shop.customers(8)
    shop.run(shop.campaign())
    desk.sweep()
    takes(receiver, 8)
    with ThreadPoolExecutor(4) as pool:
        while desk.due():
            list(pool.map(lambda _: desk.work(), range(4)))
    assert len(told(receiver)) == len({event["id"] for event in told(receiver)}) == 8


def test_a_slow_endpoint_holds_no_place_of_anothers(shop: Shop, receiver: Stage) -> None:
    """While one POST hangs, another merchant's is taken."""
    other = shops.open_shop()
    with stage() as slow:
        desks = [endpoint(shop, slow.url), endpoint(other, receiver.url)]
        for merchant in (shop, other):
            merchant.customers(1)
            merchant.run(merchant.campaign())

        def answers_late(visit: Visit) -> bool:
            visit.read()
            visit.stage.over.wait(5)
            with suppress(OSError):
                visit.connection.sendall(wire(b"ok"))
            return False

        takes(slow, 1, answers_late)
        takes(receiver, 1)
        for desk in desks:
            desk.sweep()
        with ThreadPoolExecutor(2) as pool:
            hanging = pool.submit(desks[0].work)
            pool.submit(desks[1].work).result(5)
            assert desks[1].deliveries("DELIVERED") and not hanging.done()
            slow.over.set()
            hanging.result(10)


def test_the_sweeper_queues_what_is_due_those_that_work_first(
    shop: Shop, receiver: Stage, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    queued: list[UUID] = []
    monkeypatch.setattr(jobs, "deliver_webhook", lambda _, endpoint: queued.append(endpoint))
    monkeypatch.setattr(webhook, "EVENTS", 1)
    failing, working = endpoint(shop, nobody()), endpoint(shop, receiver.url)
    shop.customers(5)
    shop.run(shop.campaign())
    sweep.sweep()
    assert queued.count(working.id) >= 3
    shop.sql("UPDATE webhook_endpoints SET failing_since = now() WHERE id = :id", id=failing.id)
    queued.clear()
    sweep.sweep()
    assert queued == [working.id] * 3 + [failing.id]


def test_without_queues_the_outbox_still_becomes_deliveries(shop: Shop, receiver: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = endpoint(shop, receiver.url)
    shop.customers(1)
    shop.run(shop.campaign())
    monkeypatch.setattr(jobs, "depths", lambda: (_ for _ in ()).throw(ConnectionError()))
    sweep.sweep()
    assert len(desk.deliveries("PENDING")) == 1


def test_the_job_goes_through_the_real_lane(shop: Shop, receiver: Stage) -> None:
    desk = endpoint(shop, receiver.url)
    assert jobs.JOBS["deliver_webhook"] == jobs.WEBHOOKS
    shop.customers(1)
    shop.run(shop.campaign())
    jobs.broker().client.flushall()
    desk.sweep()
    assert jobs.depths()[jobs.WEBHOOKS] == 1
    takes(receiver)
    hooks.deliver_webhook(str(shop.workspace), str(desk.id))
    assert len(receiver.requests) == 1

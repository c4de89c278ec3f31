"""Webhooks against a real receiver on loopback: signed, at least once, patient for a day, and nobody holds up another."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core import clock, jobs
from core.db import accounts, events, partitions, webhooks
from core.db.ids import new_id
from core.db.session import database
from core.rules import webhook
from tests.workers import shop as shops
from tests.workers.providers.cases import Request, Stage, Step, Visit, leaves, nobody, says, stage, wire
from tests.workers.shop import Logs, Shop, Time
from workers import hooks, http, ledger, sweep

DAY = timedelta(hours=24)


@dataclass
class Desk:
    """A merchant's endpoint on our side, and the sweeper and the worker that serve it."""

    shop: Shop
    id: UUID
    secret: bytes = field(repr=False)

    def sweep(self) -> None:
        with database().system() as tx:
            hooks.fan_out(tx, clock.now())

    def work(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            hooks.deliver(self.shop.workspace, self.id)

    def go(self) -> None:
        """Until nothing is due."""
        self.sweep()
        while self.due():
            self.work()

    def due(self) -> bool:
        with database().write(self.shop.workspace) as tx:
            return webhooks.more_is_due(tx, self.id, clock.now())

    @property
    def row(self) -> Any:
        return self.shop.sql("SELECT * FROM webhook_endpoints WHERE id = :id", id=self.id)[0]

    def deliveries(self, state: str = "") -> list[Any]:
        rows = self.shop.sql("SELECT * FROM webhook_deliveries WHERE endpoint_id = :id ORDER BY id", id=self.id)
        return [row for row in rows if state in ("", row.state)]

    def replay(self) -> int:
        with database().write(self.shop.workspace) as tx:
            return webhooks.replay(tx, clock.now(), clock.now() + DAY, endpoint=self.id)


def endpoint(shop: Shop, url: str, **values: Any) -> Desk:
    identifier, secret = new_id(), webhook.new_secret()
    wrapped = accounts.keyring().wrap(secret, f"webhook:{identifier}")
    with database().write(shop.workspace) as tx:
        webhooks.add(tx, shop.workspace, identifier, {"url": url, "secret": wrapped, **values}, clock.now())
    return Desk(shop, identifier, secret)


@pytest.fixture
def receiver() -> Iterator[Stage]:
    with stage() as scene:
        yield scene


def takes(scene: Stage, times: int = 1, step: Step | None = None) -> None:
    scene.steps += [step or says(b"ok")] * times


def body(request: Request) -> list[dict[str, Any]]:
    return list(json.loads(request.body)["data"]["events"])


def told(scene: Stage) -> list[dict[str, Any]]:
    """Every event that was posted, in order."""
    return [event for request in scene.requests for event in body(request)]


def verified(request: Request, *secrets: bytes) -> bool:
    """An independent check, written from the public description of Standard Webhooks."""
    message = request.headers["webhook-id"] + "." + request.headers["webhook-timestamp"] + "."
    said = message.encode() + request.body
    expected = [base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode() for secret in secrets]
    given = [part.split(",", 1) for part in request.headers["webhook-signature"].split(" ")]
    return [version for version, _ in given] == ["v1"] * len(secrets) and [value for _, value in given] == expected


# --- what is delivered --------------------------------------------------------------------------------------------


def test_what_happens_to_a_campaign_arrives_in_order_with_stable_ids(shop: Shop, receiver: Stage, time: Time) -> None:
    desk = endpoint(shop, f"{receiver.url}/hook?of=shop")
    shop.customers(5)
    campaign = shop.campaign(batch_size=3)
    takes(receiver, 4)
    shop.run(campaign)
    desk.go()
    time.forward(minutes=2)
    shop.read_all(campaign)
    sweep.sweep()
    desk.go()
    kinds = [event["type"] for event in told(receiver)]
    assert kinds == ["message.accepted"] * 5 + ["message.delivered"] * 5 + ["campaign.done"]
    messages = {f"{row.batch_id}-{row.position}" for row in shop.sql("SELECT batch_id, position FROM messages")}
    for kind in ("message.accepted", "message.delivered"):
        assert {event["messageId"] for event in told(receiver) if event["type"] == kind} == messages
    assert {event["campaignId"] for event in told(receiver)} == {str(campaign)}
    ids = [event["id"] for event in told(receiver)]
    assert len(set(ids)) == len(ids)
    times = [datetime.fromisoformat(event["time"]) for event in told(receiver)]
    assert times == sorted(times)
    assert {request.line for request in receiver.requests} == {"POST /hook?of=shop HTTP/1.1"}
    assert {row.state for row in desk.deliveries()} == {"DELIVERED"}


def test_a_hundred_events_a_post_and_nobody_twice_or_left_out(shop: Shop, receiver: Stage) -> None:
    desk = endpoint(shop, receiver.url)
    shop.customers(230)
    shop.run(shop.campaign(batch_size=150))
    takes(receiver, 3)
    desk.go()
    assert sorted(len(body(request)) for request in receiver.requests) == [30, 100, 100]
    assert len({event["messageId"] for event in told(receiver)}) == 230
    desk.go()
    assert len(receiver.requests) == 3, "the cursor has moved"


def test_an_endpoint_gets_only_what_it_wants_and_what_happens_from_now_on(shop: Shop, receiver: Stage) -> None:
    shop.customers(2)
    shop.run(shop.campaign())
    desk = endpoint(shop, receiver.url, kinds=["campaign.done"])
    desk.go()
    assert receiver.requests == []
    takes(receiver)
    shop.run(shop.campaign())
    with database().system() as tx:
        done = [row.id for row in tx.rows("SELECT id FROM campaigns")]
        events.tell(tx, "campaign.done", done[:1], clock.now())
    desk.go()
    assert [event["type"] for event in told(receiver)] == ["campaign.done"]


def test_the_reason_of_a_failure_and_the_clients_own_reference_go_with_it(shop: Shop, receiver: Stage) -> None:
    desk = endpoint(shop, receiver.url)
    shop.customers(1)
    [batch] = shop.plan(shop.campaign(test=True))
    shop.sql("UPDATE campaigns SET kind = 'SEND'")
    shop.sql(
        "INSERT INTO direct_messages (batch_id, position, workspace_id, phone_sealed, phone_hash, text_sealed, client_reference)"
        " VALUES (:batch, 0, :workspace, '', '', '', 'order-17')",
        batch=batch,
        workspace=shop.workspace,
    )
    shop.sql("UPDATE batches SET states = '\\x04' WHERE id = :batch", batch=batch)
    with database().write(shop.workspace) as tx:
        row = tx.row("SELECT * FROM batches WHERE id = :batch", batch=batch)
        assert row is not None
        ledger.move(tx, row, b"\x06", reasons={0: "NO_SUBSCRIBER"})
    takes(receiver)
    desk.go()
    [event] = told(receiver)
    assert event["clientReference"] == "order-17"
    assert event["reason"] == "NO_SUBSCRIBER"
    assert event["test"] is True
    assert event["campaignId"] == "", "a send is no campaign of the merchant's"
    assert event["messageId"] == f"{batch}-0"


def test_nothing_personal_is_posted_kept_or_logged(shop: Shop, receiver: Stage, logs: Logs) -> None:
    desk = endpoint(shop, f"{receiver.url}/hook/s3cret-path")
    phones = shop.customers(3)
    shop.run(shop.campaign())
    takes(receiver, 1, says(b"no", 500))
    desk.go()
    rows = shop.sql("SELECT webhook_deliveries::text AS everything FROM webhook_deliveries")
    said = " ".join(
        [*(request.body.decode() for request in receiver.requests), *(row.everything for row in rows), str(logs.entries)]
    )
    assert logs.events("webhook_failed")
    assert not any(phone in said or phone[3:] in said for phone in phones)
    assert "봄날" not in said and "고객" not in said
    assert "s3cret-path" not in str(logs.entries)
    secret = base64.b64encode(desk.secret).decode()
    assert secret not in said and secret not in str(desk.row) and desk.secret not in bytes(desk.row.secret)


def test_one_merchant_is_never_told_of_another(shop: Shop, receiver: Stage) -> None:
    other = shops.open_shop()
    mine, theirs = endpoint(shop, f"{receiver.url}/mine"), endpoint(other, f"{receiver.url}/theirs")
    for merchant in (shop, other):
        merchant.customers(1)
        merchant.run(merchant.campaign())
    takes(receiver, 2)
    mine.go()
    theirs.go()
    for merchant, path in ((shop, "/mine"), (other, "/theirs")):
        [message] = merchant.sql("SELECT batch_id FROM messages")
        [request] = [request for request in receiver.requests if request.path == path]
        assert [event["messageId"] for event in body(request)] == [f"{message.batch_id}-0"]


def test_a_job_of_one_merchant_cannot_post_for_another(shop: Shop, receiver: Stage) -> None:
    other = shops.open_shop()
    desk = endpoint(shop, receiver.url)
    shop.customers(1)
    shop.run(shop.campaign())
    desk.sweep()
    hooks.deliver(other.workspace, desk.id)
    assert receiver.requests == []


# --- the signature ------------------------------------------------------------------------------------------------


def test_the_signature_verifies_by_its_public_description(shop: Shop, receiver: Stage) -> None:
    desk = endpoint(shop, receiver.url)
    shop.customers(1)
    shop.run(shop.campaign())
    takes(receiver)
    desk.go()
    [request] = receiver.requests
    assert verified(request, desk.secret)
    assert not verified(request, webhook.new_secret())
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == str(desk.deliveries()[0].id)
    assert abs(int(request.headers["webhook-timestamp"]) - clock.now().timestamp()) < 60


def test_an_old_secret_signs_too_for_a_day(shop: Shop, receiver: Stage, time: Time) -> None:
    desk = endpoint(shop, receiver.url)
    new = webhook.new_secret()
    wrapped = accounts.keyring().wrap(new, f"webhook:{desk.id}")
    with database().write(shop.workspace) as tx:
        until = clock.now() + webhook.OLD_SECRET
        webhooks.update(tx, desk.id, {"secret": wrapped, "old_secret": desk.row.secret, "old_secret_until": until})
    takes(receiver, 2)
    shop.customers(1)
    shop.run(shop.campaign())
    desk.go()
    time.forward(hours=25)
    shop.run(shop.campaign())
    desk.go()
    during, after = receiver.requests
    assert verified(during, new, desk.secret)
    assert verified(after, new)


def test_a_rotation_of_the_master_key_keeps_the_secrets(shop: Shop) -> None:
    desk = endpoint(shop, nobody())
    shop.sql("UPDATE webhook_endpoints SET old_secret = secret")
    assert ("webhook_endpoints", "secret", "webhook") in accounts._WRAPPED
    assert ("webhook_endpoints", "old_secret", "webhook") in accounts._WRAPPED
    with database().system() as tx:
        accounts.rewrap(tx)
    assert accounts.keyring().unwrap(desk.row.old_secret, f"webhook:{desk.id}") == desk.secret


# --- again and again ----------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(shop: Shop, receiver: Stage) -> Desk:
    """An endpoint with one delivery to make."""
    desk = endpoint(shop, receiver.url)
    shop.customers(2)
    shop.run(shop.campaign())
    desk.sweep()
    return desk


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


# --- tests, and what is old ---------------------------------------------------------------------------------------


def ask_for_a_test(desk: Desk) -> UUID:
    with database().write(desk.shop.workspace) as tx:
        given = {"workspace_id": desk.shop.workspace, "endpoint_id": desk.id, "event_ids": []}
        [made] = webhooks.add_deliveries(tx, [given], clock.now(), clock.now())
    return made


def test_a_test_is_one_event_signed_like_any_other(shop: Shop, receiver: Stage) -> None:
    desk = endpoint(shop, receiver.url)
    takes(receiver)
    made = ask_for_a_test(desk)
    desk.work()
    [request] = receiver.requests
    assert verified(request, desk.secret)
    [event] = body(request)
    assert (event["id"], event["type"], event["test"]) == (str(made), "webhook.test", True)


def test_a_test_is_tried_once_says_nothing_about_the_endpoint_and_reaches_a_disabled_one(shop: Shop, receiver: Stage) -> None:
    desk = endpoint(shop, receiver.url, state="DISABLED")
    takes(receiver, 1, says(b"", 500))
    ask_for_a_test(desk)
    desk.work()
    [row] = desk.deliveries()
    assert (row.state, row.last_status) == ("DEAD", 500)
    assert desk.row.failing_since is None
    assert desk.replay() == 0, "a test is nothing to be replayed with the rest"


def test_events_that_are_gone_end_their_deliveries_and_nothing_else(waiting: Desk, receiver: Stage, time: Time) -> None:
    waiting.shop.sql("UPDATE webhook_deliveries SET event_ids = ARRAY[gen_random_uuid()]")
    waiting.shop.run(waiting.shop.campaign())
    waiting.sweep()
    takes(receiver)
    waiting.work()
    assert [row.last_error for row in waiting.deliveries("DEAD")] == ["EVENTS_GONE"]
    assert len(receiver.requests) == 1


def test_what_ended_is_forgotten_after_thirty_days(waiting: Desk, receiver: Stage, time: Time) -> None:
    takes(receiver)
    waiting.work()
    time.forward(days=29)
    sweep.upkeep()
    assert len(waiting.deliveries()) == 1
    time.forward(days=2)
    sweep.upkeep()
    assert waiting.deliveries() == []


def test_months_of_events_that_are_over_for_thirty_days_are_dropped(shop: Shop) -> None:
    def months() -> set[str]:
        with database().owner() as tx:
            rows = tx.rows("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'events'::regclass")
            return {row.name[-7:] for row in rows}

    def drop(before: datetime) -> list[str]:
        with database().owner() as tx:
            return partitions.drop(tx, "events", before)

    now = clock.now()
    kept = months()
    assert drop(now.replace(year=now.year - 1)) == []
    first = min(kept)
    year, month = map(int, first.split("_"))
    beyond = now.replace(year=year, month=month, day=1) + timedelta(days=32)
    assert drop(beyond.replace(day=1)) == [f"events_{first}"]
    assert months() == kept - {first}


# --- where it may go ----------------------------------------------------------------------------------------------


def test_in_production_nothing_is_posted_inside_a_network(
    waiting: Desk, receiver: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hooks.load()
    monkeypatch.setattr(hooks, "load", lambda: real.model_copy(update={"app_env": "production"}))
    waiting.work()
    [row] = waiting.deliveries("PENDING")
    assert row.last_error == "ADDRESS_FORBIDDEN"
    assert receiver.connections == 0


def test_a_post_waits_ten_seconds_at_most(waiting: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def post(*_: Any, seconds: float, may_reach: Callable[[str], bool]) -> http.Response:
        asked.append(seconds)
        raise http.MaybeSent("ReadTimeout")

    monkeypatch.setattr(http, "post_outside", post)
    waiting.work()
    assert asked == [10.0]
    assert waiting.deliveries("PENDING")[0].last_error == "NO_ANSWER"

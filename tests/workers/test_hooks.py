"""Webhooks against a real receiver on loopback: in order, signed, at least once, and nothing personal."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.db import accounts, events, partitions, webhooks
from core.db.session import database
from core.rules import webhook
from tests.workers import shop as shops
from tests.workers.desk import Desk, body, endpoint, takes, told, verified
from tests.workers.providers.cases import Stage, nobody, says
from tests.workers.shop import Logs, Shop, Time
from workers import hooks, http, ledger, sweep

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

"""Pushes: hints that are never believed, wherever and however often they come."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import httpx
import pytest

from core import clock
from core.db import pushes
from core.db.ids import new_id
from core.db.session import database
from tests.deploy.sandbox.solapi_shop import signed
from tests.workers.shop import SOLAPI, Logs, Sandbox, Shop, Time
from workers import pushes as looking
from workers import receipts, sweep

SECRET = hashlib.sha1(SOLAPI["webhook_secret"].encode()).hexdigest()
LIST = "/messages/v4/list"


@pytest.fixture
def solapi(shop: Shop) -> UUID:
    return shop.second()


def push(shop: Shop, account: UUID, body: object, **headers: str) -> None:
    """As the server keeps it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = pushes.Push(new_id(), account, {"x-solapi-secret": SECRET, **headers}, raw)
    with database().write(shop.workspace) as tx:
        pushes.add(tx, shop.workspace, made, clock.now())


def look(shop: Shop, account: UUID) -> list[tuple[str, bool]]:
    """One look; every push as (state, comes again)."""
    looking.look(shop.workspace, account)
    rows = shop.sql("SELECT state, due_at IS NOT NULL AS again FROM pushes ORDER BY received_at, id")
    return [(row.state, row.again) for row in rows]


def one(reference: str, phone: str = "01000000000", event: str = "E1", code: str = "4000") -> dict[str, Any]:
    """An item of the newer shape. What it says of the message is never used."""
    data = {"messageId": "M4V1", "groupId": reference, "to": phone, "statusCode": code}
    return {"eventDataId": event, "retryCount": 0, "data": data}


def sent(shop: Shop, solapi: UUID, people: int = 3, **more: Any) -> tuple[UUID, str]:
    """A campaign by Solapi that is accepted; its provider's reference."""
    shop.customers(people, **more)
    campaign = shop.campaign(routes=[shop.route(solapi, "solapi")])
    assert shop.run(campaign)["accepted"] == people
    return campaign, shop.attempts(campaign)[0].reference


def reads(sandbox: Sandbox) -> int:
    return sum(count for path, count in sandbox.stats()["by_path"].items() if LIST in path)


# --- what proves nothing ------------------------------------------------------------------------------------------


def test_who_pushes_in_the_name_of_one_that_pushes_nothing_is_forged(shop: Shop, logs: Logs) -> None:
    push(shop, shop.account, [one("G1", "01012345678")])
    assert look(shop, shop.account) == [("FORGED", False)]
    [line] = logs.events("push_forged")
    assert "01012345678" not in repr(line)


@pytest.mark.parametrize("secret", ["", "0" * 40, SOLAPI["webhook_secret"], SECRET[:-1]])
def test_a_wrong_secret_moves_nothing_and_asks_nobody(shop: Shop, solapi: UUID, sandbox: Sandbox, secret: str) -> None:
    campaign, reference = sent(shop, solapi)
    push(shop, solapi, [one(reference)], **{"x-solapi-secret": secret})
    assert look(shop, solapi) == [("FORGED", False)]
    assert reads(sandbox) == 0
    assert shop.counters(campaign)["accepted"] == 3


@pytest.mark.parametrize("body", [b"", b"[", b"\xff\xfe", b"{}", b"[1, null, []]", b'[{"data": {"groupId": "../x"}}]'])
def test_what_names_no_call_is_done_with(shop: Shop, solapi: UUID, sandbox: Sandbox, body: bytes) -> None:
    push(shop, solapi, body)
    assert look(shop, solapi) == [("DONE", False)]
    assert reads(sandbox) == 0


def test_nothing_to_look_at_is_no_trouble(shop: Shop) -> None:
    assert look(shop, shop.account) == []


# --- hints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flat", [False, True])
def test_both_shapes_make_us_read(shop: Shop, solapi: UUID, time: Time, flat: bool) -> None:
    campaign, reference = sent(shop, solapi)
    time.forward(seconds=5)
    item = one(reference)
    push(shop, solapi, [item["data"] if flat else item])
    assert look(shop, solapi) == [("DONE", False)]
    assert shop.counters(campaign)["delivered"] == 3


def test_what_a_push_says_is_not_believed(shop: Shop, solapi: UUID, time: Time) -> None:
    campaign, reference = sent(shop, solapi, 2, first=9001)  # the second has no subscriber
    time.forward(seconds=5)
    push(shop, solapi, [one(reference, "01000009001", code="3032"), one(reference, "01000009002", code="4000")])
    look(shop, solapi)
    assert shop.why(campaign) == {"DELIVERED": 1, "FAILED NO_SUBSCRIBER": 1}


def test_a_flood_about_one_call_is_a_read_every_three_seconds(shop: Shop, solapi: UUID, sandbox: Sandbox, time: Time) -> None:
    campaign, reference = sent(shop, solapi, 100)
    time.forward(seconds=5)
    begun = clock.now()
    for at in range(100):
        push(shop, solapi, [one(reference, event=f"E{at}")])
        look(shop, solapi)
    lasted = clock.now() - begun
    time.forward(seconds=4)
    while any(again for _, again in look(shop, solapi)):
        time.forward(seconds=1)
    assert reads(sandbox) <= 2 + lasted // looking.READ_EVERY  # two, unless this machine is slow
    assert shop.counters(campaign)["delivered"] == 100
    assert shop.value("SELECT count(*) FROM pushes WHERE state = 'DONE'") == 100


def test_two_workers_at_once_read_once(shop: Shop, solapi: UUID, sandbox: Sandbox, time: Time) -> None:
    _, reference = sent(shop, solapi)
    time.forward(seconds=5)
    for at in range(8):
        push(shop, solapi, [one(reference, event=f"E{at}")])
    both = [threading.Thread(target=looking.look, args=(shop.workspace, solapi)) for _ in range(3)]
    for worker in both:
        worker.start()
    for worker in both:
        worker.join()
    assert reads(sandbox) == 1


def test_a_push_about_two_calls_reads_both(shop: Shop, solapi: UUID, sandbox: Sandbox, time: Time) -> None:
    shop.customers(4)
    campaign = shop.campaign(routes=[shop.route(solapi, "solapi")], batch_size=2)
    shop.run(campaign)
    time.forward(seconds=5)
    push(shop, solapi, [one(attempt.reference) for attempt in shop.attempts(campaign)] * 2)
    assert look(shop, solapi) == [("DONE", False)]
    assert shop.counters(campaign)["delivered"] == 4
    assert reads(sandbox) == 2


def test_reading_because_of_pushes_does_not_use_up_the_rhythm(shop: Shop, solapi: UUID, time: Time) -> None:
    campaign, reference = sent(shop, solapi, 1, first=9004)  # nothing is ever heard of this one
    before = shop.attempts(campaign)[0]
    for _ in range(10):
        push(shop, solapi, [one(reference)])
        look(shop, solapi)
        time.forward(seconds=5)
    after = shop.attempts(campaign)[0]
    assert (after.polls, after.poll_at) == (before.polls, before.poll_at)


def test_a_provider_that_does_not_answer_is_polled_soon(shop: Shop, solapi: UUID, sandbox: Sandbox, time: Time) -> None:
    campaign, reference = sent(shop, solapi)
    shop.sql("UPDATE attempts SET poll_at = NULL")  # as after the last look of the rhythm
    sandbox.fault("busy", path=f"GET {LIST}", status=503)
    push(shop, solapi, [one(reference)])
    assert look(shop, solapi) == [("DONE", False)]
    [attempt] = shop.attempts(campaign)
    assert attempt.poll_at - clock.now() < timedelta(seconds=31)
    time.forward(seconds=31)
    receipts.read(shop.workspace, attempt.id)
    assert shop.counters(campaign)["delivered"] == 3


# --- too early ----------------------------------------------------------------------------------------------------


def test_a_push_before_the_call_is_recorded_waits_and_is_not_lost(shop: Shop, solapi: UUID, time: Time, sandbox: Sandbox) -> None:
    campaign, reference = sent(shop, solapi)
    shop.sql("UPDATE attempts SET outcome = 'OPEN'")
    push(shop, solapi, [one(reference)])
    assert look(shop, solapi) == [("PARKED", True)]
    assert reads(sandbox) == 0
    shop.sql("UPDATE attempts SET outcome = 'ACCEPTED'")
    time.forward(seconds=4)
    assert look(shop, solapi) == [("PARKED", True)]
    time.forward(seconds=2)
    assert look(shop, solapi) == [("DONE", False)]
    assert shop.counters(campaign)["delivered"] == 3


def test_an_answer_that_was_lost_is_found_by_its_push_after_reconciliation(
    shop: Shop, solapi: UUID, time: Time, sandbox: Sandbox
) -> None:
    shop.customers(3)
    sandbox.fault("lost_answer_reset", path="POST /messages/v4/groups/*/send")
    campaign = shop.campaign(routes=[shop.route(solapi, "solapi")])
    assert shop.run(campaign)["unknown"] == 3
    push(shop, solapi, [one(shop.attempts(campaign)[0].reference)])
    assert look(shop, solapi) == [("PARKED", True)]
    time.forward(seconds=10)
    assert shop.reconcile(campaign)["accepted"] == 3
    assert look(shop, solapi) == [("DONE", False)]
    assert shop.counters(campaign)["delivered"] == 3


def test_a_push_about_a_call_of_somebody_else_is_dropped_after_a_week(shop: Shop, solapi: UUID, time: Time) -> None:
    push(shop, solapi, [one("G4VSOMEBODYELSES")])
    assert look(shop, solapi) == [("PARKED", True)]
    time.forward(days=6, hours=23)
    assert look(shop, solapi) == [("PARKED", True)]
    time.forward(hours=1, minutes=1)
    assert look(shop, solapi) == [("DONE", False)]
    sweep.upkeep()
    assert shop.value("SELECT count(*) FROM pushes") == 0


def test_looks_become_ever_more_seldom() -> None:
    now = clock.now()
    waits = []
    for age in (timedelta(0), timedelta(seconds=59), timedelta(minutes=2), timedelta(hours=3), timedelta(days=6, hours=23)):
        state, due_at = looking.parked(now, now - age)
        assert (state, due_at is not None) == ("PARKED", True)
        waits.append((due_at or now) - now)
    assert waits == [timedelta(seconds=5)] * 2 + [timedelta(minutes=1), timedelta(hours=1), timedelta(hours=1)]
    assert looking.parked(now, now - timedelta(days=7)) == ("DONE", None)


def test_what_a_dead_worker_had_in_its_hand_comes_again(shop: Shop, solapi: UUID, time: Time) -> None:
    campaign, reference = sent(shop, solapi)
    time.forward(seconds=5)
    push(shop, solapi, [one(reference)])
    with database().write(shop.workspace) as tx:
        assert len(pushes.take(tx, shop.workspace, solapi, clock.now(), clock.now() + looking.IN_HAND, 20)) == 1
    assert look(shop, solapi) == [("NEW", True)]
    time.forward(seconds=61)
    assert look(shop, solapi) == [("DONE", False)]
    assert shop.counters(campaign)["delivered"] == 3


# --- the sandbox pushes -------------------------------------------------------------------------------------------


class Door(HTTPServer):
    """Where the sandbox pushes to: it is kept as the server would keep it."""

    def __init__(self, shop: Shop, account: UUID) -> None:
        super().__init__(("127.0.0.1", 0), Knock)
        self.shop, self.account = shop, account
        self.secrets: set[str] = set()
        self.bodies: list[Any] = []


class Knock(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        door = self.server
        push(door.shop, door.account, body, **{"x-solapi-secret": self.headers["X-Solapi-Secret"]})
        door.bodies.append(json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def door(shop: Shop, solapi: UUID, sandbox: Sandbox) -> Iterator[Door]:
    """Registered at the sandbox for every message."""
    with Door(shop, solapi) as door:
        thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        wanted = {"eventId": "SINGLE-REPORT", "url": f"http://127.0.0.1:{door.server_port}/x", "name": "reports"}
        registered = httpx.post(
            f"{sandbox.url}/webhook/v1/outgoing",
            json=wanted,
            headers={"authorization": signed(date=clock.now().isoformat())},
        )
        assert registered.status_code == 200, registered.text
        yield door
        name = registered.json()["webhookId"]
        removed = httpx.delete(
            f"{sandbox.url}/webhook/v1/outgoing/{name}", headers={"authorization": signed(date=clock.now().isoformat())}
        )
        assert removed.status_code == 200
        door.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "faults", [(), ("webhook_twice",), ("webhook_backwards", "webhook_twice"), ("webhook_flat", "webhook_twice")]
)
def test_pushes_of_the_sandbox_in_every_disorder_end_in_the_same_state_with_few_reads(
    shop: Shop, solapi: UUID, sandbox: Sandbox, time: Time, door: Door, logs: Logs, faults: tuple[str, ...]
) -> None:
    for kind in faults:
        sandbox.fault(kind, count=None)
    campaign, _ = sent(shop, solapi, 4, first=9000)
    time.forward(seconds=5)
    wanted = 2 if "webhook_twice" in faults else 1
    deadline = threading.Event()
    while len(door.bodies) < wanted:
        assert not deadline.wait(0.05)
    sandbox.ask("faults", "DELETE")
    for _ in range(5):
        sweep.sweep()
        look(shop, solapi)
        time.forward(seconds=2)
    assert shop.why(campaign) == {"DELIVERED": 2, "FAILED NO_SUBSCRIBER": 1, "FAILED POWER_OFF": 1}
    assert {state for state, _ in look(shop, solapi)} == {"DONE"}
    assert reads(sandbox) <= 2
    assert all(("data" in item) != ("webhook_flat" in faults) for body in door.bodies for item in body)


def test_no_number_is_kept_in_clear_or_logged(shop: Shop, solapi: UUID, time: Time, logs: Logs) -> None:
    _, reference = sent(shop, solapi)
    push(shop, solapi, [one(reference, "01000000001")])
    push(shop, solapi, [one(reference, "01000000001")], **{"x-solapi-secret": "wrong"})
    time.forward(seconds=5)
    look(shop, solapi)
    rows = shop.sql("SELECT * FROM pushes")
    assert len(rows) == 2
    for row in rows:
        for value in row:
            assert b"01000000001" not in (bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode())
            assert SECRET.encode() not in (bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode())
    assert not re.search(r"0100000\d{4}", repr(logs.entries))

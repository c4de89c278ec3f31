"""Pushes: hints that are never believed, wherever and however often they come."""

import json
from datetime import timedelta

from core import clock
from core.db import pushes
from core.db.ids import new_id
from core.db.session import database
from tests.workers.shop import Logs, Shop
from workers import pushes as looking


def push(shop: Shop, body: bytes = b"[]", **headers: str) -> None:
    """As the server keeps it."""
    made = pushes.Push(new_id(), shop.account, headers, body)
    with database().write(shop.workspace) as tx:
        pushes.add(tx, shop.workspace, made, clock.now())


def look(shop: Shop) -> list[tuple[str, bool]]:
    """One look; every push as (state, comes again)."""
    looking.look(shop.workspace, shop.account)
    rows = shop.sql("SELECT state, due_at IS NOT NULL AS again FROM pushes ORDER BY received_at")
    return [(row.state, row.again) for row in rows]


def test_who_pushes_in_the_name_of_one_that_pushes_nothing_is_forged(shop: Shop, logs: Logs) -> None:
    push(shop, json.dumps([{"groupId": "G1", "to": "01012345678"}]).encode())
    assert look(shop) == [("FORGED", False)]
    [line] = logs.events("push_forged")
    assert "01012345678" not in repr(line)


def test_nothing_to_look_at_is_no_trouble(shop: Shop) -> None:
    assert look(shop) == []


def test_a_push_about_an_unknown_call_is_looked_at_ever_more_seldom_and_dropped_after_a_week() -> None:
    now = clock.now()
    waits = []
    for age in (timedelta(0), timedelta(seconds=59), timedelta(minutes=2), timedelta(hours=3), timedelta(days=6, hours=23)):
        state, due_at = looking.parked(now, now - age)
        assert (state, due_at is not None) == ("PARKED", True)
        waits.append((due_at or now) - now)
    assert waits == [timedelta(seconds=5)] * 2 + [timedelta(minutes=1), timedelta(hours=1), timedelta(hours=1)]
    assert looking.parked(now, now - timedelta(days=7)) == ("DONE", None)

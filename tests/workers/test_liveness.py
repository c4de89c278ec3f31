"""Liveness: a process says that it is alive, says goodbye, and knows when others no longer count on it."""

import threading
from datetime import timedelta

import pytest

from core import clock
from core.db.session import database
from core.errors import Unavailable
from tests.workers.shop import Logs, Shop
from workers import claim, liveness, sweep
from workers.routing import Hand


def seen() -> dict:
    with database().owner() as tx:
        return {row.id: row.seen_at for row in tx.rows("SELECT id, seen_at FROM worker_processes")}


def test_a_beat_says_when(worker: None) -> None:
    heart = liveness.heart()
    assert clock.now() - seen()[heart.id] < timedelta(seconds=10)
    assert heart.is_fresh()


def test_it_beats_by_itself(worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "BEAT_SECONDS", 0.01)
    beaten = threading.Semaphore(0)
    heart = liveness.Heart("x")
    real = heart._beat
    monkeypatch.setattr(heart, "_beat", lambda: (real(), beaten.release()))
    heart.start()
    assert all(beaten.acquire(timeout=10) for _ in range(3))
    heart.stop()
    heart._thread.join(10)
    assert not heart._thread.is_alive()


def test_a_silence_is_noticed_before_others_notice_it(worker: None, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    heart = liveness.Heart("x")
    assert not heart.is_fresh(), "never beaten"
    heart._beat()
    monkeypatch.setattr(liveness, "STALE_SECONDS", 0.0)
    assert not heart.is_fresh()
    assert timedelta(seconds=8) < liveness.DEAD_AFTER, "it stops before the others take its leases"


def test_a_beat_that_the_database_did_not_take_does_not_count(worker: None, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    heart = liveness.Heart("x")

    def away(*_: object) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(liveness.send, "beat", away)
    heart._beat()
    assert not heart.is_fresh()
    assert logs.events("no_heartbeat")
    monkeypatch.setattr(liveness.send, "leave", away)
    heart.stop()
    assert logs.events("left_without_word")


def test_who_leaves_in_order_frees_its_leases_at_once(shop: Shop) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        assert claim.claim(tx, batch, Hand())
    liveness.end()
    assert seen() == {}
    sweep.sweep()
    assert shop.counters(campaign)["unknown"] == 2


def test_without_a_heart_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "_heart", None)
    with pytest.raises(RuntimeError):
        liveness.heart()
    liveness.end()

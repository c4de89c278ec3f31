"""This worker process: its identity on leases, and the heartbeat by which others know that it is alive."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core import clock, telemetry
from core.db import send
from core.db.ids import new_id
from core.db.session import database
from core.errors import Unavailable
from core.health import Pulse
from core.slots import slots
from workers import skew

BEAT_SECONDS = 2.0
DEAD_AFTER = timedelta(seconds=12)
STALE_SECONDS = 8.0  # a process that could not beat for so long must not start a provider call

_log = telemetry.log("liveness")


class Heart:
    """Beats in a thread of its own from the first use after the fork until the process ends."""

    def __init__(self, lanes: str) -> None:
        self.id: UUID = new_id()
        self.lanes = lanes
        self._last = 0.0
        # Since when nobody can have taken this process for dead: what it claimed before that may be another's by now.
        self.unbroken_since = datetime.min.replace(tzinfo=UTC)
        self.pulse = Pulse()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Beat once, then keep beating."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """End in order: leases of this process are free at once."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(BEAT_SECONDS * 5)  # a beat after the goodbye would look like life
        try:
            with database().owner() as tx:
                send.leave(tx, self.id)
        except Unavailable:
            _log.info("left_without_word", pid=os.getpid())

    def is_fresh(self) -> bool:
        """Whether others certainly still count this process as alive."""
        return time.monotonic() - self._last < STALE_SECONDS

    def _run(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            self.pulse.beat()
            slots().renew()
            self._beat()

    def _beat(self) -> None:
        begun, machine = time.monotonic(), skew.begin()
        try:
            with database().owner() as tx:
                told = send.beat(tx, self.id, self.lanes, clock.now(), skew.seconds())
        except Unavailable:
            _log.warning("no_heartbeat", pid=os.getpid())
        else:
            skew.measure(machine, told)
            if self._last and begun - self._last > STALE_SECONDS:
                self.unbroken_since = clock.now()
            self._last = begun


_heart: Heart | None = None


def begin(lanes: str) -> None:
    """Once per worker process, after forking."""
    global _heart
    _heart = Heart(lanes)
    _heart.start()


def end() -> None:
    """Once, when the process ends."""
    if _heart is not None:
        _heart.stop()


def heart() -> Heart:
    """The heart of this process."""
    if _heart is None:
        raise RuntimeError("workers.liveness.begin was not called in this process")
    return _heart

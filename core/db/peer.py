"""A database server as this process sees it: whether it answers, so that nobody waits for one that hangs, and when it is back."""

import threading
import time
from collections.abc import Generator
from functools import cached_property
from typing import Any

import psycopg
from psycopg import abc, adapt
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import TooManyConnections

from core import telemetry

SILENT_SECONDS = 1.5  # a statement without an answer for so long makes us ask whether anybody is there
PROBE_SECONDS = 3  # ... and so long that question may take
PAUSE_SECONDS = 0.5  # between two such questions while nobody is there

# A server that is switched off sends nothing at all: the kernel gives it up after about ten seconds.
_WIRE: dict[str, Any] = {
    "connect_timeout": PROBE_SECONDS,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_log = telemetry.log("database")


class Peer:
    """One database address: the primary, or the replica. In doubt it is asked in a thread until it answers."""

    def __init__(self, name: str, url: str, *, writable: bool, application: str = "jeondan", prepared: bool = True) -> None:
        self.name, self._writable = name, writable
        self._threshold = 5 if prepared else None  # None: not even what asks for it
        self._conninfo = {**_WIRE, "application_name": application, **libpq(url)}
        self._away = False
        self._asking = False
        self._answered = float("-inf")
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.trusted_since = float("-inf")  # older connections lead nowhere, or to who it was before

    @property
    def away(self) -> bool:
        """Nobody was there at the last question, and is not yet back."""
        return self._away

    def connect(self) -> "Guarded":
        """A new connection that does not outwait us; of several hosts the one that fits."""
        made = Guarded.connect("", prepare_threshold=self._threshold, **self._conninfo)
        made.peer = self
        return made

    def doubt(self, *, lost: bool = False) -> None:
        """Find out whether it is still there. Returns at once. `lost`: older connections lead nowhere."""
        if lost:
            self.trusted_since = time.monotonic()
        elif time.monotonic() - self._answered < SILENT_SECONDS:
            return  # it was asked just now: a statement that takes long asks no more often than that
        with self._lock:
            if self._asking or self._closed.is_set():
                return
            self._asking = True
        threading.Thread(target=self._ask, name=f"ask-{self.name}", daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._closed.set()

    def answers(self) -> bool:
        """Whether somebody is there who can do what it is for, asked on a connection of its own."""
        try:
            with Guarded.connect("", autocommit=True, **{**self._conninfo, "connect_timeout": PROBE_SECONDS}) as asked:
                asked.patience = PROBE_SECONDS
                row = asked.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool").fetchone()
        except TooManyConnections:
            return True
        except psycopg.Error:
            return False
        return row is not None and not (self._writable and row[0])

    def _ask(self) -> None:
        while not self._closed.is_set():
            if self.answers():
                break
            if not self._away:
                self._away = True
                telemetry.DATABASE_AWAY.labels(self.name).set(1)
                _log.warning("database_away", database=self.name)
            self._closed.wait(PAUSE_SECONDS)
        with self._lock:
            was_away, self._asking, self._answered = self._away, False, time.monotonic()
            if was_away:
                self.trusted_since = time.monotonic()
            self._away = False
        if was_away:
            telemetry.DATABASE_AWAY.labels(self.name).set(0)
            _log.warning("database_back", database=self.name)


class Guarded(psycopg.Connection[Any]):
    """A connection that gives up when nobody is at the other end: TCP alone never notices a server that merely stands still."""

    peer: Peer | None = None
    patience: float | None = None  # seconds for a statement; None: as long as somebody is there

    @cached_property
    def known(self) -> dict[Any, bytes]:
        """What core.db.trips has prepared here, by statement and types."""
        return {}

    @cached_property
    def transformer(self) -> abc.Transformer:
        """How core.db.trips writes and reads values here."""
        return adapt.Transformer(self)

    def _deallocate(self, name: bytes | None) -> Any:
        """After a rollback the driver has everything that is prepared forgotten: also what it has not prepared itself."""
        if name is None:
            self.known.clear()
        return super()._deallocate(name)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As the driver waits, looking up now and then."""
        return super().wait(self._minded(gen), interval, timeout)

    def _minded(self, gen: Any) -> Generator[Any, Any, Any]:
        silent_since = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    silent_since = time.monotonic()
                else:
                    self._mind(time.monotonic() - silent_since)
                wanted = gen.send(ready)
        except StopIteration as ended:
            return ended.value

    def _mind(self, silent: float) -> None:
        if self.patience is not None and silent > self.patience:
            self._give_up()
        if self.peer is not None and silent > SILENT_SECONDS:
            self.peer.doubt()
            if self.peer.away:
                self._give_up()

    def _give_up(self) -> None:
        self.pgconn.finish()
        raise psycopg.OperationalError("the server does not answer any more")


def libpq(url: str) -> dict[str, Any]:
    """What libpq knows of an address; several hosts and target_session_attrs included."""
    return dict(conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1)))

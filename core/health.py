"""What a process that serves nobody is asked by those who run it: whether it lives, what it needs, what it has counted."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core import clock, telemetry
from core.cache import cache
from core.db.session import Database
from core.images import storage
from core.settings import Settings

PERIOD, STALE = 5.0, 12.0  # seconds; nobody is balanced by it, and object storage is asked for money
SILENT = 120.0  # a loop that did not come round for so long hangs on something that a new start gets rid of
DATABASE = "database"

_log = telemetry.log("health")


def answers(name: str, ask: Callable[[], object]) -> bool:
    """Whether something answers now; whatever it says instead, it did not."""
    try:
        ask()
    except Exception as error:
        _log.debug("dependency_silent", dependency=name, error=type(error).__name__)
        return False
    return True


@dataclass
class Part:
    """Something a process needs: how to ask it, and when it last answered. A question that hangs goes stale."""

    name: str
    ask: Callable[[], object]
    close: Callable[[], object] = lambda: None
    stale: float = field(default_factory=lambda: STALE)
    answered: float = float("-inf")

    @property
    def up(self) -> bool:
        """It answered, and not long ago."""
        return time.monotonic() - self.answered < self.stale

    def look(self) -> None:
        """Ask once."""
        self.answered = time.monotonic() if answers(self.name, self.ask) else float("-inf")


class Pulse:
    """When a loop last came round. Being alive is no promise about others: without a database a process waits, and lives."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beat(self) -> None:
        """Here it is."""
        self._last = time.monotonic()

    @property
    def alive(self) -> bool:
        """It came round not long ago."""
        return time.monotonic() - self._last < SILENT


class Door:
    """`/livez`, `/health` and `/metrics` on a port; what is needed is asked in the background, so an answer never waits."""

    def __init__(self, settings: Settings, port: int, pulse: Pulse) -> None:
        self._pulse, self._stopped = pulse, threading.Event()
        self._parts = _parts(settings)
        for part in self._parts:
            threading.Thread(target=self._look, args=(part,), daemon=True, name=f"look-{part.name}").start()
        self._server = ThreadingHTTPServer((settings.metrics_host, port), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="door").start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Answer no more; a question that hangs is not waited for."""
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        for part in self._parts:
            part.close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, kind and content of a page."""
        if path == "/livez":
            return (200, "text/plain", b"ok") if self._pulse.alive else (503, "text/plain", b"hangs")
        status, checks = self._checked()
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        if path == "/health":
            moment = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
            document = {"status": status, "timestamp": moment, "checks": checks}
            return 503 if status == "unhealthy" else 200, "application/json", json.dumps(document).encode()
        return 404, "text/plain", b""

    def _checked(self) -> tuple[str, dict[str, str]]:
        """As the gateway says it: without the database nothing works, without the others work waits."""
        for part in self._parts:
            telemetry.DEPENDENCY_UP.labels(part.name).set(part.up)
        checks = {part.name: "healthy" if part.up else "unhealthy" for part in self._parts}
        if checks[DATABASE] != "healthy":
            return "unhealthy", checks
        return "healthy" if all(part.up for part in self._parts) else "degraded", checks

    def _look(self, part: Part) -> None:
        while True:
            part.look()
            if self._stopped.wait(PERIOD):
                return


def open_door(settings: Settings, port: int, pulse: Pulse) -> "Door | NoDoor":
    """The door on this port; 0 means nobody asks."""
    return Door(settings, port, pulse) if port else NoDoor()


class NoDoor:
    """Nobody asks."""

    def close(self) -> None:
        """Nothing to close."""


def _parts(settings: Settings) -> Sequence[Part]:
    own = Database(settings, pool_size=1)  # a full pool is not an outage
    return Part(DATABASE, own.ping, own.dispose), Part("redis", lambda: cache().ping()), Part("s3", lambda: storage().ping())


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, content = door.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Whoever probes is not written down."""

    return Handler

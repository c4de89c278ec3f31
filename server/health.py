"""The truth about ourselves for load balancers: per service, overall, and per dependency, looked at every second."""

import threading
from collections.abc import Callable, Sequence

from grpc_health.v1 import health, health_pb2

from core import telemetry
from core.cache import cache
from core.db.session import Database
from core.errors import Unavailable
from core.health import DATABASE, Part
from core.images import storage
from core.settings import Settings

PERIOD, STALE = 1.0, 4.0
REPLICA, REDIS, S3 = "replica", "redis", "s3"

_UP = health_pb2.HealthCheckResponse.SERVING
_DOWN = health_pb2.HealthCheckResponse.NOT_SERVING
_log = telemetry.log("health")


class Statuses(health.HealthServicer):
    """The library's, whose watches may end while a status is told.

    It tells a status with its lock held and waits for gRPC's one serving thread, which itself waited for the lock, to forget a
    watch whose caller had left: the whole server stood still for ever.
    """

    def _on_close_callback(self, send_response_callback: Callable[..., None], service: str) -> Callable[[], None]:
        forget = super()._on_close_callback(send_response_callback, service)  # type: ignore[misc]  # unknown to its stubs
        return lambda: threading.Thread(target=forget, daemon=True, name="watch-ended").start()


class Checker:
    """Keeps the statuses of `servicer` true. Each dependency has its own thread, so that one that hangs hides no other."""

    def __init__(self, servicer: health.HealthServicer, services: Sequence[str], parts: Sequence[Part]) -> None:
        self._servicer, self._services, self._parts = servicer, services, parts
        self._stopped = threading.Event()
        self._before: dict[str, bool] = {}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Look once at everything, then go on in the background."""
        self._publish()
        first = [threading.Thread(target=part.look, daemon=True, name=f"first-{part.name}") for part in self._parts]
        for thread in first:
            thread.start()
        for thread in first:
            thread.join(STALE)
        self._publish()
        for part in self._parts:
            self._run(part.look, part.name)
        self._run(self._publish, "health")

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(STALE)
        for part in self._parts:
            part.close()

    def _run(self, work: Callable[[], None], name: str) -> None:
        def repeat() -> None:
            while not self._stopped.wait(PERIOD):
                work()

        thread = threading.Thread(target=repeat, daemon=True, name=name)
        thread.start()
        self._threads.append(thread)

    def _publish(self) -> None:
        states = {part.name: part.up for part in self._parts}
        for name, up in states.items():
            telemetry.DEPENDENCY_UP.labels(name).set(up)
        if states == self._before:
            return
        if self._before or any(states.values()):
            _log.info("health", **states)
        self._before = states
        for name, up in states.items():
            self._servicer.set(f"jeondan.dependency.{name}", _UP if up else _DOWN)
        # While the primary is away the replica answers whoever only looks; without Redis jobs wait in the database, without
        # storage only pictures are missing.
        serving = states[DATABASE] or states.get(REPLICA, False)
        for service in ("", *self._services):
            self._servicer.set(service, _UP if serving else _DOWN)


def dependencies(settings: Settings) -> list[Part]:
    """Database, replica, Redis, storage. Databases are asked on connections of their own: a full pool is not an outage."""
    own = Database(settings, pool_size=1)
    replicas = [Part(REPLICA, own.ping_replica, stale=STALE)] if own.replica else []
    return [
        Part(DATABASE, own.ping, own.dispose, stale=STALE),
        *replicas,
        Part(REDIS, cache().ping, stale=STALE),
        Part(S3, lambda: _storage(settings), stale=STALE),
    ]


def _storage(settings: Settings) -> None:
    try:
        storage().ping()
    except Unavailable:
        if settings.app_env != "development":
            raise
        storage().prepare()

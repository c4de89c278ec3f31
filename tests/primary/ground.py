"""The product on a primary with a synchronous replica: one address for both, a gateway before it, and the primary to strike."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from core import clock, settings
from deploy.local import children, process
from deploy.local import supervisor as supervising
from deploy.local.ports import LOOPBACK, answers
from deploy.local.replica import Replica
from deploy.local.stack import Stack
from tests import stack as parts
from tests.faults import ground as faults
from tests.faults.proxy import Wires

_WORKERS = ("receipts housekeeping", "bulk", "bulk", "plan")  # nobody else takes part in it


class Ground(faults.Ground):
    """As for other drills; the wire to the database leads straight to whichever server takes writes."""

    def __init__(self, stack: Stack, wires: Wires) -> None:
        super().__init__(stack, wires)
        self.primary = parts.postgres(stack)
        self.replica = next(part for part in stack.parts if isinstance(part, Replica))

    def start(self) -> None:
        """The replica acknowledges every commit from the beginning."""
        self.stack.tell(DATABASE_URL=self._either(self.primary.url))
        super().start()
        self._launch(children.gateway(self.stack), ())
        self.supervisor.wait(["gateway"])
        self.replica.synchronous()

    def _lead_through_proxies(self) -> None:
        """The database is struck itself, not its wire."""

    @property
    def superuser_url(self) -> str:
        """Whichever server takes writes."""
        return self._either(parts.named(self.primary.superuser_url, "jeondan"))

    def _either(self, url: str) -> str:
        first = f"{LOOPBACK}:{self.primary.port}"
        return f"{url.replace(first, f'{first},{LOOPBACK}:{self.replica.port}')}?target_session_attrs=read-write"

    # what happens to the primary

    def takes_writes(self) -> bool:
        """Whether one of the two does."""
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill_primary(self) -> None:
        """SIGKILL to all of it; it stays dead."""
        self.supervisor.hold(self.primary.name)
        until(lambda: not answers(self.primary.port.number))

    def revive_primary(self) -> None:
        """It is started again and recovers."""
        self.supervisor.release(self.primary.name)

    @contextmanager
    def frozen_primary(self) -> Iterator[None]:
        """SIGSTOP to all of it."""
        os.kill(self.supervisor.pid(self.primary.name), signal.SIGSTOP)  # first: from then on it has no more children
        process.send(self.supervisor.family(self.primary.name), signal.SIGSTOP)
        try:
            yield
        finally:
            process.send(self.supervisor.family(self.primary.name), signal.SIGCONT)


def _daytime() -> int:
    """Seconds to ten in the morning in Korea."""
    now = clock.kst(clock.now())
    return int((now.replace(hour=10, minute=0, second=0) - now).total_seconds())


@contextmanager
def prepared(*, say: Callable[[str], object] = print) -> Iterator[Ground]:
    """Everything up inside the `with`, nothing left afterwards."""
    supervising.LONGEST_PAUSE = 1.0
    given = {"AWS_ENDPOINT_URL_S3": f"http://{LOOPBACK}:9", "PG_BIN": os.environ.get("PG_BIN", "")}
    extra = {"CLOCK_OFFSET_SECONDS": str(_daytime()), "ALIGO_TESTMODE": "N", "RATE_LIMIT": "600000/minute"}
    lanes, children.WORKERS = children.WORKERS, _WORKERS
    with parts.folder() as var, Wires() as wires, Stack(var, environment=given, extra=extra, replicated=True) as stack:
        ground = Ground(stack, wires)
        try:
            ground.start()
            yield ground
        except BaseException:
            faults.keep_logs(ground, say)
            raise
        finally:
            children.WORKERS = lanes
            ground.close()
            settings.load.cache_clear()


def until(condition: Callable[[], object], seconds: float = 120.0) -> float:
    """Wait for it; how long that took."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise TimeoutError("waited in vain")
        time.sleep(0.05)
    return time.monotonic() - begun

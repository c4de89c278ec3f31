"""Two PostgreSQL servers, the second streaming from the first, and the blows under which one of them falls."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from core.db import migrate
from deploy.local import process
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import Postgres
from deploy.local.replica import Replica
from deploy.local.stack import Stack
from tests import stack as parts
from tests.deploy.local.waiting import until

_NOWHERE = {"AWS_ENDPOINT_URL_S3": f"http://{LOOPBACK}:9", "REDIS_URL": f"redis://{LOOPBACK}:9/0"}


class Pair:
    """A primary and its replica."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.primary: Postgres = parts.postgres(stack)
        self.replica = next(part for part in stack.parts if isinstance(part, Replica))

    @property
    def either(self) -> str:
        """The address of whichever of the two can be written to."""
        first = self.primary.url
        host = f"{LOOPBACK}:{self.primary.port}"
        return first.replace(host, f"{host},{LOOPBACK}:{self.replica.port}") + "?target_session_attrs=read-write"

    def follow(self) -> None:
        """Until the replica has everything."""
        until(self.replica.caught_up)

    def kill(self) -> None:
        """The primary is gone until `back`."""
        self.stack.supervisor.hold(self.primary.name)
        until(lambda: not self.primary.ready())

    def back(self) -> None:
        """It starts again with what it had."""
        self.stack.supervisor.release(self.primary.name)
        until(self.primary.ready)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The primary stands still: it takes connections, the kernel sees to that, and says nothing."""
        supervisor, name = self.stack.supervisor, self.primary.name
        os.kill(supervisor.pid(name), signal.SIGSTOP)  # first: from then on it has no more children
        process.send(supervisor.family(name), signal.SIGSTOP)
        try:
            yield
        finally:
            process.send(supervisor.family(name), signal.SIGCONT)


@contextmanager
def running(given: Mapping[str, str] = _NOWHERE) -> Iterator[Pair]:
    """Both up, with this version's schema on both."""
    with parts.folder() as var, Stack(var, environment=given, replicated=True) as stack:
        pair = Pair(stack)
        migrate.upgrade(pair.primary.url)
        pair.follow()
        yield pair

"""Who stands in the way of a migration: other sessions that hold what it waits for, and processes of another version."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

LOOK_SECONDS = 0.2
APPLICATION = "jeondan"

# Never what they run: statements of others are not ours to print.
_BLOCKING = sa.text(
    "SELECT a.pid, a.usename, a.application_name, a.state, extract(epoch FROM now() - a.xact_start)::int AS seconds"
    " FROM unnest(pg_blocking_pids(:pid)) AS b (pid) JOIN pg_stat_activity a ON a.pid = b.pid ORDER BY a.xact_start"
)
_RUNNING = sa.text(
    "SELECT substr(application_name, 9, 4)::int AS number, count(*) AS sessions FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name ~ '^jeondan [0-9]{4}$' GROUP BY 1 ORDER BY 1"
)


def application(newest: str) -> str:
    """The name under which the sessions of a version are known to the database."""
    return f"{APPLICATION} {newest[:4]}"


def running(connection: sa.Connection) -> dict[int, int]:
    """How many sessions of each version are open now, by the number of its newest migration."""
    return {row.number: row.sessions for row in connection.execute(_RUNNING)}


@dataclass
class Watch:
    """What was seen while a session waited; the last look counts."""

    seen: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "; ".join(self.seen) or "nobody was seen (it waited only shortly)"


@contextmanager
def watching(engine: sa.Engine, pid: int) -> Iterator[Watch]:
    """Look again and again who blocks this session, on a connection of its own: afterwards it cannot be known any more."""
    watch, stop = Watch(), threading.Event()

    def look() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not stop.wait(LOOK_SECONDS):
                if rows := connection.execute(_BLOCKING, {"pid": pid}).all():
                    watch.seen = [
                        f"session {row.pid} ({row.usename}, {row.application_name or 'no name'}, {row.state},"
                        f" its transaction is {row.seconds} s old)"
                        for row in rows
                    ]

    thread = threading.Thread(target=look, name="blockers", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()

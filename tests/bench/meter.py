"""What a run costs: time, CPU of PostgreSQL and of the workers, WAL, round trips, and what the provider saw."""

import os
import re
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from deploy.local import process
from tests.bench.ground import Ground

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """One run."""

    name: str
    recipients: int
    seconds: float
    worker_us: float
    postgres_us: float
    provider_us: float
    wal_bytes: float
    round_trips: float | None
    calls: int
    complete: bool

    @property
    def rate(self) -> float:
        """Recipients a second."""
        return self.recipients / self.seconds

    def written(self) -> dict[str, Any]:
        """For the report."""
        return {**asdict(self), "recipients_per_second": self.rate}


class Meter:
    """Stands beside the runs of one benchmark."""

    def __init__(self, ground: Ground, hands: Iterable[int]) -> None:
        self._ground = ground
        self._hands = list(hands)
        supervisor = ground.stack.supervisor
        self._workers = [supervisor.pid(name) for name in supervisor.names() if name.startswith("worker-")]
        self._postgres, self._provider = supervisor.pid("postgres"), supervisor.pid("provider")
        self._connection = psycopg.connect(ground.superuser_url, autocommit=True)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def measure(self, name: str, run: Callable[[], None], check: Callable[[dict[str, int]], bool]) -> Figures:
        """Run it once; `check` is told what the provider saw."""
        ground, people = self._ground, self._ground.recipients
        ground.provider("reset")
        before, begun = self._read(), time.perf_counter()
        run()
        seconds, after = time.perf_counter() - begun, self._read()
        seen = ground.provider("seen")
        used = {key: (after[key] - before[key]) / people for key in after}
        return Figures(
            name=name,
            recipients=people,
            seconds=seconds,
            worker_us=used["workers"] * 1e6,
            postgres_us=used["postgres"] * 1e6,
            provider_us=used["provider"] * 1e6,
            wal_bytes=used["wal"],
            round_trips=used["trips"] if name.startswith("product") else None,
            calls=seen["calls"],
            complete=seen["messages"] == people and check(seen),
        )

    def peak_mb(self) -> float:
        """The most resident memory that a single worker process ever held."""
        return max(_high_water(pid) for pid in self._workers)

    def _read(self) -> dict[str, float]:
        row = self._connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
        return {
            "wal": float(row[0]) if row else 0.0,
            "workers": sum(map(_cpu, [*self._hands, *self._workers])),
            "postgres": self._postgres_cpu(),
            "provider": _cpu(self._provider),
            "trips": float(sum(_round_trips(self._ground, name) for name in self._names())),
        }

    def _names(self) -> list[str]:
        return [name for name in self._ground.stack.supervisor.names() if name.startswith("worker-")]

    def _postgres_cpu(self) -> float:
        """The server, its living backends, and those that ended meanwhile."""
        members = process.family([self._postgres], process.table())
        return sum(_exact(member.pid) for member in members) + _cpu(self._postgres, ended=True)


def _cpu(pid: int, *, ended: bool = False) -> float:
    """Seconds of CPU of a process, or of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    first = 13 if ended else 11
    return (int(fields[first]) + int(fields[first + 1])) / _TICK


def _exact(pid: int) -> float:
    """The same for a process of one thread, in nanoseconds instead of ticks: a backend may work less than a tick."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError):
        return _cpu(pid)


def _high_water(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


def _round_trips(ground: Ground, worker: str) -> float:
    """The worker's own count, from its metrics port."""
    port = ground.stack.port(f"{worker} metrics")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = re.search(rb"^jeondan_db_round_trips_total (\S+)", answer.read(), re.MULTILINE)
    return float(found[1]) if found else 0.0

"""Watch: every few seconds see what is wrong, turn it into incidents, and have people told. Nothing waits for it."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from core import clock, images, jobs, telemetry
from core.db import disk, feeds, incidents, troubles
from core.db.session import Tx, database
from core.errors import Unavailable
from core.rules import notice, personal
from core.rules.alerts import Condition, Kind, changes
from core.rules.disk import GIB, Level
from workers import alerts, skew
from workers.liveness import DEAD_AFTER
from workers.outage import Outage

LOOK_SECONDS = 5.0
LEAVE_SECONDS = 5.0
SILENT = timedelta(seconds=30)  # a scheduler ticks every two
UNRESOLVED = timedelta(minutes=30)
STUCK = timedelta(minutes=5)
DUTY_TOLD = timedelta(days=7)
JUDGED = timedelta(minutes=5)  # so long after a batch could not be judged it may go wrong again
NEWS = timedelta(hours=24)  # so long words count as new

# Each process that watches answers for its own kinds: the scheduler cannot say of itself that it is silent.
OF_THE_WORKER = frozenset({Kind.SCHEDULER_SILENT})
OF_THE_CLOCK = frozenset(Kind) - OF_THE_WORKER

_log = telemetry.log("watch")


def from_the_clock() -> None:
    """One look of a scheduler."""
    now, depths, stored = clock.now(), _depths(), _storage_answers()

    def conditions(tx: Tx) -> Iterator[Condition]:
        if depths is None:
            yield Condition(Kind.QUEUES_UNREACHABLE, "redis")
        if not stored:
            yield Condition(Kind.STORAGE_UNREACHABLE, "s3")
        yield from _disks(tx)
        yield from _lanes(tx, now, depths or {})
        yield from troubles.breakers(tx)
        yield from troubles.paused(tx)
        yield from troubles.senders_dead(tx)
        yield from troubles.certificates_ending(tx, now)
        yield from troubles.clocks_wrong(tx, now, skew.MOST)
        yield from troubles.engine_errors(tx, now - JUDGED)
        yield from troubles.unresolved(tx, now - UNRESOLVED)
        yield from troubles.words(tx, now - NEWS)
        yield from troubles.endpoints(tx)
        yield from troubles.privacy_requests(tx, now - personal.ALARM_AFTER)
        yield from troubles.people_levels(tx, now - DUTY_TOLD)
        yield from feeds.troubles(tx, now)
        yield from troubles.stuck(tx, now, now - STUCK)
        yield from troubles.notices(tx, now + notice.ALARM)

    # Of lanes that cannot be seen nobody can say that they move again.
    look(OF_THE_CLOCK if depths is not None else OF_THE_CLOCK - {Kind.QUEUE_STUCK}, conditions, now)


def from_a_worker() -> None:
    """One look of a worker: whether a scheduler is alive."""
    now = clock.now()
    look(OF_THE_WORKER, lambda tx: troubles.clock_silent(tx, now, now - SILENT), now)


def look(kinds: frozenset[Kind], conditions: Callable[[Tx], Iterator[Condition]], now: datetime) -> None:
    """See, settle the incidents of these kinds, tell people. Another process that looks just now does as well."""
    with database().system() as tx:
        if incidents.elected(tx):
            found = tuple(conditions(tx))
            incidents.apply(tx, changes(incidents.unclosed(tx, kinds), found, now), now)
    alerts.tell()


class Watch:
    """Looks again and again in a thread of its own."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._outage = Outage()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin, once per process and after forking."""
        self._thread.start()

    def stop(self) -> None:
        """End; a channel that does not answer is not waited for."""
        self._stop.set()
        self._thread.join(LEAVE_SECONDS)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.once()

    def once(self) -> None:
        """One look, whatever comes of it; of a database that is away people are told as well."""
        try:
            try:
                self._look()
            except Unavailable:
                _log.warning("look_missed")
                self._outage.missed()
            else:
                self._outage.seen()
        except Exception as error:
            telemetry.report(error)
            _log.error("look_failed", error=type(error).__name__)


def _depths() -> dict[str, int] | None:
    """The jobs of each lane; None when Redis does not answer."""
    try:
        return jobs.depths()
    except Exception as error:
        _log.warning("queues_unreachable", error=type(error).__name__)
        return None


def _storage_answers() -> bool:
    try:
        images.storage().ping()
    except Unavailable:
        return False
    return True


def _disks(tx: Tx) -> Iterator[Condition]:
    for space in disk.spaces(tx):
        telemetry.DISK_FREE.labels(space.place).set(space.share)
        facts = {"place": space.place, "free": f"{space.free / GIB:.1f} GiB", "share": f"{space.share:.0%}"}
        if space.level is not Level.ENOUGH:
            yield Condition(Kind.DISK_LOW, space.place, None, facts)
        if space.level is Level.FULL:
            yield Condition(Kind.DISK_FULL, space.place, None, facts)


def _lanes(tx: Tx, now: datetime, depths: dict[str, int]) -> Iterator[Condition]:
    consumed = troubles.consumed(tx, now - DEAD_AFTER)
    for lane, depth in depths.items():
        if depth and lane not in consumed:
            yield Condition(Kind.QUEUE_STUCK, lane, None, {"lane": lane, "jobs": f"{depth:,}"})

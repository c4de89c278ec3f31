"""The scheduler process: sweeps every two seconds and keeps house every hour, until told to stop: `python -m workers.clock`."""

import time
from collections.abc import Callable
from functools import partial
from uuid import UUID

from core import clock, leaving, telemetry, tracing
from core.db import schema, send, troubles
from core.db.ids import new_id
from core.db.session import database
from core.errors import Problem
from core.health import Pulse, open_door
from core.settings import load
from workers import alerts, skew, watch
from workers.sweep import sweep, upkeep

TICK_SECONDS = 2.0
UPKEEP_SECONDS = 3600.0

_log = telemetry.log("clock")


def main() -> None:
    """Several may run: each step is done by whoever gets its lock."""
    settings = load()
    telemetry.start(settings, "clock")
    tracing.start(settings.otel_exporter_otlp_endpoint, "clock", settings.app_env)
    schema.refuse_if_pending(settings.database_url)
    alerts.refuse_wrong_addresses()
    leave = leaving.asked()
    identity, kept_house, pulse = new_id(), -UPKEEP_SECONDS, Pulse()
    door = open_door(settings, settings.clock_metrics_port, pulse)
    watching = watch.Watch(watch.from_the_clock)
    watching.start()
    while not leave.is_set():
        pulse.beat()
        if time.monotonic() - kept_house >= UPKEEP_SECONDS:
            kept_house = time.monotonic() if tick(upkeep) else kept_house
        tick(sweep)
        tick(partial(beat, identity))
        leave.wait(TICK_SECONDS)
    watching.stop()
    door.close()
    database().dispose()
    tracing.stop()


def beat(identity: UUID) -> None:
    """After each sweep, so that a scheduler which hangs is as silent as one that is dead: a worker watches."""
    machine = skew.begin()
    with database().owner() as tx:
        told = send.beat(tx, identity, troubles.CLOCK, clock.now(), skew.seconds())
    skew.measure(machine, told)


def tick(work: Callable[[], object]) -> bool:
    """One piece of work; whether it went well. Trouble is noted, and the next tick comes all the same."""
    name = getattr(work, "__name__", "beat")
    try:
        work()
    except Problem as problem:
        _log.warning("tick_missed", work=name, reason=problem.reason)
        return False
    except Exception as error:
        telemetry.report(error)
        _log.error("tick_failed", work=name, error=type(error).__name__)
        return False
    return True


if __name__ == "__main__":
    main()

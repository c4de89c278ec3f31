"""The scheduler process: sweeps every two seconds and keeps house every hour, until told to stop: `python -m workers.clock`."""

import signal
import threading
import time
from collections.abc import Callable

from core import telemetry
from core.db import schema
from core.db.session import database
from core.errors import Problem
from core.settings import load
from workers.sweep import sweep, upkeep

TICK_SECONDS = 2.0
UPKEEP_SECONDS = 3600.0

_log = telemetry.log("clock")


def main() -> None:
    """Several may run: each step is done by whoever gets its lock."""
    settings = load()
    telemetry.start(settings, "clock", metrics_port=settings.clock_metrics_port)
    schema.refuse_if_pending(settings.database_url)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    kept_house = -UPKEEP_SECONDS
    while not stop.is_set():
        if time.monotonic() - kept_house >= UPKEEP_SECONDS:
            kept_house = time.monotonic() if tick(upkeep) else kept_house
        tick(sweep)
        stop.wait(TICK_SECONDS)
    database().dispose()


def tick(work: Callable[[], None]) -> bool:
    """One piece of work; whether it went well. Trouble is noted, and the next tick comes all the same."""
    try:
        work()
    except Problem as problem:
        _log.warning("tick_missed", work=work.__name__, reason=problem.reason)
        return False
    except Exception as error:
        telemetry.report(error)
        _log.error("tick_failed", work=work.__name__, error=type(error).__name__)
        return False
    return True


if __name__ == "__main__":
    main()

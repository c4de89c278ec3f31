"""A worker process for some lanes: `python -m workers.main bulk`. One process, a few threads, synchronous."""

import importlib
import pkgutil
import signal
import sys
import threading

import dramatiq

import workers
from core import jobs, telemetry
from core.db import migrate
from core.db.session import database
from core.settings import load
from workers import liveness

NOT_ACTORS = {"main", "clock", "providers"}


def main() -> None:
    """Work on the lanes given as arguments (all of them without), until SIGTERM; what has begun is finished."""
    lanes = tuple(sys.argv[1:]) or jobs.LANES
    if wrong := set(lanes) - set(jobs.LANES):
        sys.stderr.write(f"jeondan: no such lane: {', '.join(sorted(wrong))}; there are: {', '.join(jobs.LANES)}\n")
        raise SystemExit(2)
    settings = load()
    telemetry.start(settings, "workers", metrics_port=settings.workers_metrics_port)
    migrate.refuse_if_pending(settings.database_url)
    load_actors()
    liveness.begin(" ".join(lanes))
    worker = dramatiq.Worker(jobs.broker(), queues=set(lanes), worker_threads=settings.worker_threads, worker_timeout=200)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    worker.start()
    telemetry.log("workers").info("working", lanes=list(lanes))
    stop.wait()
    worker.stop(timeout=100_000)
    liveness.end()
    database().dispose()


def load_actors() -> None:
    """Import every module of this room, so that each actor is declared on the one broker."""
    jobs.broker()
    for module in pkgutil.iter_modules(workers.__path__):
        if module.name not in NOT_ACTORS:
            importlib.import_module(f"workers.{module.name}")


if __name__ == "__main__":
    main()

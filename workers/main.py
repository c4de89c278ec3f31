"""A worker process for some lanes: `python -m workers.main bulk`. One process, a few threads, synchronous."""

import gc
import importlib
import sys
from collections.abc import Iterable

import dramatiq

from core import health, jobs, leaving, telemetry, tracing
from core.db import schema
from core.db.session import database
from core.settings import load
from workers import alerts, http, liveness, watch

# Only what a process needs is loaded: a bulk worker has neither the composer nor the spreadsheet reader in memory.
ACTORS: dict[str, tuple[str, ...]] = {
    jobs.SINGLE: ("single",),
    jobs.BULK: ("deliver",),
    jobs.PLAN: ("plan", "imports", "exports", "report"),
    jobs.COMPOSE: ("compose",),
    jobs.RECEIPTS: ("receipts", "reconcile", "pushes"),
    jobs.HOUSEKEEPING: ("balance", "optouts", "senders", "templates"),
    jobs.WEBHOOKS: ("hooks",),
}


def main() -> None:
    """Work on the lanes given as arguments (all of them without), until SIGTERM; what has begun is finished."""
    lanes = tuple(sys.argv[1:]) or jobs.LANES
    if wrong := set(lanes) - set(jobs.LANES):
        sys.stderr.write(f"jeondan: no such lane: {', '.join(sorted(wrong))}; there are: {', '.join(jobs.LANES)}\n")
        raise SystemExit(2)
    settings = load()
    telemetry.start(settings, "workers")
    tracing.start(settings.otel_exporter_otlp_endpoint, "workers", settings.app_env)
    schema.refuse_if_pending(settings.database_url)
    load_actors(lanes)
    watching = _watch(lanes)
    http.warm()
    liveness.begin(" ".join(lanes))
    # What is loaded now stays: the collector need not look at it again and again while batches of 500 come and go.
    gc.collect()
    gc.freeze()
    worker = dramatiq.Worker(jobs.broker(), queues=set(lanes), worker_threads=settings.worker_threads, worker_timeout=200)
    leave = leaving.asked()
    worker.start()
    if watching:
        watching.start()
    door = health.open_door(settings, settings.workers_metrics_port, liveness.heart().pulse)
    telemetry.log("workers").info("working", lanes=list(lanes))
    leaving.wait(leave)
    _leave(worker, watching)
    door.close()


def _leave(worker: dramatiq.Worker, watching: watch.Watch | None) -> None:
    """What has begun is finished, then everything is closed."""
    if watching:
        watching.stop()
    worker.stop(timeout=100_000)
    http.close()
    liveness.end()
    database().dispose()
    tracing.stop()


def load_actors(lanes: Iterable[str] = jobs.LANES) -> None:
    """Import the modules whose actors work on these lanes, so that each is declared on the one broker."""
    jobs.broker()
    for lane in lanes:
        for module in ACTORS[lane]:
            importlib.import_module(f"workers.{module}")


def _watch(lanes: Iterable[str]) -> watch.Watch | None:
    """Who keeps house also looks whether the scheduler is alive."""
    if jobs.HOUSEKEEPING not in lanes:
        return None
    alerts.refuse_wrong_addresses()
    return watch.Watch(watch.from_a_worker)


if __name__ == "__main__":
    main()

"""How each check is looked at: read, then let the rule judge. Across workspaces: this is the operator's own command."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from core import clock, jobs
from core.cache import cache
from core.db import operations, service_levels, upkeep
from core.db.session import database
from core.errors import Unavailable
from core.health import answers
from core.images import storage
from core.rules.checks import (
    access,
    backup,
    cost,
    disk,
    drill,
    errors,
    health,
    months,
    promises,
    queues,
    response,
    sending,
    slow_queries,
    updates,
    usage,
)
from core.rules.checks.finding import Finding
from core.rules.checks.health import Part
from core.settings import load
from deploy.checks import packages, scrape
from deploy.checks.backups import catalogue

ALIVE = timedelta(seconds=30)
DAY = timedelta(days=1)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Here:
    """The installation, and what whoever asks wants to know of it."""

    gateway: str
    advisories: bool
    now: datetime

    @cached_property
    def gateway_metrics(self) -> str | None:
        """Asked once."""
        return scrape.metrics(self.gateway)


def _health(here: Here) -> list[Finding]:
    said = scrape.health(here.gateway)
    parts = [
        Part("gateway", said is not None),
        Part("server", None if said is None else "unknown" not in said.values()),
        Part("database", answers("database", lambda: database().ping())),
        Part("redis", answers("redis", lambda: cache().ping())),
        Part("s3", answers("s3", lambda: storage().ping())),
    ]
    if load().database_replica_url:
        parts.append(Part("replica", answers("replica", database().ping_replica)))
    try:
        with database().system() as tx:
            lanes = {lane for row in operations.alive(tx, here.now - ALIVE) for lane in row.lanes.split()}
    except Unavailable:
        return health.judge([*parts, Part("scheduler", None)], None)
    return health.judge([*parts, Part("scheduler", "clock" in lanes)], set(jobs.LANES) - lanes)


def _errors(here: Here) -> list[Finding]:
    asked = errors.judge_requests(scrape.requests(here.gateway_metrics))
    with database().system() as tx:
        return [*errors.judge(operations.open_incidents(tx), operations.ended_incidents(tx, here.now - DAY), "24시간"), asked]


def _sending(here: Here) -> list[Finding]:
    with database().system() as tx:
        return sending.judge(operations.handed(tx, here.now - DAY), operations.results(tx, here.now - DAY))


def _response(here: Here) -> list[Finding]:
    found = [response.judge("게이트웨이", scrape.histogram(here.gateway_metrics, "jeondan_http_seconds"))]
    if port := load().server_metrics_port:
        text = scrape.metrics(f"http://{load().metrics_host}:{port}")
        found.append(response.judge("gRPC 서버", scrape.histogram(text, "jeondan_rpc_seconds")))
    return found


def _promises(here: Here) -> list[Finding]:
    with database().system() as tx:
        return promises.judge(service_levels.measure(tx, here.now - DAY, here.now))


def _backup(here: Here) -> list[Finding]:
    found = catalogue()
    return backup.judge(found.backups, here.now, found.log_at)


def _disk(here: Here) -> list[Finding]:
    with database().owner() as tx:
        growth = upkeep.growth(tx, here.now)
    var = Path(os.environ.get("VAR") or "var")
    local = urlsplit(load().database_url).hostname in _LOOPBACK and var.exists()
    used = shutil.disk_usage(var) if local else None
    return disk.judge(growth, disk.Disk(used.total, used.free) if used else None)


def _updates(here: Here) -> list[Finding]:
    told = packages.advisories(here.advisories)
    return updates.judge(packages.locked(), packages.installed(), packages.system_changed(), told, datetime.now(UTC))


def _slow_queries(here: Here) -> list[Finding]:
    with database().owner() as tx:
        return slow_queries.judge(upkeep.statements(tx))


def _queues(here: Here) -> list[Finding]:
    try:
        depths: dict[str, int] | None = jobs.depths()
    except Exception:  # whatever Redis says
        depths = None
    with database().system() as tx:
        return queues.judge(depths, operations.week(tx, here.now))


def _cost(here: Here) -> list[Finding]:
    now, before = months.compared(clock.kst(here.now).date())
    labels = (now.label, before.label)
    with database().system() as tx:
        calls = [operations.called(tx, *_instants(span)) for span in (now, before)]
        days = operations.spent(tx, now.first, now.last)
    ways, ways_before = ([one for _, one in span] for span in calls)
    lines = cost.judge(ways, ways_before, labels)
    return [*lines, cost.judge_ledger(operations.by_channel(calls[0]), {one.way: one.won for one in days})]


def _instants(span: months.Span) -> tuple[datetime, datetime]:
    """The first instant of its first day, and the first after its last."""
    return tuple(datetime.combine(day, time(), clock.KST) for day in (span.first, span.last + DAY))  # type: ignore[return-value]


def _usage(here: Here) -> list[Finding]:
    spans = months.compared(clock.kst(here.now).date())
    with database().system() as tx:
        figures = operations.usage(tx, [_instants(span) for span in spans], [(span.first, span.last) for span in spans])
    return usage.judge(figures, (spans[0].label, spans[1].label))


def _access(here: Here) -> list[Finding]:
    span = months.whole_before(clock.kst(here.now).date())
    with database().system() as tx:
        return access.judge(operations.rights(tx, span.month, *_instants(span), here.now), span.month)


def _drill(here: Here) -> list[Finding]:
    found = catalogue()
    return [drill.judge(found.drill, here.now, readable=found.backups is not None)]


LOOKS: Mapping[str, Callable[[Here], list[Finding]]] = {
    "health": _health,
    "errors": _errors,
    "sending": _sending,
    "response": _response,
    "promises": _promises,
    "backup": _backup,
    "disk": _disk,
    "updates": _updates,
    "slow_queries": _slow_queries,
    "queues": _queues,
    "cost": _cost,
    "usage": _usage,
    "access": _access,
    "drill": _drill,
}

"""The lists for an owner: what can be asked now is asked, of the house only how it stands, of the workspace its own figures."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time, timedelta
from math import inf

from core import clock, jobs, telemetry
from core.cache import cache
from core.db import house, operations, service_levels
from core.db.session import Tx, database
from core.health import answers
from core.images import storage
from core.rules.checks import access, cost, errors, health, months, promises, queues, response, sending, usage
from core.rules.checks import house as shared
from core.rules.checks.finding import ORDER, Finding, Period
from core.rules.checks.health import Part

ALIVE = timedelta(seconds=30)
DAY = timedelta(days=1)
# Lines about the installation; every other line is about the caller's workspace.
OF_THE_HOUSE = frozenset({"health", "response", *shared.SHARED})


def look(tx: Tx, period: Period, now: datetime) -> list[Finding]:
    """All lines of a list, as the workspace of this transaction may see them."""
    kept = house.recorded(tx)
    found: list[Finding] = []
    for check in ORDER[period]:
        found += LOOKS[check](tx, now) if check in LOOKS else shared.told([check], kept, period, now)
    return found


def _health(tx: Tx, now: datetime) -> Iterable[Finding]:
    lanes = {lane for row in operations.alive(tx, now - ALIVE) for lane in row.lanes.split()}
    parts = [
        Part("server", True),
        Part("database", not database().primary.away),  # what is read may come from the replica
        Part("redis", answers("redis", cache().ping)),
        Part("s3", answers("s3", storage().ping)),
        Part("scheduler", "clock" in lanes),
    ]
    return health.judge(parts, set(jobs.LANES) - lanes)


def _errors(tx: Tx, now: datetime) -> Iterable[Finding]:
    return errors.judge(operations.open_incidents(tx), operations.ended_incidents(tx, now - DAY), "24시간")


def _sending(tx: Tx, now: datetime) -> Iterable[Finding]:
    return sending.judge(operations.handed(tx, now - DAY), operations.results(tx, now - DAY))


def _response(tx: Tx, now: datetime) -> Iterable[Finding]:
    yield response.judge("gRPC 서버", _measured(), counted=False)


def _measured() -> dict[float, int]:
    """What this process has measured, over all RPCs."""
    found: dict[float, int] = {inf: 0}
    for family in telemetry.RPC_SECONDS.collect():
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                edge = float(sample.labels["le"])
                found[edge] = found.get(edge, 0) + int(sample.value)
    return found


def _promises(tx: Tx, now: datetime) -> Iterable[Finding]:
    return promises.judge(service_levels.measure(tx, now - DAY, now))


def _queues(tx: Tx, now: datetime) -> Iterable[Finding]:
    yield queues.judge_trend(operations.week(tx, now))


def _cost(tx: Tx, now: datetime) -> Iterable[Finding]:
    spans = months.compared(clock.kst(now).date())
    spent = [operations.spent(tx, span.first, span.last) for span in spans]
    return cost.judge(spent[0], spent[1], (spans[0].label, spans[1].label))


def _usage(tx: Tx, now: datetime) -> Iterable[Finding]:
    spans = months.compared(clock.kst(now).date())
    figures = operations.usage(tx, [instants(span) for span in spans], [(span.first, span.last) for span in spans])
    return usage.judge((one for one in figures if one.name != "workspaces"), (spans[0].label, spans[1].label))


def _access(tx: Tx, now: datetime) -> Iterable[Finding]:
    span = months.whole_before(clock.kst(now).date())
    begin, end = instants(span)
    return access.judge(operations.rights(tx, span.month, begin, end, now), span.month)


def instants(span: months.Span) -> tuple[datetime, datetime]:
    """The first instant of its first Korean day, and the first after its last."""
    return datetime.combine(span.first, time(), clock.KST), datetime.combine(span.last + DAY, time(), clock.KST)


LOOKS: Mapping[str, Callable[[Tx, datetime], Iterable[Finding]]] = {
    "health": _health,
    "errors": _errors,
    "sending": _sending,
    "response": _response,
    "promises": _promises,
    "queues": _queues,
    "cost": _cost,
    "usage": _usage,
    "access": _access,
}

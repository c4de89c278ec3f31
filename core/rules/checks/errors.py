"""Daily: what is wrong now, what was wrong since yesterday, and the share of requests that we answered with a defect.

The incidents are the truth: one row a trouble, kept over restarts, each with what to do. The share of 5xx is what the asked
gateway has counted since it was started. Log lines are looked at from there, by request id; nobody has to read them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.rules.alerts import RULES, Kind
from core.rules.checks.finding import Finding, State, share

MOST_FAILED = 0.01  # of the requests; as the alert HttpErrors
LEAST_REQUESTS = 50  # of fewer a single one says nothing


@dataclass(frozen=True, slots=True)
class Troubles:
    """Open incidents of a kind: how many, since when."""

    kind: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Requests:
    """What a gateway has answered since it was started."""

    all: int
    failed: int


def judge(open_now: Sequence[Troubles], ended: int, since: str) -> list[Finding]:
    """A line for each kind that is open, or one that says that nothing is; `since` for people: the day before, an hour."""
    facts = {"ended": str(ended)}
    if not open_now:
        return [
            Finding(
                "errors", "incidents", State.OK, "NOTHING_OPEN", f"열린 장애 없음. {since} 동안 끝난 장애 {ended}건.", "", facts
            )
        ]
    return [_open(one) for one in sorted(open_now, key=lambda one: one.since)]


def judge_requests(seen: Requests | None) -> Finding:
    """The share of 5xx."""
    if seen is None:
        return Finding("errors", "requests", State.UNKNOWN, "NO_METRICS", "게이트웨이의 측정값(/metrics)을 읽지 못했습니다.")
    facts = {"requests": str(seen.all), "failed": str(seen.failed)}
    told = f"게이트웨이가 시작된 뒤 요청 {seen.all:,}건 중 5xx {seen.failed:,}건"
    if seen.all < LEAST_REQUESTS:
        return Finding("errors", "requests", State.OK, "FEW_REQUESTS", f"{told} (비율을 판단하기에는 적습니다).", "", facts)
    told = f"{told} ({share(seen.failed, seen.all)})."
    if seen.failed > MOST_FAILED * seen.all:
        cure = "deploy/runbooks/http-errors.md를 따라 주세요."
        return Finding("errors", "requests", State.ATTENTION, "MANY_5XX", told, cure, facts)
    return Finding("errors", "requests", State.OK, "FEW_5XX", told, "", facts)


def _open(one: Troubles) -> Finding:
    rule = RULES[Kind(one.kind)]
    facts = {"count": str(one.count), "since": one.since.isoformat()}
    sentence = f"열린 장애: {rule.title} {one.count}건"
    return Finding("errors", one.kind, State.ATTENTION, "INCIDENT_OPEN", sentence, rule.cure.removeprefix("할 일: "), facts)

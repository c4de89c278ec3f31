"""Weekly: which statements are slow. Never their text: a literal in it could be somebody's."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.rules.checks.finding import Finding, State

SLOW_MS = 200.0  # on average
LEAST_CALLS = 10
RUNNING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Statement:
    """One of pg_stat_statements."""

    query: str  # queryid
    calls: int
    mean_ms: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What PostgreSQL tells; `statements` None where pg_stat_statements is not there. `longest`: seconds, of what runs now."""

    statements: Sequence[Statement] | None
    longest: float
    logged_from_ms: int  # log_min_duration_statement; -1: nothing is logged


def judge(seen: Seen) -> list[Finding]:
    """The slowest on average, or what can be told without them; and what runs now."""
    return [_averages(seen), _running(seen.longest)]


def _averages(seen: Seen) -> Finding:
    if seen.statements is None:
        logged = f"{seen.logged_from_ms:,} ms부터 기록" if seen.logged_from_ms >= 0 else "느린 질의를 기록하지 않음"
        told = f"pg_stat_statements가 없습니다 (log_min_duration_statement: {logged})."
        facts = {"logged_from_ms": str(seen.logged_from_ms)}
        cure = "shared_preload_libraries에 pg_stat_statements를 넣고 CREATE EXTENSION을 해 주세요."
        return Finding("slow_queries", "averages", State.SKIPPED, "NO_STATISTICS", told, cure, facts)
    slow = [one for one in seen.statements if one.mean_ms > SLOW_MS and one.calls >= LEAST_CALLS]
    if not slow:
        told = f"자주 쓰는 질의 {len(seen.statements)}개가 모두 평균 {SLOW_MS:g} ms 이내입니다."
        return Finding("slow_queries", "averages", State.OK, "FAST", told)
    worst = max(slow, key=lambda one: one.mean_ms)
    told = f"평균 {SLOW_MS:g} ms를 넘는 질의 {len(slow)}개; 가장 느린 것은 평균 {worst.mean_ms:,.0f} ms ({worst.calls:,}번)."
    cure = "pg_stat_statements에서 queryid로 찾아 EXPLAIN (ANALYZE, BUFFERS)로 보아 주세요."
    facts = {"queryids": " ".join(one.query for one in slow)}
    return Finding("slow_queries", "averages", State.ATTENTION, "SLOW_STATEMENTS", told, cure, facts)


def _running(longest: float) -> Finding:
    facts = {"seconds": f"{longest:.1f}"}
    if longest > RUNNING_SECONDS:
        told = f"{longest:,.0f}초째 돌고 있는 질의가 있습니다."
        cure = "pg_stat_activity에서 확인하고 필요하면 pg_cancel_backend로 멈춰 주세요."
        return Finding("slow_queries", "running", State.ATTENTION, "LONG_RUNNING", told, cure, facts)
    return Finding("slow_queries", "running", State.OK, "NONE_LONG", "1분 넘게 돌고 있는 질의가 없습니다.", "", facts)

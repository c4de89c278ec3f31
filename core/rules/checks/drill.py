"""Monthly: when a backup was last restored for real, whether that went well, and how long it took."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.rules.checks.backup import hours
from core.rules.checks.finding import Finding, State

MOST_AGE = timedelta(days=35)
CURE = "`make restore-rehearsal`을 실행해 주세요 (deploy/runbooks/restore.md)."


@dataclass(frozen=True, slots=True)
class Drill:
    """What a drill recorded about itself."""

    at: datetime
    passed: bool
    seconds: float  # until the restored database answered
    lost_seconds: float | None  # how far behind its beginning the last change was that came back


def judge(last: Drill | None, now: datetime, *, readable: bool = True) -> Finding:
    """The last one."""
    if not readable:
        return Finding("drill", "last", State.UNKNOWN, "CATALOGUE_UNREADABLE", "복구 훈련의 기록을 읽지 못했습니다.", CURE)
    if last is None:
        return Finding("drill", "last", State.ATTENTION, "NEVER_DRILLED", "복구 훈련을 한 기록이 없습니다.", CURE)
    facts = {"at": last.at.isoformat(), "seconds": f"{last.seconds:.0f}"}
    told = f"마지막 복구 훈련: {hours(now - last.at)} 전, 걸린 시간 {last.seconds:.0f}초"
    if last.lost_seconds is not None:
        facts["lost_seconds"] = f"{last.lost_seconds:.0f}"
        told += f", 돌아오지 않은 마지막 {max(0.0, last.lost_seconds):.0f}초"
    if not last.passed:
        return Finding("drill", "last", State.ATTENTION, "DRILL_FAILED", f"{told}: 실패했습니다.", CURE, facts)
    if now - last.at > MOST_AGE:
        return Finding("drill", "last", State.ATTENTION, "DRILL_OLD", f"{told}: 한 달이 넘었습니다.", CURE, facts)
    return Finding("drill", "last", State.OK, "DRILLED", f"{told}.", "", facts)

"""What every owner may know of the house: how its upkeep stands, and no figure that tells of another merchant's business."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.rules.checks.backup import hours
from core.rules.checks.finding import Finding, Period, State

# check -> the fact that says when; only these lines of the operator's lists are kept for owners
SHARED: Mapping[str, str] = {"backup": "ended_at", "disk": "", "updates": "", "slow_queries": "", "drill": "at"}

# Twice as long as the lists are gone through: then nobody looks any more.
STALE = {Period.DAILY: timedelta(days=2), Period.WEEKLY: timedelta(days=14), Period.MONTHLY: timedelta(days=62)}

_SENTENCES: Mapping[str, str] = {
    "FRESH": "마지막 백업: {age} 전.",
    "OLD": "마지막 백업이 오래되었습니다: {age} 전.",
    "NO_BACKUP": "확인된 백업이 없습니다.",
    "NO_LOG": "백업 뒤의 변경 기록이 보관되지 않습니다.",
    "LOG_BEHIND": "백업 뒤의 변경 기록이 밀려 있습니다.",
    "LOG_FOLLOWS": "백업 뒤의 변경도 바로 보관됩니다.",
    "SHRUNK": "마지막 백업이 그 전보다 많이 작습니다.",
    "CATALOGUE_UNREADABLE": "백업 목록을 읽지 못했습니다.",
    "ROOM": "디스크에 여유가 있습니다.",
    "NEARLY_FULL": "디스크가 거의 찼습니다.",
    "AS_LOCKED": "설치된 꾸러미가 정해진 판과 같습니다.",
    "NOT_AS_LOCKED": "설치된 꾸러미가 정해진 판과 다릅니다.",
    "SYSTEM_FRESH": "운영체제가 최근에 갱신되었습니다.",
    "SYSTEM_OLD": "운영체제가 오래 갱신되지 않았습니다.",
    "NO_KNOWN_HOLES": "알려진 취약점이 없습니다.",
    "KNOWN_HOLES": "알려진 취약점이 있는 꾸러미가 있습니다.",
    "ADVISORIES_UNREACHABLE": "취약점 목록을 확인하지 못했습니다.",
    "FAST": "느린 질의가 없습니다.",
    "SLOW_STATEMENTS": "느린 질의가 있습니다.",
    "LONG_RUNNING": "오래 돌고 있는 질의가 있습니다.",
    "NONE_LONG": "오래 돌고 있는 질의가 없습니다.",
    "DRILLED": "마지막 복구 훈련: {age} 전, 성공.",
    "NEVER_DRILLED": "복구 훈련을 한 기록이 없습니다.",
    "DRILL_FAILED": "마지막 복구 훈련이 실패했습니다: {age} 전.",
    "DRILL_OLD": "복구 훈련을 한 지 오래되었습니다: {age} 전.",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A line as it is kept: no sentence and no figures, only what it came to and a moment."""

    check: str
    subject: str
    state: str
    reason: str
    moment: datetime | None
    seen_at: datetime


def kept(findings: Iterable[Finding], now: datetime) -> list[Kept]:
    """What of the operator's list is kept for owners."""
    return [_kept(one, now) for one in findings if one.check in SHARED and one.reason in _SENTENCES]


def _kept(one: Finding, now: datetime) -> Kept:
    moment = one.facts.get(SHARED[one.check])
    return Kept(one.check, one.subject, one.state, one.reason, datetime.fromisoformat(moment) if moment else None, now)


def told(checks: Iterable[str], lines: Iterable[Kept], period: Period, now: datetime) -> list[Finding]:
    """The lines of these checks for an owner; a check that nobody went through for too long is not known."""
    fresh = [line for line in lines if now - line.seen_at <= STALE[period]]
    found = []
    for check in checks:
        mine = [_told(line, now) for line in fresh if line.check == check]
        found += mine or [Finding(check, "house", State.UNKNOWN, "NOT_SEEN", "운영자가 최근에 점검하지 않았습니다.")]
    return found


def _told(line: Kept, now: datetime) -> Finding:
    age = hours(now - line.moment) if line.moment else "?"
    sentence = _SENTENCES.get(line.reason, "?").format(age=age)
    return Finding(line.check, line.subject, State(line.state), line.reason, sentence, "", {"seen_at": line.seen_at.isoformat()})

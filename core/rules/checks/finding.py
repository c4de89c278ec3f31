"""What a checklist comes to: each look ends in one of four states, with a reason for machines and a sentence for people."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """How it stands."""

    OK = "OK"
    ATTENTION = "ATTENTION"  # somebody has to do something
    UNKNOWN = "UNKNOWN"  # it should have been seen and could not: never taken for well
    SKIPPED = "SKIPPED"  # it does not exist here, or whoever asked did not want it


class Period(StrEnum):
    """How often a list is gone through."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    check: str  # which check, as its file is called
    subject: str  # what of it: a dependency, a lane, a channel
    state: State
    reason: str  # for machines
    sentence: str
    cure: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


LABELS: Mapping[State, str] = {
    State.OK: "정상",
    State.ATTENTION: "주의",
    State.UNKNOWN: "모름",
    State.SKIPPED: "제외",
}

TITLES: Mapping[str, str] = {
    "health": "시스템 상태",
    "errors": "오류",
    "sending": "발송 성공률",
    "response": "API 응답 시간",
    "promises": "서비스 수준",
    "backup": "백업",
    "disk": "디스크",
    "updates": "보안 업데이트",
    "slow_queries": "느린 질의",
    "queues": "대기열",
    "cost": "비용",
    "usage": "사용량",
    "access": "접근 권한",
    "drill": "복구 훈련",
}

ORDER: Mapping[Period, tuple[str, ...]] = {
    Period.DAILY: ("health", "errors", "sending", "response", "promises"),
    Period.WEEKLY: ("backup", "disk", "updates", "slow_queries", "queues"),
    Period.MONTHLY: ("cost", "usage", "access", "drill"),
}


def verdict(findings: Iterable[Finding]) -> State:
    """Of all of them: what was not seen weighs more than what has to be done, for it may be anything."""
    states = {finding.state for finding in findings}
    return next((state for state in (State.UNKNOWN, State.ATTENTION) if state in states), State.OK)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well, 1 something to do, 2 something could not be seen."""
    return {State.OK: 0, State.ATTENTION: 1, State.UNKNOWN: 2}[verdict(findings)]


def share(part: int, whole: int) -> str:
    """`98.7 %`; never rounded up to a hundred."""
    tenths = part * 1000 // whole
    return f"{tenths // 10}.{tenths % 10} %"

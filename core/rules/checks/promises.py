"""Daily: the service levels of the last day, as the ledger tells them."""

from collections.abc import Iterable

from core.rules.checks.finding import Finding, State, share
from core.rules.service_level import SINGLE_IN, Level

LABELS = {
    "single": f"단건 메시지를 {SINGLE_IN.total_seconds():.0f}초 안에 넘김",
    "campaign": "캠페인을 마감 시각 안에 끝냄",
}
CURE = "대기열과 발송사 연결을 확인해 주세요 (make check-weekly, 열린 장애)."


def judge(levels: Iterable[Level]) -> list[Finding]:
    """A line a promise."""
    return [_line(one) for one in levels]


def _line(one: Level) -> Finding:
    label, facts = LABELS.get(one.name, one.name), {"kept": str(one.kept), "total": str(one.total), "target": f"{one.target:g}"}
    if not one.total:
        return Finding("promises", one.name, State.OK, "NOTHING_PROMISED", f"{label}: 24시간 동안 해당 없음.", "", facts)
    told = f"{label}: {one.total:,}건 중 {one.kept:,}건 ({share(one.kept, one.total)}, 목표 {one.target:.0%})."
    if not one.met:
        return Finding("promises", one.name, State.ATTENTION, "PROMISE_BROKEN", told, CURE, facts)
    return Finding("promises", one.name, State.OK, "PROMISE_KEPT", told, "", facts)

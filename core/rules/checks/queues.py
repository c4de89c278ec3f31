"""Weekly: do the queues keep up, and did they get stuck more often than in the week before."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.rules.checks.finding import Finding, State

MOST_WAITING = 1_000  # as the alert QueueLong


@dataclass(frozen=True, slots=True)
class Trend:
    """A week beside the one before: how often a queue or the delivery was stuck, and messages that were taken."""

    stuck: int
    stuck_before: int
    messages: int
    messages_before: int


def judge(depths: Mapping[str, int] | None, trend: Trend) -> list[Finding]:
    """How long they are now, and the trend. `depths` None: Redis does not answer, or this is not for the caller to know."""
    return [_depths(depths), judge_trend(trend)]


def _depths(depths: Mapping[str, int] | None) -> Finding:
    if depths is None:
        return Finding("queues", "depth", State.UNKNOWN, "QUEUES_UNREACHABLE", "작업 대기열(Redis)에 연결하지 못했습니다.")
    facts = {lane: str(depth) for lane, depth in depths.items()}
    long = [f"{lane} {depth:,}" for lane, depth in depths.items() if depth > MOST_WAITING]
    if long:
        told = f"긴 대기열: {', '.join(long)}"
        return Finding("queues", "depth", State.ATTENTION, "LONG", told, "deploy/runbooks/queue-long.md를 따라 주세요.", facts)
    return Finding("queues", "depth", State.OK, "SHORT", f"모든 대기열이 짧습니다 (합계 {sum(depths.values()):,}).", "", facts)


def judge_trend(trend: Trend) -> Finding:
    """This week beside the last."""
    facts = {"stuck": str(trend.stuck), "stuck_before": str(trend.stuck_before), "messages": str(trend.messages)}
    before = f"그 전 7일: {trend.messages_before:,}건, {trend.stuck_before}번"
    told = f"이번 7일: 접수 {trend.messages:,}건, 멈춤 {trend.stuck}번 ({before})."
    if trend.stuck > trend.stuck_before:
        cure = "작업 프로세스의 수와 로그를 확인해 주세요."
        return Finding("queues", "trend", State.ATTENTION, "STUCK_MORE_OFTEN", told, cure, facts)
    return Finding("queues", "trend", State.OK, "STEADY", told, "", facts)

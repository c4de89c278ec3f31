"""Daily: what part of the messages the providers took, what part arrived, and how many nobody knows about."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.rules.checks.finding import Finding, State, share

LEAST_TAKEN, LEAST_DELIVERED = 0.98, 0.8  # the second as the alert SendsFailing
LEAST = 20  # of fewer messages no share is told
CURE = "deploy/runbooks/sends-failing.md를 따라 주세요."


@dataclass(frozen=True, slots=True)
class Handed:
    """What one provider was given on one channel."""

    provider: str
    channel: str
    taken: int
    refused: int


@dataclass(frozen=True, slots=True)
class Results:
    """What became of messages, as counted with their campaigns."""

    delivered: int
    failed: int
    unknown: int


def judge(handed: Iterable[Handed], results: Results) -> list[Finding]:
    """A line per provider and channel, one about arrival, one about the unknown."""
    ways = [_way(one) for one in handed if one.taken + one.refused]
    if not ways:
        ways = [Finding("sending", "handed", State.OK, "NOTHING_SENT", "지난 24시간 동안 보낸 메시지가 없습니다.")]
    return [*ways, _arrival(results), _unknown(results.unknown)]


def _way(one: Handed) -> Finding:
    whole, subject = one.taken + one.refused, f"{one.provider} {one.channel}"
    facts = {"taken": str(one.taken), "refused": str(one.refused)}
    told = f"{subject}: 넘긴 {whole:,}건 중 {one.taken:,}건 접수"
    if whole < LEAST:
        return Finding("sending", subject, State.OK, "FEW_MESSAGES", f"{told}.", "", facts)
    told = f"{told} ({share(one.taken, whole)})."
    if one.taken < LEAST_TAKEN * whole:
        return Finding("sending", subject, State.ATTENTION, "MANY_REFUSED", told, CURE, facts)
    return Finding("sending", subject, State.OK, "TAKEN", told, "", facts)


def _arrival(seen: Results) -> Finding:
    whole = seen.delivered + seen.failed
    facts = {"delivered": str(seen.delivered), "failed": str(seen.failed)}
    if whole < LEAST:
        told = f"결과가 온 메시지 {whole:,}건 (비율을 판단하기에는 적습니다)."
        return Finding("sending", "delivered", State.OK, "FEW_RESULTS", told, "", facts)
    told = f"결과가 온 {whole:,}건 중 {seen.delivered:,}건 도착 ({share(seen.delivered, whole)})."
    if seen.delivered < LEAST_DELIVERED * whole:
        return Finding("sending", "delivered", State.ATTENTION, "MANY_FAILED", told, CURE, facts)
    return Finding("sending", "delivered", State.OK, "DELIVERED", told, "", facts)


def _unknown(people: int) -> Finding:
    if not people:
        return Finding("sending", "unknown", State.OK, "NONE_UNKNOWN", "보냈는지 모르는 메시지가 없습니다.")
    cure = "deploy/runbooks/unknown-messages.md를 따라 주세요. 저절로 다시 보내지 않습니다."
    told = f"보냈는지 모르는 메시지 {people:,}건."
    return Finding("sending", "unknown", State.ATTENTION, "UNKNOWN_MESSAGES", told, cure, {"people": str(people)})

"""Monthly: won per provider and channel, beside the same days of the month before; and whether the ledger agrees with itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.rules.checks.finding import Finding, State
from core.rules.price import to_won

JUMP = Decimal("1.5")  # so much more than before is worth a look
LEAST_WON = 10_000  # below it no jump is told


@dataclass(frozen=True, slots=True)
class Spent:
    """On one way: provider and channel, or a channel alone."""

    way: str
    messages: int
    won: Decimal


def judge(now: Sequence[Spent], before: Sequence[Spent], spans: tuple[str, str]) -> list[Finding]:
    """A line per way that cost something in either month, and one for the sum; `spans` are the two months for people."""
    known = {one.way: one for one in before}
    ways = sorted({one.way for one in now} | set(known))
    current = {one.way: one for one in now}
    nothing = Spent("", 0, Decimal(0))
    lines = [_line(way, current.get(way, nothing), known.get(way, nothing), spans) for way in ways]
    total = _line("합계", _sum(now), _sum(before), spans)
    return [*lines, total]


def judge_ledger(attempts: Mapping[str, Decimal], days: Mapping[str, Decimal]) -> Finding:
    """I7 over a whole month: what the calls came to is what the days say, per channel."""
    other = sorted(channel for channel in attempts.keys() | days.keys() if attempts.get(channel, 0) != days.get(channel, 0))
    if not other:
        return Finding("cost", "ledger", State.OK, "LEDGER_AGREES", "호출별 비용과 날짜별 비용이 원 단위까지 같습니다.")
    told = f"호출별 비용과 날짜별 비용이 다른 채널: {', '.join(other)}"
    return Finding("cost", "ledger", State.ATTENTION, "LEDGER_DIFFERS", told, "개발팀에 전달해 주세요. 청구 전에 밝혀야 합니다.")


def _line(way: str, now: Spent, before: Spent, spans: tuple[str, str]) -> Finding:
    won, earlier = to_won(now.won), to_won(before.won)
    facts = {"won": str(won), "won_before": str(earlier), "messages": str(now.messages), "messages_before": str(before.messages)}
    told = f"{way}: {spans[0]} {won:,}원 ({now.messages:,}건), {spans[1]} {earlier:,}원 ({before.messages:,}건)."
    if won > LEAST_WON and now.won > JUMP * before.won and earlier > 0:
        cure = "어느 상점의 어느 캠페인인지 확인하고, 필요하면 비용 상한을 정해 주세요."
        return Finding("cost", way, State.ATTENTION, "COST_JUMPED", told, cure, facts)
    return Finding("cost", way, State.OK, "COST", told, "", facts)


def _sum(spent: Sequence[Spent]) -> Spent:
    return Spent("", sum(one.messages for one in spent), sum((one.won for one in spent), Decimal(0)))

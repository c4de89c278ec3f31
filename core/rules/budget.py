"""The cap of a campaign in won: what of a batch it still pays for, exactly, and what is said when it is used up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.rules.channel import Channel
from core.rules.letter import Part
from core.rules.price import to_won


@dataclass(frozen=True, slots=True)
class Purse:
    """A cap, and what of it is spent or in the hands of workers; no rounding anywhere."""

    budget: int
    committed: Decimal

    @property
    def left(self) -> Decimal:
        """What is free; below zero when the cap was lowered meanwhile."""
        return self.budget - self.committed


def fitting(parts: Sequence[Part], prices: Mapping[Channel, Decimal], left: Decimal) -> tuple[tuple[Part, ...], Decimal]:
    """As many of the messages as can be paid, in their order, and what they cost."""
    kept, cost = [], Decimal(0)
    for part in parts:
        price = prices[part.channel]
        people = len(part.positions) if price <= 0 else max(0, min(len(part.positions), int((left - cost) // price)))
        if people:
            kept.append(part.first(people))
            cost += price * people
    return tuple(kept), cost


def used_up(purse: Purse, waiting: int) -> str:
    """The sub-label of a campaign that its cap has stopped."""
    return (
        f"예산 {purse.budget:,}원 가운데 {to_won(purse.committed):,}원을 써서 멈추었습니다."
        f" {waiting:,}명이 남아 있습니다. 예산을 늘린 뒤 다시 시작해 주세요."
    )


def over(budget: int, forecast: Decimal) -> str:
    """The warning before a launch; empty when the cap suffices."""
    if not budget or forecast <= budget:
        return ""
    return (
        f"예상 금액 {to_won(forecast):,}원이 예산 {budget:,}원을 넘습니다."
        " 예산만큼 보낸 뒤 멈추고, 나머지는 예산을 늘려야 나갑니다."
    )

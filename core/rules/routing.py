"""By which provider account a batch leaves: what a launch freezes, and in which order the accounts are tried."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.rules.channel import Channel


class Policy(StrEnum):
    """What a workspace wants first: its own order of accounts, or the cheapest."""

    PRIORITY = "PRIORITY"
    COST = "COST"


class Breaker(StrEnum):
    """Whether an account is called: yes; not until a moment; one call goes ahead to see."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


TROUBLES = 5  # so many calls in a row without an answer open the breaker
PROBE = timedelta(seconds=90)  # a probe that is not back by then is given up, and another may go
_SHORTEST, _LONGEST = 10.0, 300.0


@dataclass(frozen=True, slots=True)
class Route:
    """One account that may carry a campaign, with the prices in force at launch (won per message)."""

    account: UUID
    provider: str
    prices: Mapping[Channel, Decimal]
    priority: int = 0
    share: int = 1
    optout_number: str = ""  # its own, where the account has one: advertising that leaves by it says no by that one

    def frozen(self) -> dict[str, Any]:
        """As it is stored with the campaign."""
        prices = {channel.value: str(price) for channel, price in self.prices.items()}
        own = {"account": str(self.account), "provider": self.provider}
        if self.optout_number:
            own["optout_number"] = self.optout_number
        return {**own, "prices": prices, "priority": self.priority, "share": self.share}


def thawed(stored: Mapping[str, Any]) -> Route:
    """A stored route."""
    prices = {Channel(channel): Decimal(price) for channel, price in stored["prices"].items()}
    return Route(
        UUID(stored["account"]),
        stored["provider"],
        prices,
        stored.get("priority", 0),
        stored.get("share", 1),
        stored.get("optout_number", ""),
    )


def planned(routes: Iterable[Route], policy: Policy, channel: Channel) -> tuple[Route, ...]:
    """The routes of a launch in order: by priority, or by the price of the channel most of it goes by.

    Under COST the priorities are made anew, so that equally cheap accounts share and dearer ones wait.
    """
    found = list(routes)
    if policy is Policy.PRIORITY:
        return tuple(sorted(found, key=lambda one: one.priority))
    dearest = Decimal("Infinity")
    price = {one.account: one.prices.get(channel, dearest) for one in found}
    ranks = {amount: rank for rank, amount in enumerate(sorted(set(price.values())))}
    ranked = [replace(one, priority=ranks[price[one.account]]) for one in found]
    return tuple(sorted(ranked, key=lambda one: one.priority))


def turn(routes: Sequence[Route], number: int) -> tuple[Route, ...]:
    """The order for one batch: of equals, each comes first in as many of the batches (by number) as its share says."""
    if len(routes) < 2:
        return tuple(routes)
    ordered: list[Route] = []
    for priority in sorted({one.priority for one in routes}):
        equals = [one for one in routes if one.priority == priority]
        first = _on_turn(equals, number)
        ordered += [*equals[first:], *equals[:first]]
    return tuple(ordered)


def _on_turn(equals: Sequence[Route], number: int) -> int:
    place = number % max(1, sum(one.share for one in equals))
    for index, one in enumerate(equals):
        if place < one.share:
            return index
        place -= one.share
    return 0


def open_until(now: datetime, troubles: int, spread: float) -> datetime:
    """How long a breaker that opens stays open: 10 s, doubling with each trouble more, at most 5 minutes; spread 0 to 1."""
    wait = min(_LONGEST, _SHORTEST * 2.0 ** min(max(0, troubles - TROUBLES), 10))
    return now + timedelta(seconds=wait * (1 + spread / 4))

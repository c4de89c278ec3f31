"""Which account carries this batch: the first on its routes that may be called now and has a slot free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db import provider_accounts
from core.db.accounts import REHEARSAL
from core.db.session import Row, Tx
from core.rules.routing import PROBE, Breaker, Route, thawed, turn
from core.slots import slots

SINGLE_PART = 5  # of the calls that may begin in a second, kept for single messages


@dataclass(frozen=True, slots=True)
class Way:
    """A route with the rhythm of its account."""

    route: Route
    settle_seconds: int
    poll_seconds: Sequence[int]


@dataclass(frozen=True, slots=True)
class Full:
    """The account whose turn it is has no slot free: wait for one, and claim again."""

    account: UUID
    most_calls: int
    calls_per_second: int


@dataclass(slots=True)
class Hand:
    """The slots that one delivery holds: given back when it is over, whatever happened."""

    _held: dict[UUID, str] = field(default_factory=dict)

    def take(self, account: UUID, most: int, per_second: int) -> bool:
        """Hold a slot of the account."""
        if account not in self._held:
            holder = slots().take(account, most, per_second)
            if holder is None:
                return False
            self._held[account] = holder
        return True

    def open(self) -> None:
        """Give everything back."""
        while self._held:
            account, holder = self._held.popitem()
            slots().give_back(account, holder)


def choose(tx: Tx, batch: Row[Any], hand: Hand, now: datetime) -> Way | Full | None:
    """The way out for a locked batch; None when no account may be called now.

    Limits are no reason to go to the next account: only who is paused, held back by the breaker or does not know the
    sender is passed over.
    """
    usable = batch.accounts or {}
    for route in turn([thawed(stored) for stored in batch.routes], batch.number):
        account = usable.get(str(route.account))
        if account is None or (route.provider == REHEARSAL) is not batch.test:
            continue
        limits = _limits(account, single=batch.kind == "SEND")
        if not hand.take(route.account, *limits):
            return Full(route.account, *limits)
        if account["breaker"] != Breaker.CLOSED and not provider_accounts.begin_probe(tx, route.account, now, now + PROBE):
            continue
        return Way(route, account["settle_seconds"], account["poll_seconds"])
    return None


def _limits(account: Mapping[str, int], *, single: bool) -> tuple[int, int]:
    """What is bulk leaves a part of an account to single messages, so that they need not wait for it."""
    most, per_second = account["most_calls"], account["calls_per_second"]
    return (most, per_second) if single else (max(1, most - 1), max(1, per_second - max(1, per_second // SINGLE_PART)))

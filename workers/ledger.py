"""The one way messages change state: a locked batch, its new states, and the counters that follow, in one transaction."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import clock
from core.db import campaigns, events, send
from core.db.session import Row, Tx
from core.rules import ledger
from core.rules.events import news
from core.rules.states import BatchState, MessageState

LEASE = timedelta(seconds=150)

REASON_BUCKETS = {MessageState.EXCLUDED: "excluded", MessageState.FAILED: "failed"}


def move(  # noqa: PLR0913 - one argument per thing that moves with the batch
    tx: Tx,
    batch: Row[Any],
    states: bytes,
    *,
    reasons: Mapping[int, str] | None = None,
    due_at: datetime | None = None,
    cost: Decimal = Decimal(0),
    extra: Mapping[str, Any] | None = None,
) -> BatchState:
    """Write the batch with its new states and reasons, and move its people between the campaign's buckets."""
    before = bytes(batch.states)
    state = ledger.batch_state(states)
    values: dict[str, Any] = {"states": states, "state": int(state), **(extra or {})}
    if state is not BatchState.LEASED:
        values |= {"lease_owner": None, "lease_until": None}
    if due_at is not None:
        values["due_at"] = due_at
    known = _known(batch.reasons, states, reasons or {})
    if known != batch.reasons:
        values["reasons"] = json.dumps(known)
    for bucket, people in _reason_changes(batch.reasons, before, known, states).items():
        campaigns.count_reasons(tx, batch.campaign_id, bucket, people)
    told = events.told(news(before, states, known), clock.now())
    send.move_batch(tx, batch.id, values, ledger.tally(before, states), cost, told)
    return state


def _known(old: Mapping[str, str], states: bytes, given: Mapping[int, str]) -> dict[str, str]:
    """The reasons that still hold: whom later news moved to another bucket loses the reason too."""
    if not old and not given:
        return {}
    known = {**old, **{str(position): reason for position, reason in given.items()}}
    return {position: reason for position, reason in known.items() if states[int(position)] in REASON_BUCKETS}


def _reason_changes(old: Mapping[str, str], before: bytes, new: Mapping[str, str], after: bytes) -> dict[str, dict[str, int]]:
    """Signed, by bucket and reason: one statement a bucket, so that two transactions never wait for each other."""
    if old == new and before == after:
        return {}
    counts: dict[str, Counter[str]] = {}
    for sign, known, states in ((-1, old, before), (1, new, after)):
        for position, reason in known.items():
            bucket = REASON_BUCKETS[MessageState(states[int(position)])]
            counts.setdefault(bucket, Counter())[reason] += sign
    changes = {bucket: {reason: change for reason, change in people.items() if change} for bucket, people in counts.items()}
    return {bucket: changes[bucket] for bucket in sorted(changes)}


def busy_until(now: datetime, attempt: int, spread: float, least_seconds: float | None = None) -> datetime:
    """When to try again after `attempt` tries: 2, 4, 8 ... 60 s, spread by up to half (0 <= spread < 1)."""
    wait = min(60.0, 2.0 ** min(attempt, 6))
    wait = max(wait, least_seconds or 0.0)
    return now + timedelta(seconds=wait * (1 + spread / 2))


def as_ids(*names: str) -> tuple[UUID, ...]:
    """Job arguments back into identifiers."""
    return tuple(UUID(name) for name in names)

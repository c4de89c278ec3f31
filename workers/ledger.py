"""The one way messages change state: a locked batch, its new states, and the counters that follow, in one transaction."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import campaigns, send
from core.db.session import Row, Tx
from core.rules import ledger
from core.rules.states import BatchState, MessageState

LEASE = timedelta(seconds=150)

REASON_BUCKETS = {MessageState.EXCLUDED: "excluded", MessageState.FAILED: "failed"}


def move(
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
    if reasons:
        known = {**batch.reasons, **{str(position): reason for position, reason in reasons.items()}}
        values["reasons"] = json.dumps(known)
    send.save_batch(tx, batch.id, values)
    for bucket, people in _reason_counts(states, reasons or {}).items():
        campaigns.count_reasons(tx, batch.campaign_id, bucket, people)
    campaigns.count(tx, batch.campaign_id, ledger.tally(before, states), cost)
    return state


def _reason_counts(states: bytes, reasons: Mapping[int, str]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {}
    for position, reason in reasons.items():
        bucket = REASON_BUCKETS.get(MessageState(states[position]))
        if bucket:
            counts.setdefault(bucket, Counter())[reason] += 1
    return counts


def forget(tx: Tx, batch: Row[Any], positions: Iterable[int]) -> None:
    """Take back the failure reasons of people whom later news moved elsewhere."""
    back = Counter(batch.reasons[str(position)] for position in positions if str(position) in batch.reasons)
    campaigns.count_reasons(tx, batch.campaign_id, "failed", {reason: -people for reason, people in back.items()})


def busy_until(now: datetime, attempt: int, spread: float, least_seconds: float | None = None) -> datetime:
    """When to try again after `attempt` tries: 2, 4, 8 ... 60 s, spread by up to half (0 <= spread < 1)."""
    wait = min(60.0, 2.0 ** min(attempt, 6))
    wait = max(wait, least_seconds or 0.0)
    return now + timedelta(seconds=wait * (1 + spread / 2))


def as_ids(*names: str) -> tuple[UUID, ...]:
    """Job arguments back into identifiers."""
    return tuple(UUID(name) for name in names)

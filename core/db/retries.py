"""Queries about failed messages that go again: their batches, what they cost before, and the way back to those who wait."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx


def failed_batches(tx: Tx, campaign: UUID, reasons: Sequence[str]) -> Sequence[Row[Any]]:
    """Batches that hold somebody who failed by one of these reasons, locked. Before the campaign, as a claim does."""
    return tx.rows(
        "SELECT b.id, b.states, b.reasons, b.state, b.due_at FROM batches b WHERE b.campaign_id = :campaign AND b.reasons <> '{}'"
        " AND EXISTS (SELECT FROM jsonb_each_text(b.reasons) r WHERE r.value = ANY(:reasons)) ORDER BY b.id FOR UPDATE OF b",
        campaign=campaign,
        reasons=list(reasons),
    )


def tried(tx: Tx, batches: Sequence[UUID]) -> dict[UUID, list[tuple[Sequence[int], Decimal]]]:
    """(positions, unit price) of every attempt, oldest first, by batch."""
    found: dict[UUID, list[tuple[Sequence[int], Decimal]]] = {}
    rows = tx.rows(
        "SELECT batch_id, positions, unit_price FROM attempts WHERE batch_id = ANY(:batches) ORDER BY id", batches=list(batches)
    )
    for row in rows:
        found.setdefault(row.batch_id, []).append((row.positions, row.unit_price))
    return found


def put_back(tx: Tx, changes: Sequence[Mapping[str, Any]]) -> None:
    """Each batch with its new states, state, reasons and due time."""
    tx.run_many(
        "UPDATE batches SET states = :states, state = :state, reasons = CAST(:reasons AS jsonb), due_at = :due_at"
        " WHERE id = :batch",
        [{**change, "reasons": json.dumps(change["reasons"])} for change in changes],
    )


def reopen(tx: Tx, campaign: UUID, now: datetime) -> bool:
    """A campaign that was done sends again; whether it had been."""
    return bool(
        tx.run(
            "UPDATE campaigns SET state = 'SENDING', ended_at = NULL, version = version + 1"
            " WHERE id = :campaign AND state = 'DONE' AND expires_at > :now",
            campaign=campaign,
            now=now,
        )
    )

"""Queries about what holds a running campaign back: the slots of its pace, its cap in won, the row of its waiting batches."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx


def hold(tx: Tx, campaign: UUID) -> Row[Any] | None:
    """Slots and cap, locked until the end of the transaction: who comes next sees what this one took.

    Taken after the batch and the account and before counters and reasons, as everywhere, so that no two wait for each other.
    """
    return tx.row(
        "SELECT state, pace_free_at, pace_end_at, coalesce(budget_krw, 0) AS budget_krw, committed FROM campaigns"
        " WHERE id = :campaign FOR NO KEY UPDATE",
        campaign=campaign,
    )


def take(tx: Tx, campaign: UUID, *, free_at: datetime | None, cost: Decimal) -> None:
    """The next slot begins then; so much more is committed."""
    tx.run(
        "UPDATE campaigns SET pace_free_at = :free_at, committed = committed + :cost WHERE id = :campaign",
        campaign=campaign,
        free_at=free_at,
        cost=cost,
    )


def settle(tx: Tx, campaign: UUID, change: Decimal) -> None:
    """What was reserved and what it came to differ by this."""
    if change:
        tx.run(
            "UPDATE campaigns SET committed = committed + :change WHERE id = :campaign",
            campaign=campaign,
            change=change,
        )


def spent(tx: Tx, campaign: UUID) -> tuple[Decimal, int]:
    """(won of what was accepted, people who wait to be handed over)."""
    row = tx.row(
        "SELECT coalesce(sum(cost), 0) AS cost, coalesce(sum(planned + held), 0)::int AS waiting FROM campaign_counters"
        " WHERE campaign_id = :campaign",
        campaign=campaign,
    )
    return (row.cost, row.waiting) if row else (Decimal(0), 0)


def to_the_end(tx: Tx, campaign: UUID, batch: UUID, slot: datetime) -> None:
    """A batch that came too early takes the slot after the last one."""
    tx.run("UPDATE batches SET due_at = :slot WHERE id = :batch", batch=batch, slot=slot)
    tx.run("UPDATE campaigns SET pace_end_at = :slot WHERE id = :campaign", campaign=campaign, slot=slot)


def later(tx: Tx, batch: UUID, due_at: datetime) -> None:
    """Try again then."""
    tx.run("UPDATE batches SET due_at = :due_at WHERE id = :batch", batch=batch, due_at=due_at)


def waiting_batches(tx: Tx, campaign: UUID) -> list[UUID]:
    """Batches that nobody has, by their turn, locked; whoever has one meanwhile keeps it."""
    rows = tx.rows(
        "SELECT id FROM batches WHERE campaign_id = :campaign AND state = 0 ORDER BY due_at, id FOR UPDATE SKIP LOCKED",
        campaign=campaign,
    )
    return [row.id for row in rows]


def place(tx: Tx, campaign: UUID, batches: Sequence[UUID], slots: Sequence[datetime]) -> None:
    """Each of the batches in its slot, and the last slot remembered."""
    if batches:
        tx.run(
            "UPDATE batches b SET due_at = s.slot FROM unnest(CAST(:ids AS uuid[]), CAST(:slots AS timestamptz[])) AS s(id, slot)"
            " WHERE b.id = s.id",
            ids=list(batches),
            slots=list(slots),
        )
        tx.run("UPDATE campaigns SET pace_end_at = :last WHERE id = :campaign", campaign=campaign, last=slots[-1])


def not_judged(tx: Tx, batch: UUID, now: datetime, again_at: datetime) -> None:
    """The law could not be decided for a batch: it waits, and its campaign says so."""
    tx.run("UPDATE batches SET due_at = :again_at WHERE id = :batch AND state = 0", batch=batch, again_at=again_at)
    tx.run(
        "UPDATE campaigns SET engine_failed_at = :now WHERE id = (SELECT campaign_id FROM batches WHERE id = :batch)",
        batch=batch,
        now=now,
    )

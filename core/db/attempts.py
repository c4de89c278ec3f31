"""Queries about attempts as people see them: listed, looked at, decided about."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db.ledger_tables import attempts
from core.db.listing import Page, Rows, fetch
from core.db.session import Tx
from core.db.tables import campaigns

_QUERY = sa.select(attempts, campaigns.c.kind).join(campaigns, campaigns.c.id == attempts.c.campaign_id)
OPEN = ("OPEN", "UNKNOWN")


def get(tx: Tx, attempt: UUID, *, lock: bool = False) -> Row[Any] | None:
    """One attempt of this workspace, with the kind of its campaign."""
    query = _QUERY.where(attempts.c.id == attempt)
    return tx.row(query.with_for_update(of=attempts) if lock else query)


def page(tx: Tx, wanted: Page) -> Rows:
    """One page of attempts."""
    unresolved = sa.and_(attempts.c.escalated_at.is_not(None), attempts.c.outcome.in_(OPEN), attempts.c.decision == "")
    filters = {
        "campaign_id": lambda text: attempts.c.campaign_id == _uuid(text),
        "outcome": lambda text: attempts.c.outcome == text,
        "provider": lambda text: attempts.c.provider == text,
        "unresolved": lambda text: unresolved if text == "true" else sa.not_(unresolved),
    }
    return fetch(tx, _QUERY, wanted, key=attempts.c.id, filters=filters, orders={"create_time": attempts.c.id})


def decide(tx: Tx, attempt: UUID, decision: str) -> None:
    """Remember what a person said; the worker that asks about this call carries it out, at once."""
    tx.run("UPDATE attempts SET decision = :decision WHERE id = :attempt", attempt=attempt, decision=decision)
    tx.run(
        "UPDATE batches SET due_at = least(due_at, now()) WHERE state = 2 AND id ="
        " (SELECT batch_id FROM attempts WHERE id = :attempt)",
        attempt=attempt,
    )


def _uuid(text: str) -> UUID:
    """What is no identifier is nobody's."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)

"""Queries about single messages: rows of the view `messages`, which unfolds the batches of the ledger."""

from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.listing import Page, Rows
from core.db.session import Tx
from core.rules.states import MessageState

LAST = 32_767  # beyond every position of a batch

_COLUMNS = "m.*, c.phone_sealed FROM messages m LEFT JOIN contacts c ON c.id = m.contact_id"


def get(tx: Tx, batch: UUID, position: int) -> Row[Any] | None:
    """One message."""
    return tx.row(f"SELECT {_COLUMNS} WHERE m.batch_id = :batch AND m.position = :position", batch=batch, position=position)


def page(tx: Tx, campaign: UUID, wanted: Page) -> Rows:
    """One page of a campaign's messages by batch and position: only the batches the page needs are unfolded."""
    batch, position = (UUID(wanted.after[0]), int(wanted.after[1])) if wanted.after else (UUID(int=0), LAST)
    states = [MessageState[text] for text in dict(wanted.where).values()]
    if len({text for _, text in wanted.where}) > 1:
        return Rows()  # nobody is in two states at once
    found: list[Row[Any]] = []
    while len(found) <= wanted.limit:
        batches = _next_batches(tx, campaign, batch, states, inclusive=position < LAST)
        if not batches:
            break
        found += tx.rows(
            f"SELECT {_COLUMNS} WHERE m.batch_id = ANY(:batches) AND (m.batch_id, m.position) > (:batch, :position)"
            " AND (CAST(:states AS int[]) = '{}' OR m.state = ANY(:states)) ORDER BY m.batch_id, m.position LIMIT :limit",
            batches=batches,
            batch=batch,
            position=position,
            states=[int(state) for state in states],
            limit=wanted.limit + 1 - len(found),
        )
        batch, position = batches[-1], LAST
    if len(found) <= wanted.limit:
        return Rows(found)
    found = found[: wanted.limit]
    return Rows(found, (str(found[-1].batch_id), str(found[-1].position)))


def _next_batches(tx: Tx, campaign: UUID, after: UUID, states: list[MessageState], *, inclusive: bool) -> list[UUID]:
    """The next few batches that hold a message in one of the states (any, when none is asked for)."""
    rows = tx.rows(
        "SELECT id FROM batches WHERE campaign_id = :campaign AND (id > :after OR id = :after AND :inclusive) AND"
        " (CAST(:states AS int[]) = '{}' OR EXISTS (SELECT 1 FROM unnest(CAST(:states AS int[])) s WHERE"
        " position(set_byte('\\x00'::bytea, 0, s) IN batches.states) > 0)) ORDER BY id LIMIT 5",
        campaign=campaign,
        after=after,
        inclusive=inclusive,
        states=[int(state) for state in states],
    )
    return [row.id for row in rows]

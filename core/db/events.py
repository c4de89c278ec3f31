"""Queries about events: the outbox, written in the transaction in which the thing happened, and read in an order without gaps."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.ids import new_id
from core.db.session import Tx
from core.rules.events import Event, News, Place, Told, unfold

KEPT = timedelta(days=30)
ROWS = 50  # are read at once; one may tell of 500 messages

_TOLD = """SELECT e.id, e.transaction, e.kind, e.positions, e.reasons, e.created_at, e.campaign_id, e.batch_id,
        coalesce(length(b.states), 0) AS batch_size, coalesce(c.kind = 'SEND', false) AS direct, coalesce(c.test, false) AS test
    FROM events e LEFT JOIN batches b ON b.id = e.batch_id LEFT JOIN campaigns c ON c.id = e.campaign_id"""

# Part of the statement that moves a batch (`moved` is the batch): no round trip of its own.
TOLD = """, told AS (
    INSERT INTO events (id, workspace_id, kind, campaign_id, batch_id, positions, reasons, created_at)
    SELECT e.id, m.workspace_id, e.kind, m.campaign_id, :batch, CAST(e.positions AS smallint[]), CAST(e.reasons AS jsonb),
        :told_at
    FROM moved m, unnest(CAST(:event_ids AS uuid[]), CAST(:kinds AS text[]), CAST(:places AS text[]), CAST(:causes AS text[]))
        AS e(id, kind, positions, reasons))"""


def told(news: Sequence[News], now: datetime) -> dict[str, Any]:
    """The values of TOLD; nothing when there is nothing to tell."""
    if not news:
        return {}
    return {
        "event_ids": [new_id() for _ in news],
        "kinds": [one.kind for one in news],
        "places": [f"{{{','.join(map(str, one.positions))}}}" for one in news],
        "causes": [json.dumps(one.reasons) if one.reasons else "{}" for one in news],
        "told_at": now,
    }


def tell(tx: Tx, kind: str, campaigns: Iterable[UUID], now: datetime) -> None:
    """Something happened to these campaigns. What SendService made is no campaign of the merchant's."""
    ids = list(campaigns)
    if ids:
        tx.run(
            "INSERT INTO events (id, workspace_id, kind, campaign_id, created_at)"
            " SELECT e.id, c.workspace_id, :event_kind, c.id, :now"
            " FROM unnest(CAST(:event_ids AS uuid[]), CAST(:ids AS uuid[])) AS e(id, campaign)"
            " JOIN campaigns c ON c.id = e.campaign WHERE c.kind = 'CAMPAIGN'",
            event_kind=kind,
            event_ids=[new_id() for _ in ids],
            ids=ids,
            now=now,
        )


def horizon(tx: Tx) -> int:
    """Whatever a transaction before this one did is visible or never will be: what is read up to here has no gaps."""
    return int(tx.value("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


def after(  # noqa: PLR0913 - from where, up to where, of whom, what
    tx: Tx, workspace: UUID, place: Place, *, before: int, since: UUID, limit: int, kinds: Sequence[str] = ()
) -> list[Told]:
    """The rows from `place` on (that row included) up to the horizon `before`, in order; `since` is the oldest id kept."""
    rows = tx.rows(
        f"{_TOLD} WHERE e.workspace_id = :workspace AND (e.transaction, e.id) >= (:transaction, :row) AND e.transaction < :before"
        " AND e.id >= :since AND (CAST(:kinds AS text[]) = '{}' OR e.kind = ANY(CAST(:kinds AS text[])))"
        " ORDER BY e.transaction, e.id LIMIT :limit",
        workspace=workspace,
        transaction=place.transaction,
        row=place.row,
        before=before,
        since=since,
        kinds=list(kinds),
        limit=limit,
    )
    return [_told(row) for row in rows]


def by_ids(tx: Tx, ids: Sequence[UUID]) -> list[Told]:
    """These rows, in order."""
    return [_told(row) for row in tx.rows(f"{_TOLD} WHERE e.id = ANY(:ids) ORDER BY e.transaction, e.id", ids=list(ids))]


def references(tx: Tx, rows: Sequence[Told]) -> dict[tuple[UUID, int], str]:
    """The client's own references of what these rows tell, by batch and position."""
    batches = [row.batch for row in rows if row.direct and row.batch]
    if not batches:
        return {}
    found = tx.rows(
        "SELECT batch_id, position, client_reference FROM direct_messages"
        " WHERE batch_id = ANY(:batches) AND client_reference <> ''",
        batches=batches,
    )
    return {(row.batch_id, row.position): row.client_reference for row in found}


def page(
    tx: Tx, workspace: UUID, place: Place, *, since: UUID, kinds: Sequence[str], limit: int
) -> tuple[list[Event], Place, bool]:
    """The next events, the place after them, and whether there is more already. At the end the place is the horizon."""
    before, found = horizon(tx), list[Event]()
    while True:
        rows = after(tx, workspace, place, before=before, since=since, kinds=kinds, limit=ROWS)
        known = references(tx, rows)
        for row in rows:
            done = place.done if row.row == place.row else 0
            more = unfold(row, known)[done : done + limit - len(found)]
            found += more
            place = Place(row.transaction, row.row, done + len(more))
            if place.done < row.count:
                return found, place, True
        if len(rows) < ROWS:
            return found, max(place, Place(before, UUID(int=0)), key=_order), False


def _order(place: Place) -> tuple[int, UUID]:
    return place.transaction, place.row


def _told(row: Row[Any]) -> Told:
    return Told(
        row=row.id,
        transaction=row.transaction,
        news=News(row.kind, row.positions, row.reasons),
        time=row.created_at,
        campaign=row.campaign_id,
        batch=row.batch_id,
        batch_size=row.batch_size,
        direct=row.direct,
        test=row.test,
    )

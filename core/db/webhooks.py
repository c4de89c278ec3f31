"""Queries about webhook endpoints and the deliveries to them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import events, listing
from core.db.columns import every
from core.db.ids import new_id
from core.db.ledger_tables import webhook_deliveries as deliveries
from core.db.ledger_tables import webhook_endpoints as endpoints
from core.db.session import Tx
from core.errors import NotFound

PENDING, DELIVERED, DEAD = "PENDING", "DELIVERED", "DEAD"
ACTIVE, DISABLED = "ACTIVE", "DISABLED"

# How many calls to an endpoint may be open at one moment: one, as long as it fails.
_IN_FLIGHT = "CASE WHEN e.failing_since IS NULL THEN 3 ELSE 1 END"

# A delivery that is due and in nobody's hands.
_WAITS = "{0}.state = 'PENDING' AND {0}.due_at <= :now AND ({0}.lease_until IS NULL OR {0}.lease_until <= :now)"


def add(tx: Tx, workspace: UUID, endpoint: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """A new endpoint; what happens from now on is for it."""
    fixed = {"id": endpoint, "workspace_id": workspace, "created_at": now}
    begin = {"cursor_transaction": events.horizon(tx), "cursor_event": UUID(int=0)}
    return _made(tx, endpoints.insert().values({**values, **fixed, **begin}).returning(endpoints))


def get(tx: Tx, endpoint: UUID, *, lock: bool = False) -> Row[Any]:
    """One endpoint, also when archived."""
    query = sa.select(endpoints).where(endpoints.c.id == endpoint)
    row = tx.row(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("이런 웹훅 주소가 없습니다.")
    return row


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Filter: state. Order: create_time."""
    query = sa.select(endpoints) if wanted.archived else sa.select(endpoints).where(endpoints.c.archived_at.is_(None))
    filters = {"state": lambda value: endpoints.c.state == value}
    return listing.fetch(tx, query, wanted, key=endpoints.c.id, filters=filters, orders={"create_time": endpoints.c.id})


def in_use(tx: Tx, workspace: UUID) -> int:
    """How many endpoints the workspace has; whoever adds one at the same moment waits."""
    tx.run("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))", key=f"webhooks {workspace}")
    return int(tx.value("SELECT count(*) FROM webhook_endpoints WHERE archived_at IS NULL"))


def update(tx: Tx, endpoint: UUID, values: Mapping[str, Any]) -> Row[Any]:
    """New values; the version goes up."""
    change = {**values, "version": endpoints.c.version + 1}
    return _made(tx, endpoints.update().where(endpoints.c.id == endpoint).values(change).returning(endpoints))


def give_up(tx: Tx, endpoint: UUID, error: str, now: datetime) -> None:
    """Nothing that waits for this endpoint is tried any more."""
    tx.run(
        "UPDATE webhook_deliveries SET state = 'DEAD', last_error = :error, ended_at = :now, due_at = NULL, lease_until = NULL"
        " WHERE endpoint_id = :endpoint AND state = 'PENDING'",
        endpoint=endpoint,
        error=error,
        now=now,
    )


# --- deliveries ---------------------------------------------------------------------------------------------------


def add_deliveries(tx: Tx, rows: Sequence[Mapping[str, Any]], now: datetime, give_up_at: datetime) -> list[UUID]:
    """Deliveries to be tried now, within `give_up_at`; their ids."""
    fixed = {"state": PENDING, "due_at": now, "give_up_at": give_up_at, "created_at": now}
    made = [{"id": new_id(), **fixed, **row} for row in rows]
    if made:
        tx.run_many(deliveries.insert(), made)
    return [row["id"] for row in made]


def get_delivery(tx: Tx, delivery: UUID, *, lock: bool = False) -> Row[Any]:
    """One delivery."""
    query = sa.select(deliveries).where(deliveries.c.id == delivery)
    row = tx.row(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("이런 웹훅 전송이 없습니다.")
    return row


def delivery_page(tx: Tx, endpoint: UUID, wanted: listing.Page) -> listing.Rows:
    """Filter: state. Order: create_time."""
    query = sa.select(deliveries).where(deliveries.c.endpoint_id == endpoint)
    filters = {"state": lambda value: deliveries.c.state == value}
    return listing.fetch(tx, query, wanted, key=deliveries.c.id, filters=filters, orders={"create_time": deliveries.c.id})


def replay(tx: Tx, now: datetime, give_up_at: datetime, *, delivery: UUID | None = None, endpoint: UUID | None = None) -> int:
    """Try one delivery, or every dead one of an endpoint, again; how many."""
    return tx.run(
        "UPDATE webhook_deliveries SET state = 'PENDING', due_at = :now, give_up_at = :give_up_at, ended_at = NULL"
        " WHERE (id = :delivery AND state IN ('DEAD', 'PENDING')"
        " OR endpoint_id = :endpoint AND state = 'DEAD' AND event_ids <> '{}')",
        now=now,
        give_up_at=give_up_at,
        delivery=delivery,
        endpoint=endpoint,
    )


def take(tx: Tx, endpoint: UUID, now: datetime, lease_until: datetime) -> Row[Any] | None:
    """Take the delivery of an endpoint that has been due for longest into this worker's hands; None when there is none now.

    The endpoint is locked first, so that two workers never count the same free place.
    """
    tx.run("SELECT FROM webhook_endpoints WHERE id = :endpoint FOR UPDATE", endpoint=endpoint)
    return tx.row(
        "UPDATE webhook_deliveries d SET lease_until = :lease_until, tries = d.tries + 1 FROM webhook_endpoints e"  # noqa: S608
        " WHERE e.id = :endpoint AND e.archived_at IS NULL AND d.id = (SELECT w.id FROM webhook_deliveries w"
        f" WHERE w.endpoint_id = :endpoint AND {_WAITS.format('w')} AND (e.state = 'ACTIVE' OR w.event_ids = '{{}}')"
        " ORDER BY w.due_at, w.id LIMIT 1)"
        " AND (SELECT count(*) FROM webhook_deliveries o WHERE o.endpoint_id = :endpoint AND o.state = 'PENDING'"
        f" AND o.lease_until > :now) < {_IN_FLIGHT}"
        " RETURNING d.id, d.endpoint_id, d.event_ids, d.skip, d.size, d.tries, d.created_at,"
        " e.url, e.secret, e.old_secret, e.old_secret_until",
        endpoint=endpoint,
        now=now,
        lease_until=lease_until,
    )


def save_delivery(tx: Tx, delivery: UUID, values: Mapping[str, Any]) -> None:
    """How a try ended; it is in nobody's hands any more."""
    tx.run(deliveries.update().where(deliveries.c.id == delivery).values({**values, "lease_until": None}))


def works(tx: Tx, endpoint: UUID, now: datetime) -> None:
    """It took something; what waited because it failed is tried at once."""
    if tx.run(
        "UPDATE webhook_endpoints SET failing_since = NULL WHERE id = :endpoint AND failing_since IS NOT NULL", endpoint=endpoint
    ):
        tx.run(
            "UPDATE webhook_deliveries SET due_at = :now WHERE endpoint_id = :endpoint AND state = 'PENDING' AND due_at > :now",
            endpoint=endpoint,
            now=now,
        )


def fails(tx: Tx, endpoint: UUID, now: datetime) -> datetime:
    """It did not; since when."""
    since: datetime = tx.value(
        "UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, :now) WHERE id = :endpoint RETURNING failing_since",
        endpoint=endpoint,
        now=now,
    )
    return since


def disable(tx: Tx, endpoint: UUID, reason: str, now: datetime) -> None:
    """Nothing more is delivered until a person makes it active again."""
    update(tx, endpoint, {"state": DISABLED, "disabled_reason": reason})
    give_up(tx, endpoint, "ENDPOINT_DISABLED", now)


def more_is_due(tx: Tx, endpoint: UUID, now: datetime) -> bool:
    """Whether another delivery waits for this endpoint to be free."""
    waits = f"SELECT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = :endpoint AND {_WAITS.format('d')})"  # noqa: S608
    return bool(tx.value(waits, endpoint=endpoint, now=now))


# --- what the sweeper asks, across workspaces ---------------------------------------------------------------------


def behind(tx: Tx, before: int, since: UUID, most_waiting: int, limit: int = 100) -> Sequence[Row[Any]]:
    """Endpoints for which something has happened, locked, unless a lot waits for them already."""
    return tx.rows(
        f"SELECT {every(endpoints, 'e')} FROM webhook_endpoints e"  # noqa: S608 - constants
        " WHERE e.state = 'ACTIVE' AND e.archived_at IS NULL AND EXISTS (SELECT FROM events v"
        " WHERE v.workspace_id = e.workspace_id AND v.transaction < :before AND v.id >= :since"
        " AND (v.transaction, v.id) > (e.cursor_transaction, e.cursor_event))"
        " AND (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.state = 'PENDING') < :most_waiting"
        " ORDER BY e.cursor_transaction LIMIT :limit FOR UPDATE SKIP LOCKED",
        before=before,
        since=since,
        most_waiting=most_waiting,
        limit=limit,
    )


def move_cursor(tx: Tx, endpoint: UUID, transaction: int, event: UUID) -> None:
    """Events up to this one have been made into deliveries."""
    tx.run(
        "UPDATE webhook_endpoints SET cursor_transaction = :transaction, cursor_event = :event WHERE id = :endpoint",
        endpoint=endpoint,
        transaction=transaction,
        event=event,
    )


def due(tx: Tx, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """Endpoints with deliveries that are due, as often as they have places free; those that work first."""
    return tx.rows(
        "SELECT id, workspace_id FROM (SELECT e.id, e.workspace_id, e.failing_since, d.due_at, row_number() OVER"  # noqa: S608
        f" (PARTITION BY e.id ORDER BY d.due_at, d.id) AS turn, {_IN_FLIGHT} AS most"
        f" FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE {_WAITS.format('d')}) waiting"
        " WHERE turn <= most ORDER BY failing_since IS NOT NULL, turn, due_at LIMIT :limit",
        now=now,
        limit=limit,
    )


def forget(tx: Tx, before: datetime) -> int:
    """Drop deliveries that ended before this moment; how many."""
    return tx.run("DELETE FROM webhook_deliveries WHERE ended_at < :before", before=before)


def _made(tx: Tx, statement: sa.Executable) -> Row[Any]:
    row = tx.row(statement)
    if row is None:
        raise NotFound("이런 웹훅 주소가 없습니다.")
    return row

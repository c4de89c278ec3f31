"""Queries about exports: customers as an encrypted file, for a short time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing
from core.db.columns import every
from core.db.ids import new_id
from core.db.law_tables import exports
from core.db.session import Tx
from core.errors import NotFound

PENDING, RUNNING, DONE, FAILED, EXPIRED = "PENDING", "RUNNING", "DONE", "FAILED", "EXPIRED"
LEASE = timedelta(seconds=60)  # a RUNNING export that was not touched for so long has lost its worker

_TAGGED = "c.archived_at IS NULL AND (CAST(:tag AS text) = '' OR c.tags @> ARRAY[CAST(:tag AS text)])"

_CLAIM = f"""UPDATE exports e SET state = 'RUNNING', touched_at = :now, rows_done = 0, rows_total = (
        SELECT count(*) FROM contacts c WHERE c.archived_at IS NULL
        AND (coalesce(e.filter ->> 'tag', '') = '' OR c.tags @> ARRAY[e.filter ->> 'tag']))
    WHERE id = :export AND (state = 'PENDING' OR state = 'RUNNING' AND touched_at < :left) RETURNING {every(exports, "e")}"""  # noqa: S608 - constants


def add(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """An export that waits for a worker: masked, filter, reason, created_by, password_sealed."""
    fixed = {"id": new_id(), "workspace_id": workspace, "state": PENDING, "created_at": now, "touched_at": now}
    return _made(tx, exports.insert().values({**values, **fixed}).returning(exports))


def get(tx: Tx, export: UUID) -> Row[Any]:
    """One export."""
    return _made(tx, sa.select(exports).where(exports.c.id == export))


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Filter: state. Order: create_time."""
    filters = {"state": lambda value: exports.c.state == value}
    return listing.fetch(tx, sa.select(exports), wanted, key=exports.c.id, filters=filters, orders={"create_time": exports.c.id})


def claim(tx: Tx, export: UUID, now: datetime) -> Row[Any] | None:
    """Take it into this worker's hands; None when it is done or in somebody else's."""
    return tx.row(_CLAIM, export=export, now=now, left=now - LEASE)


def customers(tx: Tx, tag: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """The next customers in the order of their coming."""
    return tx.rows(
        "SELECT c.id, c.phone_sealed, c.name, c.tags, c.attributes, c.ad_consent, c.night_consent, c.consent_at, c.consent_source"  # noqa: S608
        f" FROM contacts c WHERE c.id > :after AND {_TAGGED} ORDER BY c.id LIMIT :limit",
        tag=tag,
        after=after,
        limit=limit,
    )


def progress(tx: Tx, export: UUID, done: int, now: datetime) -> None:
    """So many are written."""
    tx.run("UPDATE exports SET rows_done = :done, touched_at = :now WHERE id = :export", export=export, done=done, now=now)


def end(tx: Tx, export: UUID, values: Mapping[str, Any], now: datetime) -> None:
    """The end: state and what goes with it. The password is not kept."""
    change = {**values, "password_sealed": None, "ended_at": now, "touched_at": now}
    tx.run(exports.update().where(exports.c.id == export, exports.c.state == RUNNING).values(change))


def expired(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """id, object_name of files past their time."""
    return tx.rows("SELECT id, object_name FROM exports WHERE expires_at <= :now AND object_name <> ''", now=now)


def file_is_gone(tx: Tx, export: UUID) -> None:
    """The file is destroyed."""
    tx.run("UPDATE exports SET state = 'EXPIRED', object_name = '' WHERE id = :export", export=export)


def forgotten(tx: Tx, before: datetime, now: datetime) -> Sequence[Row[Any]]:
    """id, workspace_id of exports that waited since `before`, or lost their worker; across workspaces."""
    return tx.rows(
        "SELECT id, workspace_id FROM exports WHERE touched_at < :before AND state = 'PENDING'"
        " OR touched_at < :left AND state = 'RUNNING' LIMIT 100",
        before=before,
        left=now - LEASE,
    )


def _made(tx: Tx, statement: sa.Executable) -> Row[Any]:
    row = tx.row(statement)
    if row is None:
        raise NotFound("이런 내보내기가 없습니다.")
    return row

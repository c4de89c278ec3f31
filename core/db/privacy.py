"""Queries about what people ask about their own data, and about how much there is of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing
from core.db.ids import new_id
from core.db.law_tables import privacy_requests
from core.db.session import Tx
from core.errors import NotFound
from core.rules import personal

OPEN, DONE, REFUSED = "OPEN", "DONE", "REFUSED"

_MESSAGES = """SELECT b.id AS batch_id, array_position(b.contact_ids, :contact) - 1 AS position, k.name
    FROM batches b JOIN campaigns k ON k.id = b.campaign_id
    WHERE b.first_contact <= :contact AND b.last_contact >= :contact AND :contact = ANY (b.contact_ids)
    AND b.campaign_id IN (SELECT id FROM campaigns WHERE kind = 'CAMPAIGN') ORDER BY b.id DESC LIMIT 200"""


def add(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """A request to be answered within ten days: contact_id, kind, note; the one that is open already when there is one."""
    tx.row("SELECT FROM contacts WHERE id = :contact FOR UPDATE", contact=values["contact_id"])  # of two at once one waits
    same = sa.select(privacy_requests).where(
        privacy_requests.c.contact_id == values["contact_id"],
        privacy_requests.c.kind == values["kind"],
        privacy_requests.c.state == OPEN,
    )
    if row := tx.row(same):
        return row
    fixed = {"id": new_id(), "workspace_id": workspace, "state": OPEN, "received_at": now, "due_at": now + personal.ANSWER_WITHIN}
    return _made(tx, privacy_requests.insert().values({**values, **fixed}).returning(privacy_requests))


def get(tx: Tx, request: UUID, *, lock: bool = False) -> Row[Any]:
    """One request."""
    query = sa.select(privacy_requests).where(privacy_requests.c.id == request)
    return _made(tx, query.with_for_update() if lock else query)


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Filter: state, kind. Order: create_time."""
    return listing.fetch(
        tx,
        sa.select(privacy_requests),
        wanted,
        key=privacy_requests.c.id,
        filters={
            "state": lambda value: privacy_requests.c.state == value,
            "kind": lambda value: privacy_requests.c.kind == value,
        },
        orders={"create_time": privacy_requests.c.id},
    )


def end(tx: Tx, request: UUID, values: Mapping[str, Any]) -> Row[Any]:
    """Answered: state, answer, ended_at, ended_by."""
    change = privacy_requests.update().where(privacy_requests.c.id == request).values(dict(values))
    return _made(tx, change.returning(privacy_requests))


def open_requests(tx: Tx) -> int:
    """How many wait for an answer."""
    return int(tx.value("SELECT count(*) FROM privacy_requests WHERE state = 'OPEN'"))


def forget(tx: Tx, before: datetime) -> int:
    """Drop what was answered before this moment; how many."""
    return tx.run("DELETE FROM privacy_requests WHERE ended_at < :before", before=before)


def restrict(tx: Tx, contact: int, since: datetime | None, now: datetime) -> None:
    """Nothing is done with this person's data from then on; None: it is again."""
    tx.run(
        "UPDATE contacts SET restricted_at = CAST(:since AS timestamptz), updated_at = :now, version = version + 1"
        " WHERE id = :contact",
        contact=contact,
        since=since,
        now=now,
    )


def messages(tx: Tx, contact: int) -> Sequence[Row[Any]]:
    """batch_id, position, name of the campaigns a person was in, newest first."""
    return tx.rows(_MESSAGES, contact=contact)


# --- how many people there are -------------------------------------------------------------------------------------


def workspaces(tx: Tx) -> list[UUID]:
    """Every workspace; across them."""
    return [row.id for row in tx.rows("SELECT id FROM workspaces ORDER BY id")]


def count_people(tx: Tx, workspace: UUID, now: datetime) -> int:
    """Count them and note when a further duty of the law begins; how many."""
    people = int(tx.value("SELECT count(*) FROM contacts"))
    tx.run(
        "UPDATE workspaces SET people = :people, people_level = :level, people_level_at ="
        " CASE WHEN people_level < :level THEN :now ELSE people_level_at END"
        " WHERE id = :workspace AND (people, people_level) IS DISTINCT FROM (CAST(:people AS int), CAST(:level AS int))",
        workspace=workspace,
        people=people,
        level=personal.level(people),
        now=now,
    )
    return people


def people(tx: Tx, workspace: UUID) -> int:
    """As they were counted last."""
    return int(tx.value("SELECT people FROM workspaces WHERE id = :workspace", workspace=workspace))


def long_archived(tx: Tx, before: datetime, limit: int) -> list[int]:
    """Customers who were archived before this moment."""
    rows = tx.rows(
        "SELECT id FROM contacts WHERE archived_at < :before ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED",
        before=before,
        limit=limit,
    )
    return [row.id for row in rows]


def read_files(tx: Tx, before: datetime, limit: int) -> Sequence[Row[Any]]:
    """id, object_name of uploaded customer files, and of the files of their errors, whose reading ended before this moment."""
    return tx.rows(
        "SELECT i.id, f.object_name FROM (SELECT * FROM imports WHERE ended_at < :before"
        " AND (object_name, errors_object) <> ('', '') ORDER BY id LIMIT :limit) i,"
        " unnest(ARRAY[i.object_name, i.errors_object]) AS f (object_name) WHERE f.object_name <> ''",
        before=before,
        limit=limit,
    )


def files_are_gone(tx: Tx, imported: UUID) -> None:
    """The files are destroyed; what was counted stays."""
    tx.run("UPDATE imports SET object_name = '', errors_object = '' WHERE id = :id", id=imported)


def _made(tx: Tx, statement: sa.Executable) -> Row[Any]:
    row = tx.row(statement)
    if row is None:
        raise NotFound("이런 개인정보 요청이 없습니다.")
    return row

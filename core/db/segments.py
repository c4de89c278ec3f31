"""Queries about saved segments, and whom a rule holds now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import law, listing, selection
from core.db.ids import new_id
from core.db.law_tables import segments
from core.db.session import Tx
from core.errors import NotFound
from core.rules import segment
from core.rules.segment import Attribute, Rule


def add(tx: Tx, workspace: UUID, name: str, rule: Rule, now: datetime) -> Row[Any]:
    """A new segment."""
    fixed = {"id": new_id(), "workspace_id": workspace, "created_at": now, "updated_at": now}
    return _found(tx, segments.insert().values(**fixed, name=name, rule=segment.saved(rule)).returning(segments))


def get(tx: Tx, wanted: UUID, *, lock: bool = False) -> Row[Any]:
    """One segment, also when archived."""
    query = sa.select(segments).where(segments.c.id == wanted)
    return _found(tx, query.with_for_update(key_share=True) if lock else query)


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Filter: part of the name. Order: create_time, name."""
    query = sa.select(segments) if wanted.archived else sa.select(segments).where(segments.c.archived_at.is_(None))
    filters = {"name": lambda text: listing.contains(segments.c.name, text)}
    orders = {"create_time": segments.c.id, "name": segments.c.name}
    return listing.fetch(tx, query, wanted, key=segments.c.id, filters=filters, orders=orders)


def update(tx: Tx, wanted: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """New values; the version goes up."""
    change = {**values, "updated_at": now, "version": segments.c.version + 1}
    return _found(tx, segments.update().where(segments.c.id == wanted).values(change).returning(segments))


def in_use(tx: Tx) -> Sequence[Row[Any]]:
    """id, name and rule of every segment that is not archived, locked against a change of its rule."""
    return tx.rows("SELECT id, name, rule FROM segments WHERE archived_at IS NULL ORDER BY id FOR NO KEY UPDATE")


def usable(tx: Tx, wanted: UUID) -> bool:
    """Whether there is such a segment, in use."""
    return bool(tx.value("SELECT EXISTS (SELECT FROM segments WHERE id = :id AND archived_at IS NULL)", id=wanted))


def asks_about(tx: Tx, attribute: str) -> Row[Any] | None:
    """id and name of a segment that asks about an attribute; None when none does."""
    for row in in_use(tx):
        if any(isinstance(one, Attribute) and one.name == attribute for one in segment.every(segment.read(row.rule))):
            return row
    return None


def unknown_campaigns(tx: Tx, ids: Sequence[UUID]) -> list[UUID]:
    """Which of these are no campaigns of this workspace."""
    rows = tx.rows("SELECT id FROM campaigns WHERE id = ANY (:ids) AND kind = 'CAMPAIGN'", ids=list(ids))
    return sorted(set(ids) - {row.id for row in rows})


def people(tx: Tx, workspace: UUID, rule: Rule, purpose: str, now: datetime) -> Counter[str]:
    """Everybody a rule holds, by the reason that leaves them out of such a message; the empty one: nothing does."""
    chosen = selection.of_rule(workspace, rule)
    rows = tx.rows(
        f"SELECT coalesce(reason, '') AS reason, count(*) AS people FROM (SELECT {law.REASON} AS reason"  # noqa: S608
        f" FROM contacts c {law.JOINED} {chosen.joins} WHERE {chosen.where}) asked GROUP BY 1",
        **chosen.values,
        **law.of_any(tx, workspace, purpose, now),
    )
    return Counter({row.reason: row.people for row in rows})


def _found(tx: Tx, statement: sa.Executable) -> Row[Any]:
    row = tx.row(statement)
    if row is None:
        raise NotFound("이런 세그먼트가 없습니다.")
    return row

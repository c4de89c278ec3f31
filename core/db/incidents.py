"""Incidents: one row from the first sight of a trouble until it is over and people know; at most one open for each subject."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing
from core.db.ids import new_id
from core.db.ledger_tables import incidents
from core.db.session import Tx
from core.rules.alerts import RULES, Changes, Condition, Kind

_LOCK = 0x77617463  # "watc": one look at a time

# A trouble that comes back before anybody was told begins anew.
_SEEN = """INSERT INTO incidents AS i (id, workspace_id, kind, subject, facts, opened_at, due_at)
    VALUES (:id, :workspace, :kind, :subject, CAST(:facts AS jsonb), :now, :told_at)
    ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO UPDATE SET facts = excluded.facts, cleared_at = NULL,
        opened_at = CASE WHEN i.cleared_at IS NOT NULL AND i.alerted_at IS NULL THEN excluded.opened_at ELSE i.opened_at END,
        due_at = CASE WHEN i.cleared_at IS NOT NULL AND i.alerted_at IS NULL THEN excluded.due_at ELSE i.due_at END
    WHERE i.cleared_at IS NOT NULL OR i.facts <> excluded.facts"""


def elected(tx: Tx) -> bool:
    """Whether this process looks now; another one may be at it."""
    return bool(tx.value("SELECT pg_try_advisory_xact_lock(:lock)", lock=_LOCK))


def unclosed(tx: Tx, kinds: Collection[Kind]) -> Sequence[Row[Any]]:
    """kind, subject, cleared_at of what is not over."""
    return tx.rows(
        "SELECT kind, subject, cleared_at FROM incidents WHERE closed_at IS NULL AND kind = ANY(:kinds)",
        kinds=[kind.value for kind in kinds],
    )


def apply(tx: Tx, found: Changes, now: datetime) -> None:
    """Write what a look at the conditions came to."""
    for condition in found.holding:
        _see(tx, condition, now)
    for kind, subject in found.cleared:
        _set(tx, kind, subject, "cleared_at = :now", now)
    for kind, subject in found.over:
        _set(tx, kind, subject, "closed_at = :now, due_at = :now", now)


def _see(tx: Tx, condition: Condition, now: datetime) -> None:
    tx.run(
        _SEEN,
        id=new_id(),
        workspace=condition.workspace,
        kind=condition.kind.value,
        subject=condition.subject,
        facts=json.dumps(dict(condition.facts), ensure_ascii=False),
        now=now,
        told_at=now + RULES[condition.kind].hold,
    )


def _set(tx: Tx, kind: str, subject: str, values: str, now: datetime) -> None:
    tx.run(
        f"UPDATE incidents SET {values} WHERE kind = :kind AND subject = :subject AND closed_at IS NULL",  # noqa: S608 - constants
        kind=kind,
        subject=subject,
        now=now,
    )


def heard(tx: Tx, kind: Kind, subject: str, opened_at: datetime, told: Sequence[str], now: datetime) -> None:
    """A trouble of which people were told while it could not be written down; the next look finds that it is over."""
    tx.run(
        "INSERT INTO incidents (id, kind, subject, facts, opened_at, alerted_at, told) VALUES (:id, :kind, :subject, '{}',"
        " :opened_at, :now, :told) ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO NOTHING",
        id=new_id(),
        kind=kind.value,
        subject=subject,
        opened_at=opened_at,
        now=now,
        told=list(told),
    )


def take_due(tx: Tx, now: datetime, again_at: datetime, limit: int = 20) -> Sequence[Row[Any]]:
    """Incidents that people are to be told of, or told that they are over; again at `again_at` unless settled before."""
    return tx.rows(
        "UPDATE incidents i SET due_at = :again_at WHERE id IN (SELECT id FROM incidents WHERE due_at <= :now"
        " AND (cleared_at IS NULL OR closed_at IS NOT NULL) ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
        " RETURNING id, kind, subject, facts, opened_at, alerted_at, closed_at, told,"
        " (SELECT name FROM workspaces w WHERE w.id = i.workspace_id) AS place",
        now=now,
        again_at=again_at,
        limit=limit,
    )


def told_open(tx: Tx, incident: UUID, told: Sequence[str], now: datetime, next_at: datetime | None) -> None:
    """Who knows that it began; everybody, when there is no next try. If it ended meanwhile, the end is due at once."""
    tx.run(
        "UPDATE incidents SET told = :told, alerted_at = CASE WHEN CAST(:next_at AS timestamptz) IS NULL THEN :now END,"
        " due_at = CASE WHEN closed_at IS NULL THEN CAST(:next_at AS timestamptz) ELSE :now END WHERE id = :incident",
        incident=incident,
        told=list(told),
        now=now,
        next_at=next_at,
    )


def told_over(tx: Tx, incident: UUID, told: Sequence[str], now: datetime, next_at: datetime | None) -> None:
    """Who knows that it is over; everybody, when there is no next try."""
    tx.run(
        "UPDATE incidents SET told = :told, due_at = CAST(:next_at AS timestamptz),"
        " recovery_alerted_at = CASE WHEN CAST(:next_at AS timestamptz) IS NULL THEN :now END WHERE id = :incident",
        incident=incident,
        told=list(told),
        now=now,
        next_at=next_at,
    )


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """What the workspace's people were to be told. Filter: kind, open. What passed before anybody heard is left out."""
    heard = sa.or_(incidents.c.closed_at.is_(None), incidents.c.alerted_at.is_not(None))
    return listing.fetch(
        tx,
        sa.select(incidents).where(heard),
        wanted,
        key=incidents.c.id,
        filters={
            "kind": lambda value: incidents.c.kind == value,
            "open": lambda value: incidents.c.closed_at.is_(None) if value == "true" else incidents.c.closed_at.is_not(None),
        },
        orders={"create_time": incidents.c.id},
    )


def forget(tx: Tx, before: datetime) -> int:
    """Drop what was over before this moment; how many."""
    return tx.run("DELETE FROM incidents WHERE closed_at < :before", before=before)

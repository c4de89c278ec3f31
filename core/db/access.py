"""Queries about the access log: who saw or changed whose data (R-PII-5). Rows are added and read, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing
from core.db.ids import new_id
from core.db.law_tables import access_log
from core.db.session import Tx

REVIEW = "SignAccessReview"
KEPT_YEARS = 2


@dataclass(frozen=True, slots=True)
class Access:
    """One look at, or change of, somebody's data: its five fields, and why where that is asked."""

    actor: str
    origin: str
    action: str
    subject: str = ""
    people: int = 1
    reason: str = ""


def record(tx: Tx, workspace: UUID, access: Access, now: datetime) -> None:
    """Add it to the log."""
    tx.run(
        "INSERT INTO access_log (id, workspace_id, actor, origin, action, subject, people, reason, at)"
        " VALUES (:id, :workspace, :actor, :origin, :action, :subject, :people, :reason, :now)",
        id=new_id(),
        workspace=workspace,
        actor=access.actor,
        origin=access.origin,
        action=access.action,
        subject=access.subject,
        people=access.people,
        reason=access.reason,
        now=now,
    )


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Filter: actor, action. Order: create_time."""
    return listing.fetch(
        tx,
        sa.select(access_log),
        wanted,
        key=access_log.c.id,
        filters={"actor": lambda value: access_log.c.actor == value, "action": lambda value: access_log.c.action == value},
        orders={"create_time": access_log.c.id},
    )


def times(tx: Tx, actor: str, action: str, since: datetime) -> int:
    """How often somebody did something since then."""
    return int(
        tx.value(
            "SELECT count(*) FROM access_log WHERE actor = :actor AND action = :action AND at > :since",
            actor=actor,
            action=action,
            since=since,
        )
    )


def sums(tx: Tx, begin: datetime, end: datetime) -> Sequence[Row[Any]]:
    """actor, action, times, people of a span, the most people first."""
    return tx.rows(
        "SELECT actor, action, count(*) AS times, sum(people) AS people FROM access_log WHERE at >= :begin AND at < :end"
        " GROUP BY actor, action ORDER BY sum(people) DESC, actor, action LIMIT 200",
        begin=begin,
        end=end,
    )


def signature(tx: Tx, month: str) -> Row[Any] | None:
    """actor, at, reason of who signed last that a month was looked at."""
    return tx.row(
        "SELECT actor, at, reason FROM access_log WHERE action = :review AND subject = :month ORDER BY id DESC LIMIT 1",
        review=REVIEW,
        month=month,
    )

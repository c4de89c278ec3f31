"""Queries about reports: what became of everybody of a campaign, on its way into a file and out of it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db.ids import new_id
from core.db.law_tables import reports
from core.db.session import Tx
from core.errors import NotFound
from core.rules.states import ReportState

LEASE = timedelta(seconds=60)  # a RUNNING report that was not touched for so long has lost its worker


def add(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """A report that waits for a worker: campaign_id, rows_total, created_by."""
    fixed = {"id": new_id(), "workspace_id": workspace, "state": ReportState.PENDING, "created_at": now, "touched_at": now}
    row = tx.row(reports.insert().values({**values, **fixed}).returning(reports))
    assert row is not None
    return row


def get(tx: Tx, report: UUID) -> Row[Any]:
    """One report."""
    row = tx.row(sa.select(reports).where(reports.c.id == report))
    if row is None:
        raise NotFound("이런 보고서가 없습니다.")
    return row


def claim(tx: Tx, report: UUID, now: datetime) -> Row[Any] | None:
    """Take it; None when it is finished or another worker is at it. It begins anew wherever an earlier one stopped."""
    waiting = reports.c.state == ReportState.PENDING
    left = (reports.c.state == ReportState.RUNNING) & (reports.c.touched_at < now - LEASE)
    change = reports.update().where(reports.c.id == report, waiting | left)
    return tx.row(change.values(state=ReportState.RUNNING, touched_at=now, rows_done=0).returning(reports))


def progress(tx: Tx, report: UUID, rows: int, now: datetime) -> None:
    """So many rows are written."""
    tx.run(reports.update().where(reports.c.id == report).values(rows_done=rows, touched_at=now))


def finish(tx: Tx, report: UUID, values: Mapping[str, Any], now: datetime) -> None:
    """The end: state DONE with its file, or FAILED."""
    change = reports.update().where(reports.c.id == report, reports.c.state == ReportState.RUNNING)
    tx.run(change.values({**values, "ended_at": now, "touched_at": now}))


def forgotten(tx: Tx, before: datetime) -> Sequence[Row[Any]]:
    """Reports that waited since `before`, or lost their worker (a lease ago); across workspaces."""
    return tx.rows(
        "SELECT id, workspace_id FROM reports WHERE touched_at < :before AND state = 'PENDING'"
        " OR touched_at < :left AND state = 'RUNNING' LIMIT 100",
        before=before,
        left=before - LEASE,
    )


def expired(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """id, object_name of files whose time is over; across workspaces."""
    return tx.rows("SELECT id, object_name FROM reports WHERE expires_at <= :now AND object_name <> '' LIMIT 100", now=now)


def emptied(tx: Tx, report: UUID) -> None:
    """Its file is gone; what it said stays."""
    tx.run("UPDATE reports SET object_name = '' WHERE id = :report", report=report)

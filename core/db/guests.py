"""Queries about the guest list: the only numbers that get anything while a workspace is on trial."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import accounts, listing
from core.db.ids import new_id
from core.db.law_tables import guests
from core.db.session import Tx
from core.errors import NotFound, WrongState

MOST = 20


def add(tx: Tx, workspace: UUID, number: str, now: datetime) -> Row[Any]:
    """A number on the list; the one that was there stays. Who adds one at the same moment waits: the list is never too long."""
    keys = accounts.keys(tx, workspace)
    found = keys.lookup(number)
    tx.run("SELECT FROM workspaces WHERE id = :id FOR NO KEY UPDATE", id=workspace)
    row = tx.row(sa.select(guests).where(guests.c.phone_hash == found))
    if row is None:
        if tx.value("SELECT count(*) FROM guests") >= MOST:
            raise WrongState(f"시험 명단에는 번호를 {MOST}개까지 넣을 수 있습니다.", reason="GUEST_LIMIT")
        fixed = {"id": new_id(), "workspace_id": workspace, "created_at": now}
        made = guests.insert().values(**fixed, phone_hash=found, phone_sealed=keys.sealer()(number)).returning(guests)
        row = tx.row(made)
        assert row is not None
    return row


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Order: create_time."""
    return listing.fetch(tx, sa.select(guests), wanted, key=guests.c.id, filters={}, orders={"create_time": guests.c.id})


def remove(tx: Tx, guest: UUID) -> Row[Any]:
    """Off the list."""
    row = tx.row(guests.delete().where(guests.c.id == guest).returning(guests))
    if row is None:
        raise NotFound("이런 번호가 시험 명단에 없습니다.")
    return row


def strangers(tx: Tx, workspace: UUID, numbers: Sequence[str]) -> set[str]:
    """Which of these numbers may get nothing, because the workspace is on trial and they are not on its list."""
    if not tx.value("SELECT trial FROM workspaces WHERE id = :id", id=workspace):
        return set()
    lookup = accounts.keys(tx, workspace).lookup
    known = {bytes(row.phone_hash) for row in tx.rows("SELECT phone_hash FROM guests")}
    return {number for number in numbers if lookup(number) not in known}


def set_trial(tx: Tx, workspace: UUID, *, on: bool) -> None:
    """Only who operates Jeondan begins and ends a trial: no RPC does."""
    tx.run("UPDATE workspaces SET trial = :on WHERE id = :id", on=on, id=workspace)

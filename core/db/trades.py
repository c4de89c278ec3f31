"""Queries about what customers bought: the exemption of R-CON-3 asks for it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db import listing
from core.db.session import Tx
from core.errors import AlreadyExists

_ADD = """INSERT INTO trades AS t (workspace_id, order_id, kind, contact_id, ended_on, created_at)
    VALUES (:workspace, :order_id, :kind, :contact, :ended_on, :now)
    ON CONFLICT (workspace_id, order_id, kind) DO UPDATE SET ended_on = excluded.ended_on
    WHERE t.contact_id = excluded.contact_id RETURNING t.order_id, t.kind, t.ended_on"""


@dataclass(frozen=True, slots=True)
class Dealt:
    """Goods of a kind that were bought by an order, and the Korean day on which the dealing ended."""

    order_id: str
    kind: str
    ended_on: date


def record(tx: Tx, workspace: UUID, contact: int, dealt: Dealt, now: datetime) -> Row[Any]:
    """A dealing with a contact; the same order again corrects the day."""
    row = tx.row(
        _ADD,
        workspace=workspace,
        contact=contact,
        order_id=dealt.order_id,
        kind=dealt.kind,
        ended_on=dealt.ended_on,
        now=now,
    )
    if row is None:
        raise AlreadyExists("같은 주문 번호가 다른 고객의 것으로 이미 있습니다.", facts={"field": "order_id"})
    return row


def page(tx: Tx, contact: int, wanted: listing.Page) -> listing.Rows:
    """What one contact bought, by order."""
    order_id, kind = wanted.after or ("", "")
    rows = tx.rows(
        "SELECT order_id, kind, ended_on FROM trades WHERE contact_id = :contact AND (order_id, kind) > (:order_id, :kind)"
        " ORDER BY order_id, kind LIMIT :limit",
        contact=contact,
        order_id=order_id,
        kind=kind,
        limit=wanted.limit + 1,
    )
    shown = rows[: wanted.limit]
    return listing.Rows(shown, (shown[-1].order_id, shown[-1].kind) if len(rows) > wanted.limit else None)

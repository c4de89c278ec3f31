"""Queries about numbers that get no ads."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import accounts, listing
from core.db.session import Tx
from core.db.tables import suppressions
from core.rules import phone


def of_number(tx: Tx, workspace: UUID, number: str) -> Row[Any] | None:
    """The suppression of a normalised number."""
    return tx.row(sa.select(suppressions).where(suppressions.c.phone_hash == accounts.keys(tx, workspace).lookup(number)))


def page(tx: Tx, workspace: UUID, wanted: listing.Page) -> listing.Rows:
    """Those in force. Filter: source, phone. Order: create_time."""
    return listing.fetch(
        tx,
        sa.select(suppressions).where(suppressions.c.lifted_at.is_(None)),
        wanted,
        key=suppressions.c.id,
        filters={
            "source": lambda value: suppressions.c.source == value,
            "phone": lambda value: suppressions.c.phone_hash == _hashed(tx, workspace, value),
        },
        orders={"create_time": suppressions.c.id},
    )


def _hashed(tx: Tx, workspace: UUID, number: str) -> bytes:
    return accounts.keys(tx, workspace).lookup(phone.normalise(number))

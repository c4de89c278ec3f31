"""How columns are written in the schema: the few kinds there are."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, UUID

metadata = sa.MetaData()

ID: Any = UUID(as_uuid=True)
TIME: Any = sa.DateTime(timezone=True)
TEXTS = ARRAY(sa.Text)
EMPTY = sa.text("''")
ZERO = sa.text("0")
FALSE = sa.text("false")


def every(table: sa.Table, alias: str = "") -> str:
    """Every column that this version knows, for SQL. Never `*`: its meaning changes under a running process."""
    return ", ".join(f"{alias}.{column.name}" if alias else column.name for column in table.columns)


def identifier() -> sa.Column[Any]:
    """The key: a version 7 UUID, so rows are in the order of their making."""
    return sa.Column("id", ID, primary_key=True)


def workspace() -> sa.Column[Any]:
    """Whose row it is."""
    return sa.Column("workspace_id", ID, nullable=False)


def owner() -> sa.Column[Any]:
    """The same, held by the database."""
    return sa.Column("workspace_id", ID, sa.ForeignKey("workspaces.id"), nullable=False)


def text(name: str) -> sa.Column[str]:
    """Never null; empty when there is nothing."""
    return sa.Column(name, sa.Text, nullable=False, server_default=EMPTY)


def count(name: str) -> sa.Column[int]:
    """A number that starts at zero."""
    return sa.Column(name, sa.Integer, nullable=False, server_default=ZERO)


def time(name: str, *, required: bool = False) -> sa.Column[Any]:
    """An instant in UTC."""
    return sa.Column(name, TIME, nullable=not required)

"""Statements that run for every batch, straight on the driver: a quarter of the processor time of the way around it.

They belong to the same transaction as everything else that is asked through its `Tx`, and fail in the same way.
"""

from typing import Any

from core.db import trips
from core.db.session import Tx


def row(tx: Tx, statement: str, **values: Any) -> Any:
    """The first row, its columns as attributes, or None."""
    found, _ = tx.ask(statement, values, trips.named)
    return found[0] if found else None


def tuples(tx: Tx, statement: str, **values: Any) -> list[Any]:
    """All rows as bare tuples."""
    return tx.ask(statement, values, trips.tuples)[0]


def run(tx: Tx, statement: str, **values: Any) -> int:
    """For effect; how many rows it touched."""
    return tx.ask(statement, values, trips.tuples)[1]


def later(tx: Tx, statement: str, **values: Any) -> None:
    """For effect, in the round trip of the next statement or of the commit: so it also fails there."""
    tx.later(statement, values)

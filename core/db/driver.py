"""Statements that run for every batch, straight on the driver: a quarter of the processor time of the way around it.

They belong to the same transaction as everything else that is asked through its `Tx`, and fail in the same way.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from psycopg import InterfaceError, OperationalError
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.rows import namedtuple_row, tuple_row

from core import telemetry
from core.db.session import Tx, silence

_PARAMETER = re.compile(r"(?<!:):(\w+)")  # `:name`, not `::type`


def row(tx: Tx, statement: str, **values: Any) -> Any:
    """The first row, its columns as attributes, or None."""
    return _execute(tx, statement, values, namedtuple_row).fetchone()


def tuples(tx: Tx, statement: str, **values: Any) -> list[Any]:
    """All rows as bare tuples."""
    return list(_execute(tx, statement, values, tuple_row).fetchall())


def run(tx: Tx, statement: str, **values: Any) -> int:
    """For effect; how many rows it touched."""
    return int(_execute(tx, statement, values, tuple_row).rowcount)


def _execute(tx: Tx, statement: str, values: Mapping[str, Any], rows: Any) -> Any:
    telemetry.DB_ROUND_TRIPS.inc()
    driver: Any = tx.connection.connection.driver_connection
    try:
        return driver.cursor(binary=True, row_factory=rows).execute(_translated(statement), values, prepare=True)
    except (OperationalError, InterfaceError, ReadOnlySqlTransaction) as error:
        raise silence(error) from error


@lru_cache(maxsize=200)
def _translated(statement: str) -> str:
    """Named parameters as the driver writes them."""
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))

"""Filling a new column of old rows: many short transactions, so that no lock is held long and a stop loses nothing."""

import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from core.db.session import SYSTEM_ROLE

SIZE = 1000
HELD_SECONDS = 0.5
REST = 1.0  # after each batch as long as it took, times this: the load comes first


@dataclass(frozen=True)
class Backfill:
    """Which rows of a table still lack something, and how they get it. Both texts are constants of a migration.

    `pending` must be false for a row that is done: whoever begins again finds what is left.
    """

    table: str
    key: str
    change: str
    pending: str


def run(engine: sa.Engine, work: Backfill, *, size: int = SIZE) -> int:
    """Until no row is left, across workspaces; how many were changed. Rows in somebody's hands are come back to."""
    done = 0
    while _remaining(engine, work):
        changed = _once_through(engine, work, size)
        done += changed
        if not changed:  # every row that is left is held: do not spin
            time.sleep(HELD_SECONDS)
    return done


def _once_through(engine: sa.Engine, work: Backfill, size: int) -> int:
    change = sa.text(f"UPDATE {work.table} SET {work.change} WHERE {work.key} = ANY(:keys)")  # noqa: S608
    done, after = 0, None
    while True:
        began = time.monotonic()
        with engine.begin() as connection:
            _as_system(connection)
            keys = _keys(connection, work, size, after)
            if keys:
                connection.execute(change, {"keys": keys})
        if not keys:
            return done
        done, after = done + len(keys), keys[-1]
        time.sleep(REST * (time.monotonic() - began))


def _keys(connection: sa.Connection, work: Backfill, size: int, after: Any) -> list[Any]:
    behind = "" if after is None else f" AND {work.key} > :after"
    statement = (
        f"SELECT {work.key} FROM {work.table} WHERE ({work.pending}){behind}"  # noqa: S608
        f" ORDER BY {work.key} LIMIT :size FOR UPDATE SKIP LOCKED"
    )
    return list(connection.execute(sa.text(statement), {"size": size, "after": after} if behind else {"size": size}).scalars())


def _remaining(engine: sa.Engine, work: Backfill) -> bool:
    with engine.begin() as connection:
        _as_system(connection)
        return bool(connection.execute(sa.text(f"SELECT EXISTS (SELECT FROM {work.table} WHERE {work.pending})")).scalar())  # noqa: S608


def _as_system(connection: sa.Connection) -> None:
    connection.execute(sa.text("SELECT set_config('role', :role, true)"), {"role": SYSTEM_ROLE})

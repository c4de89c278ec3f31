"""Whether this version and the database fit: asked by every process at its start, without the migration tool.

A migration that expands leaves every running version at work; one that contracts says in the database from which version on
processes may still run (`floor`). So a process starts when `floor <= its own newest migration` and nothing it needs is pending.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from core import telemetry
from core.db.peer import Peer

VERSIONS = Path(__file__).parent / "migrations" / "versions"
FLOOR = "compatible from "  # kept as the comment of alembic's own table: there is no schema without it
_PENDING, _TOO_OLD = 3, 4

MOST_CONNECTIONS = 11  # of one process: its pool, and one to ask whether the database is there

_ASK = """SELECT max(version_num), coalesce(obj_description('alembic_version'::regclass, 'pg_class'), ''),
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') FROM alembic_version"""

_log = telemetry.log("schema")


@dataclass(frozen=True)
class Found:
    """The last migration that a database has, and the oldest version that may still run on it; empty when there is none."""

    present: str = ""
    floor: str = ""
    free: int = field(default=0, compare=False)  # connections that nobody has


def names(versions: Path | None = None) -> list[str]:
    """Every migration of this version, in order: they are numbered."""
    return sorted(path.stem for path in (versions or VERSIONS).glob("[0-9]*.py"))


def newest(versions: Path | None = None) -> str:
    """The last migration of this version, by which it is known."""
    return names(versions)[-1]


def needed(versions: Path | None = None) -> str:
    """The last one without which this version cannot run: what contracts after it may come when everybody is new."""
    return [name for name in names(versions) if "_contract_" not in name][-1]


def number(name: str) -> int:
    """Which migration it is; 0 for none."""
    return int(name[:4] or 0)


def found(connection: sa.Connection) -> Found:
    """What this database says of itself."""
    if connection.execute(sa.text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return Found()
    row = connection.execute(sa.text(_ASK)).one()
    return Found(row[0] or "", row[1].removeprefix(FLOOR) if row[1].startswith(FLOOR) else "", row[2])


def look(database_url: str) -> Found:
    """The same, on a connection of its own."""
    peer = Peer("schema", database_url, writable=False)
    engine = sa.create_engine("postgresql+psycopg://", creator=peer.connect, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            return found(connection)
    finally:
        engine.dispose()


def _looked(database_url: str, replica_url: str) -> Found:
    """Of the replica while the primary is away: who only reads may start all the same."""
    try:
        return look(database_url)
    except sa.exc.OperationalError:
        if not replica_url:
            raise
        return look(replica_url)


def refuse_if_pending(database_url: str, replica_url: str = "") -> None:
    """Stop the process with a plain sentence when the schema is older than the code, or has left it behind."""
    at, ours = _looked(database_url, replica_url), newest()
    if number(at.present) < number(needed()):
        have = at.present or "no schema"
        sys.stderr.write(f"jeondan: the database has {have}, this version needs {needed()}: run `make migrate` first\n")
        raise SystemExit(_PENDING)
    if number(ours) < number(at.floor):
        sys.stderr.write(
            f"jeondan: this version knows the schema up to {ours}; the database serves versions from {at.floor} on:"
            " start a newer version, or take the schema back first (deploy/runbooks/deploy-and-rollback.md)\n"
        )
        raise SystemExit(_TOO_OLD)
    if number(at.present) > number(ours):
        _log.info("schema_is_newer", database=at.present, version=ours)
    if at.free < MOST_CONNECTIONS:  # it starts all the same: the pool fills only when there is work for it
        _log.warning("connections_scarce", free=at.free, needed=MOST_CONNECTIONS)

"""Whether the database has this version's schema: asked by every process at its start, without the migration tool."""

import sys
from pathlib import Path

import sqlalchemy as sa

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def newest() -> str:
    """The last migration of this version: they are numbered."""
    return sorted(path.stem for path in VERSIONS.glob("[0-9]*.py"))[-1]


def present(database_url: str) -> str:
    """The last migration that the database has; empty when it has none."""
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sa.NullPool)
    with engine.connect() as connection:
        if connection.execute(sa.text("SELECT to_regclass('alembic_version')")).scalar() is None:
            return ""
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()
    return str(found or "")


def refuse_if_pending(database_url: str) -> None:
    """Stop the process with a plain sentence when the schema is older than the code."""
    if (found := present(database_url)) < newest():
        have = found or "no schema"
        sys.stderr.write(f"jeondan: the database has {have}, this version needs {newest()}: run `make migrate` first\n")
        raise SystemExit(3)

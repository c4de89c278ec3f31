"""Bring a database to this version's schema: `python -m core.db.migrate [pending | sql | new NAME]`."""

import sys
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from core import clock
from core.db import partitions, schema
from core.db.session import Tx
from core.settings import load

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6A656F6E64616E  # "jeondan": one migration at a time, whoever starts it


def upgrade(database_url: str, revision: str = "head") -> None:
    """Run every pending migration and make the coming months' partitions; safe to run from several places at once."""
    engine = sa.create_engine(_driver(database_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.commit()
        try:
            config = _config()
            config.attributes["connection"] = connection
            (command.downgrade if revision == "base" else command.upgrade)(config, revision)
            connection.commit()
            if revision == "head":
                partitions.ensure(Tx(connection), clock.now())
                connection.commit()
        finally:
            connection.rollback()
            connection.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
            connection.commit()
    engine.dispose()


def pending(database_url: str) -> list[str]:
    """The revisions that are not in the database yet, oldest first."""
    current = schema.present(database_url)
    script = ScriptDirectory.from_config(_config())
    return [revision.revision for revision in reversed(list(script.iterate_revisions("head", current or "base")))]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def main() -> None:
    """The command line."""
    match sys.argv[1:]:
        case ["sql"]:
            command.upgrade(_config(), "head", sql=True)
        case ["new", name]:
            command.revision(_config(), name, rev_id=name)
        case ["pending"]:
            sys.stdout.write("".join(f"{revision}\n" for revision in pending(load().database_url)))
        case []:
            upgrade(load().database_url)
        case _:
            sys.exit("usage: python -m core.db.migrate [pending | sql | new NAME]")


if __name__ == "__main__":
    main()

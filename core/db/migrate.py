"""Change the schema while the product runs: `python -m core.db.migrate [contract | to NAME | pending | sql FOLDER | new NAME]`.

Without arguments everything that this version needs; `contract` also what only disturbs older versions, once they are gone.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from core import clock
from core.db import backfill, blockers, partitions, schema
from core.db.migrations import reading
from core.db.peer import Peer
from core.db.session import Tx
from core.settings import load

MIGRATIONS = Path(__file__).parent / "migrations"
FIRST = "0003_expand_law"  # up to here nothing was running anywhere: one new schema, for the linter, too
LOCK = 0x6A656F6E64616E  # "jeondan": one migration at a time, whoever starts it
# Whoever queues for a table makes everybody behind wait, too: so only shortly, and often. Less than PostgreSQL's
# deadlock_timeout (1 s): of a deadlock we are the victim, not the call of a merchant.
LOCK_SECONDS = 0.5
TRIES = 30
PAUSE, LONGEST_PAUSE = 0.5, 15.0
PATIENCE = 1500.0  # for another migration that runs; less than the job of Kubernetes has
_GIVE_WAY = frozenset({"55P03", "40P01"})  # lock_timeout, deadlock


class Refused(Exception):
    """The schema stays as it is; the sentence says why."""


class Migrator:
    """One database and one folder of migrations."""

    def __init__(self, database_url: str, versions: Path | None = None) -> None:
        peer = Peer("schema", database_url, writable=True, application="jeondan-migrate", prepared=False)
        self._engine = sa.create_engine("postgresql+psycopg://", creator=peer.connect, poolclass=sa.NullPool)
        self._versions = versions or schema.VERSIONS
        self._config = _config(self._versions)
        self._script = ScriptDirectory.from_config(self._config)

    def up(self, revision: str = "head") -> None:
        """Every pending migration up to this one, each in a transaction of its own, and the partitions of the coming months."""
        with self._alone():
            for script in self._between(revision, self._present() or "base"):
                self._step(command.upgrade, script, self._ready_for(script))
            with self._engine.begin() as connection:
                partitions.ensure(Tx(connection), clock.now())

    def down(self, revision: str) -> None:
        """Back to this migration, newest first; never below a version that is running."""
        with self._alone():
            for script in reversed(self._between(self._present() or "base", revision)):
                self._not_while(script, newer=True, limit=schema.number(revision if revision != "base" else ""))
                self._step(command.downgrade, script, str(script.down_revision or "base"))

    def pending(self) -> list[str]:
        """The revisions that are not in the database yet, oldest first."""
        return [script.revision for script in self._between("head", self._present() or "base")]

    def _between(self, upper: str, lower: str) -> list[Script]:
        return list(reversed(list(self._script.iterate_revisions(upper, lower)))) if upper != lower else []

    def _present(self) -> str:
        with self._engine.connect() as connection:
            return schema.found(connection).present

    def _ready_for(self, script: Script) -> str:
        """What must be before a contract: old rows are filled, and versions that need what goes are gone."""
        if reading.contracts(script):
            for name in getattr(script.module, "after_backfills", ()):
                found = self._script.get_revision(name)
                self._fill(name, found.module.backfill)
            self._not_while(script, newer=False, limit=schema.number(reading.compatible_from(script)))
        return script.revision

    def _fill(self, name: str, work: backfill.Backfill) -> None:
        if done := backfill.run(self._engine, work):
            _say(f"{name}: {done} rows filled")

    def _not_while(self, script: Script, *, newer: bool, limit: int) -> None:
        with self._engine.connect() as connection:
            others = {n: count for n, count in blockers.running(connection).items() if (n > limit if newer else n < limit)}
        if others:
            who = ", ".join(f"{count} sessions of version {number:04}" for number, count in others.items())
            way = f"needs {limit:04} or later" if not newer else "would take away what they use"
            raise Refused(f"{script.revision}: {who} are open; it {way}. Replace these processes first")

    def _step(self, move: Callable[..., None], script: Script, target: str) -> None:
        """One migration. Who holds a table is not waited for long: everybody else would wait behind us."""
        for attempt in range(TRIES):
            began = time.monotonic()
            with self._engine.connect() as connection:
                pid = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
                sa.event.listen(connection, "begin", _limits)
                self._config.attributes["connection"] = connection
                with blockers.watching(self._engine, pid) as watch:
                    try:
                        move(self._config, target)
                        connection.commit()
                        _say(f"{script.revision} -> {target}: {time.monotonic() - began:.1f} s")
                        return
                    except sa.exc.OperationalError as error:
                        connection.rollback()
                        if getattr(error.orig, "sqlstate", "") not in _GIVE_WAY:
                            raise
            pause = min(LONGEST_PAUSE, PAUSE * 2.0**attempt) * random.uniform(0.5, 1.0)
            _say(f"{script.revision}: gave way (try {attempt + 1} of {TRIES}); in the way: {watch}")
            time.sleep(pause)
        raise Refused(f"{script.revision}: gave up, nothing was changed; in the way: {watch}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two jobs at once: the second waits. Held by a transaction, so that a pooler in transaction mode keeps it, too."""
        limit, told = time.monotonic() + PATIENCE, False
        with self._engine.connect() as connection, connection.begin():
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            # Without parameters: the portal of a statement that has some stays open, and with it a snapshot, for which an
            # index that is made CONCURRENTLY would wait for ever.
            while not connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({LOCK})").scalar():
                if time.monotonic() > limit:
                    raise Refused("another migration has been running for too long; look at it first")
                if not told:
                    _say("another migration is running; waiting for it")
                told = True
                time.sleep(0.2)
            yield
        self._engine.dispose()


def upgrade(database_url: str, revision: str = "head", *, versions: Path | None = None) -> None:
    """Run every pending migration up to this one; safe to run from several places at once."""
    Migrator(database_url, versions).up(revision)


def downgrade(database_url: str, revision: str, *, versions: Path | None = None) -> None:
    """Take the schema back."""
    Migrator(database_url, versions).down(revision)


def pending(database_url: str) -> list[str]:
    """The revisions that are not in the database yet, oldest first."""
    return Migrator(database_url).pending()


def write_sql(folder: Path, versions: Path | None = None) -> None:
    """Each migration as SQL, up only, for the linter: what expands and what contracts is judged by different rules."""
    for kind in ("expand", "contract"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for old in (folder / kind).glob("*.sql"):
            old.unlink()
    before = "base"
    for name in schema.names(versions):
        if name >= FIRST:
            with (folder / name.split("_")[1] / f"{name}.sql").open("w") as output:
                command.upgrade(_config(versions or schema.VERSIONS, output_buffer=output), f"{before}:{name}", sql=True)
            before = name


def _config(versions: Path, **more: Any) -> Config:
    config = Config(**more)
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    return config


def _limits(connection: sa.Connection) -> None:
    """For each transaction, not for the session: behind a pooler that is somebody else's a moment later."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(LOCK_SECONDS * 1000)}ms'; SET LOCAL statement_timeout = '10min'")


def _say(line: str) -> None:
    sys.stderr.write(f"migrate: {line}\n")


def main() -> None:
    """The command line."""
    try:
        _obey(sys.argv[1:])
    except Refused as refused:
        sys.exit(f"jeondan: {refused}")


def _obey(arguments: list[str]) -> None:
    match arguments:
        case ["sql", folder]:
            write_sql(Path(folder))
        case ["new", name]:
            command.revision(_config(schema.VERSIONS), name, rev_id=name)
        case ["pending"]:
            sys.stdout.write("".join(f"{revision}\n" for revision in pending(load().database_url)))
        case ["contract"]:
            upgrade(load().database_url)
        case ["to", name]:
            downgrade(load().database_url, name)
        case []:
            upgrade(load().database_url, schema.needed())
        case _:
            sys.exit("usage: python -m core.db.migrate [contract | to NAME | pending | sql FOLDER | new NAME]")


if __name__ == "__main__":
    main()

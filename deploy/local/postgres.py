"""The embedded PostgreSQL: made on first use, started as our own child, login role and database ensured."""

import os
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local import process
from deploy.local.child import Program
from deploy.local.keys import Keys
from deploy.local.pgbinaries import Binaries, Runner
from deploy.local.ports import LOOPBACK, Port
from deploy.local.refusal import Refusal

SUPERUSER, ROLE, DATABASE = "postgres", "jeondan", "jeondan"
_HASTY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")


class Postgres:
    """One cluster in `VAR/pg<major>`. `durable=False` is for tests: fast, and lost with the power."""

    name = "postgres"

    def __init__(self, var: Path, keys: Keys, *, durable: bool = True, binaries: str = "") -> None:
        self._binaries = Binaries.find(binaries)
        self._keys, self._durable = keys, durable
        self.data = var.resolve() / f"pg{self._binaries.major}"
        self._runner = Runner.choose(self._binaries, self.data)
        self.port = Port()

    @property
    def major(self) -> int:
        """The version it runs."""
        return self._binaries.major

    @property
    def url(self) -> str:
        """What the product uses: a login role that is no superuser and owns its database."""
        return f"postgresql://{ROLE}:{self._keys.database_password}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def superuser_url(self) -> str:
        """For setting up and for tests; the product never sees it."""
        return f"postgresql://{SUPERUSER}:{self._keys.postgres_password}@{LOOPBACK}:{self.port}/postgres"

    # before the start

    def prepare(self) -> None:
        """Make the cluster if there is none, and clear what a killed one left."""
        if not (self.data / "PG_VERSION").exists():
            self._initdb()
        self._clear()

    def _initdb(self) -> None:
        draft = self.data.with_name(self.data.name + ".new")
        self._runner.clear(draft)
        password = draft.with_suffix(".password")
        with open(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self._keys.postgres_password)
        try:
            self._runner.own(password)
            self._run_initdb(draft, password)
        finally:
            password.unlink()
        draft.rename(self.data)

    def _run_initdb(self, folder: Path, password: Path) -> None:
        arguments = ["-D", str(folder), "-U", SUPERUSER, f"--pwfile={password}", "--auth=scram-sha-256"]
        arguments += ["--encoding=UTF8", "--no-sync", "--no-instructions", *self._binaries.locale]
        command = self._runner.command("initdb", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._runner.as_user())
        if done.returncode:
            raise Refusal(f"initdb failed:\n{done.stdout}{done.stderr}")

    def _clear(self) -> None:
        process.end(lambda processes: process.working_in(self.data, processes, "postgres"))
        # PostgreSQL itself would refuse when the number in there belongs to somebody else by now. Where its processes
        # cannot be seen, that is still better than a second server on the same files.
        if process.sees_folders():
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    # the start

    def program(self) -> Program:
        """`postgres` itself, not pg_ctl: the supervisor has to be its parent."""
        settings = [f"port={self.port}", f"listen_addresses={LOOPBACK}", "unix_socket_directories="]
        settings += ["log_checkpoints=off", *([] if self._durable else _HASTY)]
        options = [part for setting in settings for part in ("-c", setting)]
        return Program(
            name=self.name,
            command=self._runner.command("postgres", "-D", str(self.data), *options),
            environment={"LC_ALL": "C", "PGDATA": str(self.data)},
            ready=self.ready,
            stop_signal=signal.SIGINT,
            shown=False,
            user=self._runner.user,
        )

    def ready(self) -> bool:
        """Whether it lets the superuser in; recovery after a crash takes a while."""
        try:
            psycopg.connect(self.superuser_url, connect_timeout=2).close()
        except psycopg.errors.InvalidPassword:
            raise Refusal(f"{self.data} was made with other passwords than those in secrets.json.") from None
        except psycopg.OperationalError:
            return False
        return True

    def finish(self) -> None:
        """Ensure the login role and the database; the same on every start, so that a killed first start heals."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                        sql.Identifier(ROLE), sql.Literal(self._keys.database_password)
                    )
                )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))

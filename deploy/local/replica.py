"""A streaming replica of the embedded PostgreSQL: copied anew at every start, answers reads, can be promoted."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.keys import Keys
from deploy.local.pgbinaries import Runner
from deploy.local.ports import LOOPBACK
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.refusal import Refusal

_PATIENCE = 30.0


class Replica(Postgres):
    """The second cluster of a stack. It follows the first until it is promoted."""

    name = "replica"

    def __init__(self, var: Path, keys: Keys, primary: Postgres, *, binaries: str = "") -> None:
        super().__init__(var, keys, binaries=binaries)
        self._primary = primary
        self.data = self.data.with_name(f"{self.data.name}-replica")
        self._runner = Runner.choose(self._binaries, self.data)

    def prepare(self) -> None:
        """Copy the primary, which has to be up; `-R` writes down whom to follow."""
        self._clear()
        self._runner.clear(self.data)
        follow = f"host={LOOPBACK} port={self._primary.port} user={SUPERUSER} application_name={self.name}"
        arguments = ["-D", str(self.data), "-d", follow, "-X", "stream", "-c", "fast", "-R", "--no-sync"]
        done = subprocess.run(
            self._runner.command("pg_basebackup", *arguments),
            env={**os.environ, "PGPASSWORD": self._keys.postgres_password},
            capture_output=True,
            text=True,
            check=False,
            **self._runner.as_user(),
        )
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise Refusal(f"pg_basebackup failed:\n{done.stdout}{done.stderr}")

    def finish(self) -> None:
        """Roles and databases come from the primary."""

    # asking and changing

    def caught_up(self) -> bool:
        """Whether it has replayed everything the primary has written by now."""
        with psycopg.connect(self._primary.superuser_url, autocommit=True) as connection:
            written = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone()
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", written).fetchone()
        return bool(row and row[0])

    def synchronous(self, *, on: bool = True) -> None:
        """From now on a commit is acknowledged only when it is here as well, as with RDS Multi-AZ."""
        with psycopg.connect(self._primary.superuser_url, autocommit=True) as connection:
            names = sql.Literal(self.name if on else "")
            connection.execute(sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(names))
            connection.execute("SELECT pg_reload_conf()")
            limit = time.monotonic() + _PATIENCE
            wanted = "sync" if on else "async"
            while (wanted,) not in connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall():
                if time.monotonic() > limit:
                    raise Refusal(f"the replica does not become {wanted}")
                time.sleep(0.05)

    def promote(self) -> None:
        """It follows nobody any more and takes writes; returns when it does. It waits for no standby: there is none."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("SELECT pg_promote(true, 30)")

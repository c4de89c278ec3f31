"""A cluster that is being recovered: started by us on a socket that nobody else reaches, watched, and stopped cleanly."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from deploy.local.pgbinaries import Runner
from deploy.local.refusal import Refusal

_ENDED_EARLY = "recovery ended before configured recovery target was reached"
_SETTINGS = ("restore_command", "recovery_target_time", "recovery_target_action", "recovery_target_timeline")


class EndedEarly(Refusal):
    """The log in the bucket ends before the wanted time."""


def configure(data: Path, log: Path, to: datetime | None) -> None:
    """Tell the cluster where its log is and where to stop."""
    told = {"restore_command": f'cp "{log}/%f" "%p"', "recovery_target_timeline": "latest", "recovery_target_action": "promote"}
    if to is not None:
        told["recovery_target_time"] = to.isoformat()
    lines = "".join(f"{name} = '{value}'\n" for name, value in told.items())
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(lines)
    (data / "postgresql.conf").touch(mode=0o600)
    (data / "recovery.signal").touch(mode=0o600)
    for name in ("standby.signal", "postmaster.pid"):
        (data / name).unlink(missing_ok=True)


def forget(data: Path) -> None:
    """The settings of the recovery go: the next start is an ordinary one."""
    path = data / "postgresql.auto.conf"
    kept = [line for line in path.read_text().splitlines(keepends=True) if not line.startswith(_SETTINGS)]
    path.write_text("".join(kept))


@contextmanager
def running(runner: Runner, data: Path, superuser: str, seconds: float) -> Iterator[psycopg.Connection[Any]]:
    """The cluster up and recovered, and a superuser's connection to its database; stopped afterwards."""
    with tempfile.TemporaryDirectory(prefix="jd-", dir="/tmp") as name:
        place = Path(name)
        runner.own(place)
        rules = place / "hba"
        rules.write_text("local all all trust\n")
        runner.own(rules)
        options = {"listen_addresses": "", "unix_socket_directories": name, "hba_file": str(rules), "archive_mode": "off"}
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        log = data.with_name(data.name + ".log")
        with log.open("wb") as output:
            server = subprocess.Popen(
                runner.command("postgres", "-D", str(data), *flags, "-c", "hot_standby=on", "-c", "logging_collector=off"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "LC_ALL": "C"},
                **runner.as_user(),
            )
        try:
            _wait(server, name, superuser, log, time.monotonic() + seconds)
            with psycopg.connect(host=name, user=superuser, dbname="postgres", autocommit=True) as connection:
                yield connection
        finally:
            if server.poll() is None:
                server.send_signal(2)  # fast, and clean
                server.wait(120)


def inside(connection: psycopg.Connection[Any], database: str) -> psycopg.Connection[Any]:
    """The same server, another database."""
    return psycopg.connect(host=connection.info.host, user=connection.info.user, dbname=database, autocommit=True)


def _wait(server: subprocess.Popen[bytes], place: str, superuser: str, log: Path, until: float) -> None:
    while True:
        if server.poll() is not None:
            raise _refused(log.read_text(errors="replace"))
        try:
            with psycopg.connect(host=place, user=superuser, dbname="postgres", connect_timeout=2) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            if row and not row[0]:
                return
        except psycopg.OperationalError as error:
            if "does not exist" in str(error):
                raise Refusal(f"복구된 클러스터에 '{superuser}' 라는 관리자가 없습니다. SUPERUSER=이름 을 주세요.") from None
        if time.monotonic() > until:
            raise Refusal(f"복구가 정해진 시간 안에 끝나지 않았습니다. 기록: {log}")
        time.sleep(0.1)


def _refused(words: str) -> Refusal:
    if _ENDED_EARLY in words:
        return EndedEarly("백업된 WAL 이 그 시각까지 이어지지 않습니다.")
    last = [line for line in words.splitlines() if re.search("FATAL|PANIC|ERROR", line)][-3:]
    return Refusal("복구하던 PostgreSQL 이 멈췄습니다:\n" + "\n".join(last))


def last_commit(log: Path) -> str:
    """What the server itself wrote about where it stopped."""
    found = re.findall(r"last completed transaction was at log time (\S+ \S+)", log.read_text(errors="replace"))
    return str(found[-1]) if found else ""

"""Nothing survives a killed supervisor, and the next one starts on what is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local import process
from deploy.local.guardian import ROOT
from deploy.local.stack import Stack
from tests import stack as parts
from tests.deploy.local.waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

DUMMY = Path(__file__).with_name("crash_dummy.py")
# supervisor and guardian, valkey, storage, postgres and its five helpers, hider and hidden, stubborn, dramatiq's family
EXPECTED = {"postgres", "valkey-server", "rclone", Path(os.path.realpath(sys.executable)).name}


@pytest.fixture
def var() -> Iterator[Path]:
    with parts.folder() as folder:
        yield folder


def _start(var: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(DUMMY), str(var)]
    supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert supervisor.stdout and supervisor.stdout.readline() == "up\n"
    until(lambda: len(_python_families(supervisor.pid)) >= 7)
    return supervisor


def _everybody(supervisor: int) -> set[process.Process]:
    return process.family([supervisor], process.table())


def _program(member: process.Process) -> str:
    try:
        return Path(os.readlink(f"/proc/{member.pid}/exe")).name
    except FileNotFoundError:  # it has ended since it was listed
        return ""


def _python_families(supervisor: int) -> list[process.Process]:
    return [member for member in _everybody(supervisor) if _program(member).startswith("python")]


def _kill(supervisor: subprocess.Popen[str]) -> None:
    supervisor.kill()
    supervisor.wait()
    assert supervisor.stdout
    supervisor.stdout.close()


def _guardian(members: set[process.Process]) -> process.Process:
    return next(m for m in members if b"deploy.local.guardian" in Path(f"/proc/{m.pid}/cmdline").read_bytes())


def _all_gone(members: set[process.Process]) -> bool:
    return not process.living(members, process.table())


def _remember(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def _remembers(stack: Stack) -> bool:
    with psycopg.connect(stack.environment()["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    return row == (42,)


def _url_of(var: Path, members: set[process.Process]) -> str:
    password = json.loads((var / "secrets.json").read_text())["database_password"]
    lines = (var / "pg18" / "postmaster.pid").read_text().splitlines()
    assert int(lines[0]) in {member.pid for member in members}
    return f"postgresql://jeondan:{password}@127.0.0.1:{lines[3]}/jeondan"


def test_a_killed_supervisor_takes_every_descendant_with_it(var: Path) -> None:
    supervisor = _start(var)
    members = _everybody(supervisor.pid)
    assert {_program(member) for member in members} == EXPECTED
    with psycopg.connect(_url_of(var, members)) as busy:
        members |= _everybody(supervisor.pid)
        _kill(supervisor)
        until(lambda: _all_gone(members))
        assert busy.pgconn
    with Stack(var, environment={}, durable=False):
        pass


def test_the_next_start_heals_when_the_guardian_was_killed_too(var: Path) -> None:
    supervisor = _start(var)
    members = _everybody(supervisor.pid)
    _remember(_url_of(var, members))
    os.kill(supervisor.pid, signal.SIGSTOP)  # or it would start the guardian again
    os.kill(_guardian(members).pid, signal.SIGKILL)
    _kill(supervisor)
    assert not _all_gone(members)
    with Stack(var, environment={}) as stack:
        assert _all_gone(members)
        assert _remembers(stack)


def test_a_killed_guardian_is_started_again_and_still_knows_the_children(var: Path) -> None:
    supervisor = _start(var)
    members = _everybody(supervisor.pid)
    first = _guardian(members)
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: len(_everybody(supervisor.pid)) == len(members) and first not in _everybody(supervisor.pid))
    members |= _everybody(supervisor.pid)
    time.sleep(1)  # the new guardian is being told its children; who dies in that moment is found by the next start
    _kill(supervisor)
    until(lambda: _all_gone(members))


def test_sigterm_stops_everything_too(var: Path) -> None:
    supervisor = _start(var)
    members = _everybody(supervisor.pid)
    supervisor.terminate()  # this dummy does not handle it, so it dies at once
    supervisor.wait()
    until(lambda: _all_gone(members))
    assert supervisor.stdout
    supervisor.stdout.close()

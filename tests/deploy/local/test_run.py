"""`make run` as a whole: everything up, its addresses answer, a killed worker returns, the end leaves nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local import children, process
from deploy.local.guardian import ROOT
from tests import stack as parts
from tests.deploy.local.waiting import until


@dataclass
class Run:
    var: Path
    supervisor: subprocess.Popen[bytes]
    screen: Path

    @property
    def shown(self) -> str:
        return self.screen.read_text()

    def address(self, name: str) -> str:
        found = re.search(rf"^  {name}: (\S+)$", self.shown, re.MULTILINE)
        assert found, self.shown
        return found[1]


def command(var: Path) -> tuple[list[str], dict[str, str]]:
    return [sys.executable, "-m", "deploy.local.run"], {**os.environ, "VAR": str(var)}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with parts.folder() as var:
        arguments, environment = command(var)
        screen = var / "screen.txt"
        with screen.open("w") as output:
            started = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=output, stderr=output)
        running = Run(var, started, screen)
        try:
            until(lambda: "멈추려면 Ctrl-C" in running.shown or started.poll() is not None)
            assert started.poll() is None, running.shown
            yield running
        finally:
            started.send_signal(signal.SIGINT)
            started.wait()


def fetch(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url) as answer:
        return answer.status, answer.read()


def test_health_is_good_from_the_first_moment(run: Run) -> None:
    status, body = fetch(run.address("상태"))
    assert status == 200
    assert json.loads(body)["checks"]["database"] == "healthy"


def test_all_that_it_leans_on_is_healthy(run: Run) -> None:
    told = ""

    def healthy() -> bool:
        nonlocal told
        told = fetch(run.address("상태"))[1].decode()
        return bool(json.loads(told)["status"] == "healthy")

    try:
        until(healthy)
    except AssertionError:
        pytest.fail(f"{told}\n{(run.var / 'logs/server.log').read_text()[-2000:]}")


@pytest.mark.parametrize("name", ["API 문서", "가상 휴대폰", "장애 연습"])
def test_every_page_that_is_named_opens(run: Run, name: str) -> None:
    assert fetch(run.address(name))[0] == 200


def test_the_demo_login_is_shown_as_it_was_seeded(run: Run) -> None:
    seeded = json.loads((run.var / "demo-login.json").read_text())
    assert seeded
    for name, value in seeded.items():
        assert f"로그인 {name}: {value}" in run.shown


def test_a_second_run_is_refused_in_one_sentence(run: Run) -> None:
    arguments, environment = command(run.var)
    second = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert second.returncode == 2 and second.stdout == ""
    assert second.stderr.splitlines() == [
        f"jeondan: {run.var.resolve()} is in use by process {run.supervisor.pid}. Stop it, or give another VAR=dir."
    ]


def test_a_killed_worker_comes_back(run: Run) -> None:
    name = children.worker_names()[1]
    before = _head(run, name)
    assert before
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: f"{name} ended (signal 9)" in run.shown)
    until(lambda: _head(run, name) not in (None, before))


def _head(run: Run, name: str) -> process.Process | None:
    lanes = dict(zip(children.worker_names(), children.WORKERS, strict=True))[name].split()
    same = [other for other in children.worker_names() if other.split("-")[1] == name.split("-")[1]]
    wanted = "\0".join(["workers.main", *lanes]).encode() + b"\0"
    found = [
        member
        for member in process.family([run.supervisor.pid], process.table())
        if member.parent == run.supervisor.pid and Path(f"/proc/{member.pid}/cmdline").read_bytes().endswith(wanted)
    ]
    found.sort(key=lambda member: member.pid)
    return found[same.index(name)] if len(found) == len(same) else None


def _begin(var: Path) -> tuple[subprocess.Popen[str], set[process.Process]]:
    arguments, environment = command(var)
    started = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert started.stdout
    assert any("Ctrl-C" in line for line in started.stdout)
    members = process.family([started.pid], process.table())
    assert len(members) > 15
    return started, members


def test_killed_it_leaves_nothing_and_the_next_run_goes_on_and_stops_in_order() -> None:
    with parts.folder() as var:
        killed, members = _begin(var)
        with killed:
            killed.kill()
            until(lambda: not process.living(members, process.table()))
        stopped, members = _begin(var)
        with stopped:
            stopped.send_signal(signal.SIGINT)
            assert stopped.stdout and stopped.stdout.read().endswith("모두 멈췄습니다.\n")
        assert stopped.returncode == 0
        assert not process.living(members, process.table())
        assert not process.marked(str(var.resolve()), process.table())

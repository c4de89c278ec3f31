"""The supervisor starts, shows, restarts and stops; its children here are small Python programs."""

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import process
from deploy.local.child import Child, Program
from deploy.local.console import Console
from deploy.local.ports import Port, answers
from deploy.local.refusal import Refusal
from deploy.local.supervisor import Supervisor
from tests.deploy.local.waiting import until

SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
FORK = "import os, sys, time; os.fork() or os.setsid(); print('forked', flush=True); time.sleep(600)"
SERVE = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"


def program(name: str, code: str, *arguments: str, **treatment: object) -> Program:
    command = (sys.executable, "-S", "-c", code, *arguments)
    return Program(name, command, **treatment)  # type: ignore[arg-type]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs", str(tmp_path)) as running:
        yield running


def family(supervisor: Supervisor, name: str) -> set[process.Process]:
    return process.family([supervisor.pid(name)], process.table())


def gone(members: set[process.Process]) -> bool:
    return not process.living(members, process.table())


def test_every_line_carries_the_name_of_its_child(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import time; print('안녕\\nsecond', flush=True); time.sleep(600)"
    with Supervisor(tmp_path, str(tmp_path), console=Console()) as supervisor:
        supervisor.start([program("talker", code)])
        until(lambda: "second" in supervisor.log("talker").read_text())
    shown = capsys.readouterr().out
    assert "talker        | 안녕\ntalker        | second\n" in shown
    assert "\033" not in shown


def test_a_program_is_ready_when_its_port_answers(supervisor: Supervisor) -> None:
    port = Port()
    supervisor.start([program("web", SERVE, str(port), ready=lambda: answers(port.number))])
    assert answers(port.number)
    port.release()


def test_a_program_that_ends_before_it_is_ready_is_refused_with_its_last_words(supervisor: Supervisor) -> None:
    broken = program("broken", "raise SystemExit('DATABASE_URL is missing')", ready=lambda: False)
    with pytest.raises(Refusal, match=r"(?s)broken did not start.*DATABASE_URL is missing"):
        supervisor.start([broken])


def test_a_program_that_answers_and_then_ends_has_not_started_either(supervisor: Supervisor, tmp_path: Path) -> None:
    brief = program("brief", "import time; time.sleep(0.3); raise SystemExit('no such lane')", ready=lambda: True)
    slow = program("slow", SLEEP, ready=lambda: not family(supervisor, "brief"))
    with pytest.raises(Refusal, match=r"(?s)brief did not start.*no such lane"):
        supervisor.start([brief, slow])


def test_a_killed_child_comes_back_as_another_process(supervisor: Supervisor) -> None:
    supervisor.start([program("worker", FORK)])
    until(lambda: len(family(supervisor, "worker")) == 2)
    first = family(supervisor, "worker")
    supervisor.kill("worker")
    until(lambda: supervisor.restarts("worker") == 1 and len(family(supervisor, "worker")) == 2)
    assert gone(first)


def test_a_changed_program_runs_from_the_next_start_on(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([program("worker", SLEEP)])
    note = tmp_path / "note"
    supervisor.change(program("worker", f"open({str(note)!r}, 'w').close(); {SLEEP}"))
    assert not note.exists()
    supervisor.kill("worker")
    until(note.exists)


def test_a_child_whose_head_alone_was_killed_leaves_no_orphans(supervisor: Supervisor) -> None:
    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)']);"
    supervisor.start([program("worker", code + " time.sleep(600)")])
    until(lambda: len(family(supervisor, "worker")) == 2)
    first = family(supervisor, "worker")
    process.send([next(member for member in first if member.pid == supervisor.pid("worker"))], signal.SIGKILL)
    until(lambda: supervisor.restarts("worker") == 1)
    assert gone(first)


def test_the_pause_before_a_restart_doubles_up_to_a_limit(tmp_path: Path) -> None:
    child = Child(program("crasher", "pass"), tmp_path, Console(quiet=True), "none")
    pauses = [child.plan_restart(0.5, 4, steady=1e9) for _ in range(5)]
    assert pauses == [0.5, 1, 2, 4, 4]
    assert child.plan_restart(0.5, 4, steady=-1) == 0.5


def test_a_crash_is_said_on_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Supervisor(tmp_path, str(tmp_path), console=Console()) as supervisor:
        supervisor.start([program("worker", SLEEP)])
        supervisor.kill("worker")
        until(lambda: supervisor.restarts("worker") == 1)
    assert re.search(r"supervisor +\| worker ended \(signal 9\), starting again in 0.5 s", capsys.readouterr().out)


def test_higher_ranks_are_stopped_first(tmp_path: Path) -> None:
    note = "import signal, sys, time; signal.signal(15, lambda *_: (open(sys.argv[1], 'a').write(sys.argv[2]), sys.exit()));"
    code = note + " print('set', flush=True); time.sleep(600)"
    diary = tmp_path / "diary"
    with Supervisor(tmp_path / "logs", str(tmp_path)) as supervisor:
        for name, rank in (("a", 0), ("b", 1), ("c", 2)):
            supervisor.start([program(name, code, str(diary), name, rank=rank)])
            until(lambda name=name: "set" in supervisor.log(name).read_text())  # type: ignore[misc]
    assert diary.read_text() == "cba"


def test_a_deaf_child_and_a_hidden_grandchild_are_ended_all_the_same(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", str(tmp_path)) as supervisor:
        supervisor.start([program("deaf", DEAF, stop_seconds=0.1), program("fork", FORK)])
        until(lambda: "deaf" in supervisor.log("deaf").read_text() and len(family(supervisor, "fork")) == 2)
        members = family(supervisor, "deaf") | family(supervisor, "fork")
    assert gone(members)


def test_a_restart_that_is_waited_for_does_not_happen_after_the_stop(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", str(tmp_path)) as supervisor:
        supervisor.start([program("worker", SLEEP)])
        supervisor.kill("worker")
        until(lambda: not family(supervisor, "worker"))
    assert supervisor.restarts("worker") == 0
    with pytest.raises(Refusal, match="being stopped"):
        supervisor.launch(program("late", SLEEP))


def test_peak_memory_counts_the_whole_family(supervisor: Supervisor) -> None:
    eater = "import os, time; os.fork(); waste = bytearray(b'x') * 60_000_000; time.sleep(600)"
    supervisor.start([program("eater", eater)])
    until(lambda: supervisor.peak_rss().get("eater", 0) > 120)
    assert supervisor.peak_rss()["eater"] < 400
    assert 60 < supervisor.peak_process_rss()["eater"] < supervisor.peak_rss()["eater"]

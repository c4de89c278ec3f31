"""The table of processes, and families in it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import process
from tests.deploy.local.waiting import until

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


def entry(pid: int, parent: int, group: int) -> process.Process:
    return process.Process(pid, "0", parent, group, 0)


def test_a_family_is_descendants_and_the_group_even_when_the_head_is_dead() -> None:
    rows = [entry(10, 1, 10), entry(11, 10, 10), entry(12, 11, 12), entry(20, 1, 30), entry(21, 20, 21), entry(40, 1, 40)]
    processes = {row.pid: row for row in rows}
    assert {member.pid for member in process.family([10], processes)} == {10, 11, 12}
    assert {member.pid for member in process.family([30], processes)} == {20, 21}
    assert process.family([99], processes) == set()


def test_we_see_ourselves_with_our_memory() -> None:
    me = process.table()[os.getpid()]
    assert me.parent == os.getppid()
    assert me.memory > 5_000_000


def test_ps_tells_the_same_where_there_is_no_proc() -> None:
    me, same = process.table()[os.getpid()], process._from_ps()[os.getpid()]
    assert (me.parent, me.group) == (same.parent, same.group)


def test_a_later_process_with_the_same_number_is_left_alone() -> None:
    with subprocess.Popen(SLEEP) as child:
        now = process.table()[child.pid]
        process.send([process.Process(child.pid, "another time", now.parent, now.group, 0)], signal.SIGKILL)
        assert child.poll() is None
        process.send([now], signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


def test_the_mark_finds_a_child_that_hides_from_its_family() -> None:
    code = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(600)"
    mark = f"test-{os.getpid()}"
    subprocess.run([sys.executable, "-S", "-c", code], env=process.inherited({}, mark), check=True)
    until(lambda: len(process.marked(mark, process.table())) == 1)
    assert process.marked(mark + "0", process.table()) == set()
    assert process.end(lambda processes: process.marked(mark, processes)) == set()
    assert process.marked(mark, process.table()) == set()


def test_a_shell_that_merely_stands_in_a_data_folder_is_not_its_server(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP, cwd=tmp_path) as child:
        program = Path(os.readlink(f"/proc/{child.pid}/exe")).name
        assert process.working_in(tmp_path, process.table(), "postgres") == set()
        assert {found.pid for found in process.working_in(tmp_path, process.table(), program)} == {child.pid}
        child.kill()


@pytest.mark.parametrize("seconds", [0.0])
def test_ending_gives_up_in_the_end_and_says_who_is_left(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(SLEEP) as child:
        target = process.table()[child.pid]
        monkeypatch.setattr(process, "send", lambda members, signum: None)  # as if it were not ours to kill
        assert process.end(lambda processes: {target}, seconds) == {target}
        child.kill()

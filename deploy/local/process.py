"""Who runs: the table of processes, whole families of them, and ending a family for certain."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARK = "JEONDAN_STACK"
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


@dataclass(frozen=True)
class Process:
    """One line of the process table. Equal means the same process, not a later one with its number."""

    pid: int
    started: str
    parent: int = field(compare=False)
    group: int = field(compare=False)
    memory: int = field(compare=False)  # resident bytes


Table = dict[int, Process]


def inherited(values: Mapping[str, str], mark: str, hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    """Our own environment without what is hidden, these values, and the mark by which a lost child is found."""
    ours = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**ours, **values, MARK: mark}


def _from_proc(pid: int) -> Process | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return Process(pid, fields[19], int(fields[1]), int(fields[2]), int(fields[21]) * _PAGE)


def _from_ps() -> Table:
    command = ["ps", "-axo", "pid=,ppid=,pgid=,rss=,stat=,lstart="]
    found: Table = {}
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():
        pid, parent, group, kilobytes, state, started = line.split(None, 5)
        if not state.startswith("Z"):
            found[int(pid)] = Process(int(pid), started, int(parent), int(group), int(kilobytes) * 1024)
    return found


def table() -> Table:
    """Every living process we can see; zombies are not alive."""
    if not (_PROC / "self" / "stat").exists():
        return _from_ps()
    seen = (_from_proc(int(name)) for name in os.listdir(_PROC) if name.isdigit())
    return {process.pid: process for process in seen if process}


def family(roots: Iterable[int], processes: Table) -> set[Process]:
    """The roots, all their descendants, and whoever still belongs to a group that one of the roots leads."""
    heads = set(roots)
    members = {pid for pid, process in processes.items() if pid in heads or process.group in heads}
    grew = True
    while grew:
        children = {pid for pid, process in processes.items() if process.parent in members} - members
        members |= children
        grew = bool(children)
    return {processes[pid] for pid in members}


def marked(mark: str, processes: Table) -> set[Process]:
    """Processes started with this mark in their environment, wherever they hang in the tree (Linux only)."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for pid, process in processes.items():
        try:
            environment = (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0"):
            found.add(process)
    return found


def sees_folders() -> bool:
    """Whether `working_in` can know (Linux)."""
    return (_PROC / "self" / "cwd").exists()


def working_in(folder: Path, processes: Table, program: str) -> set[Process]:
    """Processes of this program whose working directory is `folder`; PostgreSQL and Valkey overwrite their environment."""
    found = set()
    for pid, process in processes.items():
        try:
            here = os.readlink(_PROC / str(pid) / "cwd") == str(folder)
            name = Path(os.readlink(_PROC / str(pid) / "exe").removesuffix(" (deleted)")).name
        except OSError:
            continue
        if here and name == program:
            found.add(process)
    return found


def living(members: Iterable[Process], processes: Table) -> set[Process]:
    """Those of them that are still the same process; never ourselves."""
    return {member for member in members if processes.get(member.pid) == member and member.pid != os.getpid()}


def send(members: Iterable[Process], signum: int) -> None:
    """Signal each of them unless it is gone or its number belongs to somebody else by now."""
    for member in living(members, table()):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(member.pid, signum)


def end(find: Callable[[Table], set[Process]], seconds: float = 10) -> set[Process]:
    """Kill whoever `find` names until nobody is left, also those it has lost sight of meanwhile."""
    limit = time.monotonic() + seconds
    left: set[Process] = set()
    while left := living(left, present := table()) | living(find(present), present):
        if time.monotonic() > limit:
            break
        send(left, signal.SIGKILL)
        time.sleep(0.02)
    return left

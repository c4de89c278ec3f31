"""The guardian: a tiny process that ends every child when its supervisor dies without saying goodbye.

It reads lines from a pipe whose other end only the supervisor holds: `watch PID SIGNAL`, `forget PID`, `done`.
The end of the pipe without `done` means the supervisor is dead: polite signals, a short wait, then SIGKILL.
It also holds the lock of the data directory, so that the next run waits until everything is gone.
"""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.local import process

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 3.0


class Guardian:
    """The supervisor's side of the pipe."""

    def __init__(self, mark: str, log: Path, lock: int | None = None) -> None:
        self._mark, self._log, self._lock = mark, log, lock
        self._watched: dict[int, int] = {}
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-S", "-E", "-m", "deploy.local.guardian", self._mark],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=[self._lock] if self._lock is not None else [],
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def _say(self, line: str) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()

    def watch(self, pid: int, signum: int) -> None:
        """From now on this child dies with the supervisor; `signum` is its polite stop signal."""
        self._watched[pid] = signum
        self._say(f"watch {pid} {signum}")

    def forget(self, pid: int) -> None:
        """This child has ended and been collected."""
        self._watched.pop(pid, None)
        self._say(f"forget {pid}")

    def revive(self) -> None:
        """Start it again when somebody killed it."""
        if self._process.poll() is None:
            return
        self._hang_up()
        self._process = self._start()
        for pid, signum in self._watched.items():
            self._say(f"watch {pid} {signum}")

    def _hang_up(self) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def close(self) -> None:
        """Everything is stopped; the guardian may go."""
        self._say("done")
        self._hang_up()
        self._process.wait()


def _listen() -> dict[int, int] | None:
    watched: dict[int, int] = {}
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "done":
            return None
        if word == "watch":
            watched[int(numbers[0])] = int(numbers[1])
        if word == "forget":
            watched.pop(int(numbers[0]), None)
    return watched


def clean_up(watched: dict[int, int], mark: str) -> None:
    """End everything the dead supervisor left behind: politely first, for certain in the end."""

    def ours(processes: process.Table) -> set[process.Process]:
        return process.family(watched, processes) | process.marked(mark, processes)

    left = ours(process.table())
    for member in left:
        if member.pid in watched:
            process.send([member], watched[member.pid])
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and (left := process.living(left, present := process.table()) | ours(present)):
        time.sleep(0.05)
    process.end(lambda processes: left | ours(processes))


def main() -> None:
    """Wait for the end of the supervisor."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    watched = _listen()
    if watched is not None:
        sys.stderr.write("guardian: the supervisor is gone, ending its children\n")
        clean_up(watched, sys.argv[1])


if __name__ == "__main__":
    main()

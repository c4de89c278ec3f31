"""One program and its running process: output to a log and the screen, readiness, restart times, a certain end."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from deploy.local import process
from deploy.local.console import Console

_LOG_LIMIT = 20_000_000
_LAST_WORDS = 12


@dataclass(frozen=True)
class Program:
    """What to run and how to treat it. Children of a higher rank are stopped before those of a lower one."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    hidden: frozenset[str] = frozenset()  # variables of ours that it must not see
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 60
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10
    rank: int = 0
    shown: bool = True  # on the screen; the log has it in any case
    folder: Path | None = None
    user: int | None = None


class Child:
    """The process of a program, and after a crash the next one."""

    def __init__(self, program: Program, logs: Path, console: Console, mark: str) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.restarts = -1
        self.restart_at: float | None = None
        self.was_ready = False
        self.failed = False
        self._console, self._mark = console, mark
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._log_begin = 0
        self._crashes = 0
        self._collected = False

    # starting

    def spawn(self) -> None:
        """Start it in a session of its own, so that a Ctrl-C of the terminal reaches only the supervisor."""
        shown = self.program.shown and not self._console.quiet
        with self._open_log() as log:
            self._log_begin = log.tell()
            self._process = subprocess.Popen(
                self.program.command,
                env=process.inherited(self.program.environment, self._mark, self.program.hidden),
                cwd=self.program.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if shown else log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.program.user,
                group=self.program.user,
                extra_groups=None if self.program.user is None else [],
            )
        self._started, self.restart_at = time.monotonic(), None
        self.restarts += 1
        self._collected = False
        if self._process.stdout:
            threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True).start()

    def _open_log(self) -> IO[bytes]:
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".1.log"))
        return self.log.open("ab")

    def _copy(self, output: IO[bytes]) -> None:
        with output, self.log.open("ab", buffering=0) as log:
            for line in output:
                log.write(line)
                self._console.say(self.program.name, line.decode(errors="replace").rstrip())

    # asking

    @property
    def pid(self) -> int:
        """The number of the current or last process."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self._process.returncode if self._process else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def ready(self) -> bool:
        """Whether it runs and answers; from then on a crash means a restart, before it means a failed start."""
        if not self.running or not (self.program.ready is None or self.program.ready()):
            return False
        self.was_ready = True
        return True

    def last_words(self) -> str:
        """The last lines of its log since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_begin)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_LAST_WORDS:])

    # ending

    def plan_restart(self, first: float, longest: float, steady: float) -> float:
        """Set the time of the next start: twice as late with every crash in a row."""
        self._crashes = 1 if time.monotonic() - self._started > steady else self._crashes + 1
        pause = min(longest, first * 2.0 ** (self._crashes - 1))
        self.restart_at = time.monotonic() + pause
        return pause

    def family(self, processes: process.Table) -> set[process.Process]:
        """It and everything below it."""
        return process.family([self.pid], processes) if self._process and not self._collected else set()

    def kill(self) -> None:
        """SIGKILL for the whole family."""
        process.send(self.family(process.table()), signal.SIGKILL)

    def sweep(self) -> None:
        """After its end: end what it left behind. From then on its number may belong to somebody else."""
        process.end(self.family)
        self._collected = True

    def ask_to_stop(self) -> None:
        """The polite signal, to the program itself only: it knows how to stop its own children."""
        if self._process and self.running:
            self._process.send_signal(self.program.stop_signal)

    def see_off(self) -> None:
        """Wait for its end, and make it when it does not come."""
        if not self._process or self._collected:
            return
        before = self.family(process.table())
        try:
            self._process.wait(max(0.0, self.program.stop_seconds))
        except subprocess.TimeoutExpired:
            self._console.say("supervisor", f"{self.program.name} does not stop, killing it")
        process.end(lambda processes: before | self.family(processes))
        self._process.wait()
        self._collected = True

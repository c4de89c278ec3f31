"""The supervisor: starts programs in order, restarts what crashes, stops everything, leaves nothing behind."""

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.local import process
from deploy.local.child import Child, Program
from deploy.local.console import Console
from deploy.local.guardian import Guardian
from deploy.local.refusal import Refusal

FIRST_PAUSE, LONGEST_PAUSE, STEADY = 0.5, 15.0, 30.0
PULSE = 0.1
SAMPLE = 0.5


class Supervisor:
    """Runs children until it is left; use it in a `with`."""

    def __init__(self, logs: Path, mark: str, *, console: Console | None = None, lock: int | None = None) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.logs, self._mark = logs, mark
        self._console = console or Console(quiet=True)
        self._guardian = Guardian(mark, logs / "guardian.log", lock)
        self._children: dict[str, Child] = {}
        self._held: set[str] = set()
        self._peaks: dict[str, int] = {}
        self._largest: dict[str, int] = {}
        self._sampled = 0.0
        self._change = threading.RLock()
        self._leaving = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> "Supervisor":
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # starting

    def launch(self, program: Program) -> Child:
        """Start one program without waiting for it."""
        with self._change:
            if self._leaving.is_set():
                raise Refusal(f"{program.name} is not started: everything is being stopped.")
            child = Child(program, self.logs, self._console, self._mark)
            self._children[program.name] = child
            self._spawn(child)
        return child

    def wait(self, names: Iterable[str]) -> None:
        """Until each of them is ready; a refusal with the end of its log when one ends or takes too long."""
        children = [self._children[name] for name in names]
        for child in children:
            limit = time.monotonic() + child.program.ready_seconds
            while not child.ready():
                if child.failed or time.monotonic() > limit:
                    raise self._not_started(child)
                time.sleep(0.02)
            self._console.ready(child.program.name)
        # One that answered early may have ended while we waited for the others.
        for child in children:
            if child.restarts or not child.running:
                raise self._not_started(child)

    @staticmethod
    def _not_started(child: Child) -> Refusal:
        return Refusal(f"{child.program.name} did not start. The end of {child.log}:\n{child.last_words()}")

    def start(self, programs: Sequence[Program]) -> None:
        """Start these together and wait until all are ready."""
        for program in programs:
            self.launch(program)
        self.wait([program.name for program in programs])

    def _spawn(self, child: Child) -> None:
        child.spawn()
        self._guardian.watch(child.pid, child.program.stop_signal)

    # watching

    def _watch(self) -> None:
        while not self._leaving.wait(PULSE):
            with self._change:
                if self._leaving.is_set():
                    return
                self._guardian.revive()
                for child in list(self._children.values()):
                    self._attend(child)
            self._sample()

    def _attend(self, child: Child) -> None:
        if child.running:
            return
        if child.restart_at is None:
            self._bury(child)
        elif child.program.name in self._held:
            return
        elif time.monotonic() >= child.restart_at:
            try:
                self._spawn(child)
            except OSError as error:
                child.plan_restart(FIRST_PAUSE, LONGEST_PAUSE, STEADY)
                self._console.say("supervisor", f"{child.program.name} cannot be started: {error.strerror}")

    def _bury(self, child: Child) -> None:
        child.sweep()
        self._guardian.forget(child.pid)
        if not child.was_ready:
            child.failed = True
            return
        pause = child.plan_restart(FIRST_PAUSE, LONGEST_PAUSE, STEADY)
        self._console.say("supervisor", f"{child.program.name} ended ({child.ending}), starting again in {pause:g} s")

    def _sample(self) -> None:
        if time.monotonic() - self._sampled < SAMPLE:
            return
        processes = process.table()
        for name, child in list(self._children.items()):
            if child.running:
                used = [member.memory for member in process.family([child.pid], processes)]
                self._peaks[name] = max(self._peaks.get(name, 0), sum(used))
                self._largest[name] = max(self._largest.get(name, 0), *used, 0)
        self._sampled = time.monotonic()

    # asking and meddling

    def names(self) -> list[str]:
        """The children, in the order they were started."""
        return list(self._children)

    def pid(self, name: str) -> int:
        """The process number of a child."""
        return self._children[name].pid

    def log(self, name: str) -> Path:
        """Where the output of a child or of a step is kept."""
        return self.logs / f"{name}.log"

    def restarts(self, name: str) -> int:
        """How often it was started again."""
        return self._children[name].restarts

    def peak_rss(self) -> dict[str, float]:
        """The most resident memory each child and its own children held together, in MB; shared pages count in each."""
        return {name: round(peak / 1e6, 1) for name, peak in self._peaks.items()}

    def peak_process_rss(self) -> dict[str, float]:
        """The most resident memory a single process of each child held, in MB."""
        return {name: round(peak / 1e6, 1) for name, peak in self._largest.items()}

    def change(self, program: Program) -> None:
        """From its next start on the child of this name runs this program."""
        self._children[program.name].program = program

    def kill(self, name: str) -> None:
        """SIGKILL a child and its whole family at once, as the out-of-memory killer would; the watcher restarts it."""
        self._children[name].kill()

    def keep_down(self, name: str, seconds: float) -> None:
        """SIGKILL a child, and start it again only after so many seconds: an outage."""
        with self._change:
            child = self._children[name]
            child.kill()
            child.sweep()
            self._guardian.forget(child.pid)
            child.restart_at = time.monotonic() + seconds

    def family(self, name: str) -> set[process.Process]:
        """The processes of a child: itself and everything below it."""
        return self._children[name].family(process.table())

    def hold(self, name: str) -> None:
        """SIGKILL it, and leave it dead until `release`."""
        with self._change:
            self._held.add(name)
            self._children[name].kill()

    def release(self, name: str) -> None:
        """The watcher starts it again."""
        with self._change:
            self._held.discard(name)

    # stopping

    def stop(self) -> None:
        """Stop all children, last started first, each rank together; bounded, and certain in the end."""
        with self._change:
            self._leaving.set()
        if self._watcher.is_alive() and threading.current_thread() is not self._watcher:
            self._watcher.join()
        ranks = sorted({child.program.rank for child in self._children.values()}, reverse=True)
        for rank in ranks:
            self._stop_together([child for child in self._children.values() if child.program.rank == rank])
        process.end(lambda processes: process.marked(self._mark, processes))
        self._guardian.close()

    def _stop_together(self, children: list[Child]) -> None:
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.see_off()

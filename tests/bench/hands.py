"""Two processes that run a loop over the batches of a campaign, each with as many threads as a worker: what floors share."""

import multiprocessing as mp
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from core.settings import load

PROCESSES = 2
SIZE = 500


@dataclass(frozen=True)
class Task:
    """What every loop has to do: batch `n` is the contacts `first + n * SIZE` and following."""

    workspace: UUID
    first: int
    recipients: int

    @property
    def batches(self) -> int:
        """How many there are."""
        return -(-self.recipients // SIZE)

    def ids(self, batch: int) -> range:
        """The contacts of one batch."""
        start = self.first + batch * SIZE
        return range(start, min(start + SIZE, self.first + self.recipients))


Turn = Callable[[int], None]  # hand one batch over
Prepare = Callable[[Task], Callable[[], Turn]]  # once per process, before the clock starts; then once per thread


class Hands:
    """The processes; started once, so that every loop runs on warm ones."""

    def __init__(self, task: Task, loops: dict[str, Prepare]) -> None:
        context = mp.get_context("spawn")
        self._next = context.Value("i", 0)
        self._pipes, self._processes = [], []
        for _ in range(PROCESSES):
            ours, theirs = context.Pipe()
            child = context.Process(target=_work, args=(theirs, self._next, task, loops), daemon=True)
            child.start()
            self._pipes.append(ours)
            self._processes.append(child)
        for pipe in self._pipes:
            pipe.recv()

    @property
    def pids(self) -> list[int]:
        """Their process numbers."""
        return [child.pid for child in self._processes if child.pid]

    def ready(self, loop: str) -> None:
        """Make this loop's preparations everywhere."""
        self._next.value = 0
        self._tell(loop)

    def go(self) -> None:
        """Run it to the end."""
        self._tell("go")

    def stop(self) -> None:
        """Send them home."""
        for pipe, child in zip(self._pipes, self._processes, strict=True):
            pipe.send(None)
            child.join(10)

    def _tell(self, word: str) -> None:
        for pipe in self._pipes:
            pipe.send(word)
        for pipe in self._pipes:
            if error := pipe.recv():
                raise SystemExit(f"bench: a loop failed: {error}")


def _work(pipe: Connection, following: Any, task: Task, loops: dict[str, Prepare]) -> None:
    """One process: a name prepares a loop, "go" runs it, None ends."""
    threads = load().worker_threads
    turns: list[Turn] = []
    pipe.send("")
    while word := pipe.recv():
        try:
            if word == "go":
                _run(turns, following, task)
            else:
                make = loops[word](task)
                turns = [make() for _ in range(threads)]
            pipe.send("")
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")


def _run(turns: list[Turn], following: Any, task: Task) -> None:
    errors: list[Exception] = []

    def work(turn: Turn) -> None:
        try:
            while (batch := _take(following)) < task.batches:
                turn(batch)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(turn,)) for turn in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _take(following: Any) -> int:
    with following.get_lock():
        taken = int(following.value)
        following.value = taken + 1
    return taken

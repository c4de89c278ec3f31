"""Several server processes on one port: forked before anything of grpc exists, one core each, replaced when they die."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from core import telemetry

LOOK_SECONDS = 0.1
QUICK = 1.0  # seconds: who dies sooner is started again only after as long

_log = telemetry.log("processes")


def run(count: int, host: str, port: int, work: Callable[[int, int], None]) -> None:
    """`work(port, index)` in `count` processes until SIGTERM, which each of them gets."""
    # Bound, never listening: holds the port (0 = the kernel's choice) while the children share it.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind((host, port))
        _Family(count, lambda index: work(holder.getsockname()[1], index)).live()


class _Family:
    def __init__(self, count: int, work: Callable[[int], None]) -> None:
        self._count, self._work = count, work
        self._cores = sorted(os.sched_getaffinity(0))
        self._children: dict[int, tuple[int, float]] = {}
        self._stopping = False
        self._life, self._held = os.pipe()  # nothing is ever written: it ends when the parent does

    def live(self) -> None:
        """Until every child has ended after a SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for index in range(self._count):
            self._bear(index)
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                time.sleep(LOOK_SECONDS)  # not os.wait: a signal that comes just before it would be seen when a child dies
                continue
            index, born = self._children.pop(child, (-1, 0.0))
            if index >= 0 and not self._stopping:
                self._replace(index, born, status)

    def _bear(self, index: int) -> None:
        child = os.fork()
        if child == 0:
            sys.exit(self._be_a_child(index))
        self._children[child] = (index, time.monotonic())
        if self._stopping:  # the signal came between the fork and this line
            os.kill(child, signal.SIGTERM)

    def _be_a_child(self, index: int) -> int:
        self._children.clear()  # brothers are the parent's business
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.close(self._held)
        threading.Thread(target=_follow, args=(self._life,), daemon=True, name="parent").start()
        os.sched_setaffinity(0, {self._cores[index % len(self._cores)]})
        self._work(index)
        return 0

    def _replace(self, index: int, born: float, status: int) -> None:
        _log.error("process_died", index=index, exit=os.waitstatus_to_exitcode(status))
        time.sleep(max(0.0, QUICK - (time.monotonic() - born)))
        if not self._stopping:
            self._bear(index)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for child in self._children:
            os.kill(child, signal.SIGTERM)


def _follow(life: int) -> None:
    """Stop in the usual way when the parent is gone, however it went: orphans would go on serving the port."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)

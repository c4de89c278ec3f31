"""The server as a real process, its output in a file."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Program:
    """A running `python -m server.main`."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under this name."""
        lines = [line for line in self.said().splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_for(self, event: str, count: int = 1) -> None:
        """Until it was logged so often; fails when the process ends first, or after a minute."""
        self.wait_for_last(event, count, alive=True)

    def wait_for_last(self, event: str, count: int, *, alive: bool = False) -> None:
        """The same for what is logged when the first process is gone already."""
        for _ in range(3000):
            if len(self.events(event)) >= count:
                return
            assert not alive or self.process.poll() is None, self.said()
            time.sleep(0.02)
        raise AssertionError(self.said())

    @property
    def port(self) -> int:
        return int(self.events("serving")[0]["port"])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def running(environment: Mapping[str, str], folder: Path, **more: str) -> Iterator[Program]:
    """Serving inside the `with`; killed afterwards when it is still there."""
    with started(environment, folder, **more) as program:
        program.wait_for("serving")
        yield program


@contextmanager
def started(environment: Mapping[str, str], folder: Path, **more: str) -> Iterator[Program]:
    """Started and not waited for."""
    values = {"PATH": os.environ["PATH"], **environment, "LOG_FORMAT": "json", **more}
    log = folder / f"server-{time.monotonic_ns()}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "server.main"], env=values, stdout=output, stderr=output)
    try:
        yield Program(process, log)
    finally:
        process.kill()
        process.wait()

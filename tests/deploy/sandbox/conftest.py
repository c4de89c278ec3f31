"""A real sandbox process on a port of the kernel's choice, spoken to over HTTP."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[3]
ACCOUNT = {"key": "sandbox-key", "user_id": "sandbox", "sender": "0212345678"}


class Sandbox:
    """One sandbox over one folder of state."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder, self._flags = folder, flags
        self.start()

    def start(self) -> None:
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "deploy.local.sandbox.main", "--port", "0", "--port-file", str(port_file)]
        self.process = subprocess.Popen([*command, "--state", str(self.folder / "state"), *self._flags], cwd=ROOT)
        while not port_file.exists():
            assert self.process.poll() is None, "the sandbox did not start"
            time.sleep(0.02)
        self.url = f"http://127.0.0.1:{port_file.read_text()}"
        self.http = httpx.Client(base_url=self.url, timeout=20)

    def kill(self) -> None:
        self.http.close()
        self.process.kill()
        self.process.wait()

    def call(self, path: str, files: Any = None, **fields: Any) -> httpx.Response:
        """A provider call with the default account; a field of None is left out."""
        form = {name: str(value) for name, value in (ACCOUNT | fields).items() if value is not None}
        return self.http.post(path, data=form, files=files)

    def ask(self, path: str, files: Any = None, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.call(path, files, **fields).json()
        return answer

    def mass(self, pairs: list[tuple[str, str]], **fields: Any) -> dict[str, Any]:
        form = {f"rec_{place}": receiver for place, (receiver, _) in enumerate(pairs, 1)}
        form |= {f"msg_{place}": text for place, (_, text) in enumerate(pairs, 1)}
        return self.ask("/send_mass/", **{"cnt": len(pairs), "msg_type": "SMS"} | form | fields)

    def fault(self, kind: str, **options: Any) -> dict[str, Any]:
        answer = self.http.post("/__sandbox/faults", json={"kind": kind, **options})
        assert answer.status_code == 201, answer.text
        rule: dict[str, Any] = answer.json()
        return rule

    def get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get("/__sandbox" + path).json()
        return answer

    def move_clock(self, seconds: float) -> None:
        self.http.post("/__sandbox/clock", json={"offset_seconds": seconds}).raise_for_status()

    def clean(self) -> None:
        for path in ("/__sandbox/faults", "/__sandbox/messages"):
            self.http.delete(path).raise_for_status()
        self.move_clock(0)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"), "--ripen", "60")
    yield sandbox
    sandbox.kill()


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """A sandbox that has seen nothing yet; results ripen after 60 seconds of its own clock."""
    running.clean()
    return running


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Starts further sandboxes, each with its own flags."""
    started: list[Sandbox] = []

    def start(*flags: str) -> Sandbox:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Sandbox(folder, *flags))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.kill()

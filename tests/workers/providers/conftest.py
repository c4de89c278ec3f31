"""A sandbox for the Solapi tests; Aligo's have their own."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.workers.providers.solapi_sandbox import Sandbox, wait_for
from tests.workers.providers.solapi_shop import HOOK, KEY, SECRET, SENDER
from workers import http
from workers.providers.solapi import adapter as solapi


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    home = tmp_path_factory.mktemp("sandbox")
    port_file = home / "port"
    command = [sys.executable, "-m", "deploy.local.sandbox.main", "--port", "0", "--port-file", str(port_file)]
    command += ["--state", str(home / "state"), "--solapi-key", KEY, "--solapi-secret", SECRET, "--sender", SENDER]
    # Results ripen after an hour that the tests let pass by moving the sandbox's clock.
    process = subprocess.Popen([*command, "--webhook-secret", HOOK, "--ripen", "3600", "--failing-percent", "0"])
    try:
        yield Sandbox(f"http://127.0.0.1:{wait_for(port_file, process)}")
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    running.ask("faults", "DELETE")
    running.ask("messages", "DELETE")
    running.ask("clock", "POST", {"offset_seconds": 0})
    solapi._images.clear()
    yield running
    http.close()

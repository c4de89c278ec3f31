"""The process itself: starts, says where it is, keeps secrets, stops."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from jeondan.v1 import account_pb2, campaign_pb2

from tests.gateway.backend import UUID, Backend

# gRPC's C core writes its own lines about connections; they carry addresses only
CORE_LINE = re.compile(r"[IWE]\d{4} \d\d:\d\d:\d\d")

ROOT = Path(__file__).parents[2]
TOKEN, PHONE, PASSWORD, KEY = "tok-71c2", "01098765432", "pass-word-9", "key-55aa"


class Process:
    """`python -m gateway.main` and every line it wrote."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway.main"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.listening = threading.Event()
        self.port = 0
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)
            if '"listening"' in line:
                self.port = json.loads(line)["port"]
                self.listening.set()
        self.process.stdout.close()
        self.listening.set()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop and wait; how it ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait()
        self._reader.join()
        return code


@contextmanager
def process(backend: Backend, **more: str) -> Iterator[Process]:
    """A running gateway process."""
    started = Process({"GATEWAY_PORT": "0", "GRPC_PORT": str(backend.port), **more})
    started.listening.wait()
    try:
        yield started
    finally:
        started.end(signal.SIGKILL)


def test_it_starts_answers_and_stops(backend: Backend) -> None:
    with process(backend) as running:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", trust_env=False) as client:
            assert client.get("/health").json()["status"] == "healthy"
            assert client.get("/api/v1/workspace", headers={"X-API-Key": KEY}).status_code == 200
        assert running.end() in (0, -signal.SIGTERM)
        assert json.loads(running.lines[-1])["event"] == "stopped"


def test_an_open_event_stream_does_not_keep_it_from_stopping(backend: Backend) -> None:
    campaign = campaign_pb2.Campaign(id=UUID, state=campaign_pb2.Campaign.STATE_SENDING)
    backend.answer("GetCampaign", campaign_pb2.GetCampaignResponse(campaign=campaign))
    backend.answer("GetWorkspace", account_pb2.GetWorkspaceResponse())
    with process(backend) as running:
        url = f"http://127.0.0.1:{running.port}/api/v1/campaigns/{UUID}/events"
        with httpx.Client(trust_env=False) as client, client.stream("GET", url, headers={"X-API-Key": KEY}) as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 2000"
            running.process.send_signal(signal.SIGTERM)
            list(lines)  # ends by itself, properly
        running.end()
        stopped = json.loads(running.lines[-1])
        assert stopped["event"] == "stopped"


def test_nothing_a_caller_says_gets_into_the_log(backend: Backend) -> None:
    with process(backend) as running:
        headers = {"Authorization": f"Bearer {TOKEN}", "X-API-Key": KEY}
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", headers=headers, trust_env=False) as client:
            client.post("/api/v1/contacts", json={"phone": PHONE, "name": "김하나"})
            client.post("/api/v1/contacts", json={"phone": 1, "nope": PHONE})
            client.post("/api/v1/contacts", content=f'{{"phone": "{PHONE}"'.encode())
            client.get("/api/v1/contacts", params={"filter": f'phone = "{PHONE}"'})
            client.get(f"/api/v1/contacts/{PHONE}")
            client.get(f"/{PHONE}", headers={"X-Request-Id": f"<{PHONE}>"})
            client.post("/api/v1/sessions", json={"email": "hana@shop.kr", "password": PASSWORD})
            client.request(f"X{PHONE}", "/")
            backend.stop()
            client.post("/api/v1/sessions", json={"email": "hana@shop.kr", "password": PASSWORD})
        backend.start(backend.port)
        running.end()
    log = "".join(running.lines)

    assert len([line for line in running.lines if '"request"' in line]) >= 8
    for secret in (TOKEN, KEY, PHONE, PASSWORD, "hana@shop.kr", "김하나", "Traceback"):
        assert secret not in log
    for line in running.lines:
        if not CORE_LINE.match(line):
            json.loads(line)


@pytest.mark.parametrize(("name", "value"), [("GATEWAY_PORT", "99999"), ("RATE_LIMIT", "lots")])
def test_a_wrong_variable_stops_it(backend: Backend, name: str, value: str) -> None:
    values: dict[str, Any] = {"GATEWAY_PORT": "0", name: value}
    stopped = Process(values)

    assert stopped.end(0) == 2  # signal 0 is none
    assert [line for line in stopped.lines if line.startswith(f"jeondan: {name}: ")]
    assert not any("Traceback" in line for line in stopped.lines)

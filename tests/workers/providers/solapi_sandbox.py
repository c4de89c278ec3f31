"""A sandbox process to send to through the Solapi adapter, and what both files of tests do with it."""

import io
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from core.rules.channel import Channel
from tests.workers.providers.cases import PATIENT
from tests.workers.providers.solapi_shop import HOOK, KEY, SECRET, SENDER
from workers import http
from workers.providers import Account, Parcel, Provider
from workers.providers.solapi import adapter as solapi

GROUPS = "/messages/v4/groups"
OPEN, FILL, START = f"POST {GROUPS}*", f"PUT {GROUPS}/*/messages", f"POST {GROUPS}/*/send"
# Long enough for the sandbox to accept, whatever else the machine does.
BRIEF = http.Timeout(connect=10, write=10, read=1)
READ, DELETE = f"GET {GROUPS}/*", f"DELETE {GROUPS}/*"


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox of this test."""

    url: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__sandbox/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def fault(self, kind: str, **more: object) -> None:
        self.ask("faults", "POST", {"kind": kind, "count": 1, **more})

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("messages?limit=100000")["messages"]
        return found

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("stats")
        return found

    def adapter(
        self, waiting: http.Timeout = PATIENT, reading: http.Timeout | None = None, secret: str = SECRET, key: str = KEY
    ) -> Provider:
        credentials = {"api_key": key, "api_secret": secret, "webhook_secret": HOOK}
        return solapi.Adapter(Account("solapi", self.url, credentials, False), sending=waiting, reading=reading or waiting)


def wait_for(port_file: Path, process: subprocess.Popen[bytes]) -> str:
    while not port_file.exists():
        assert process.poll() is None, "the sandbox did not start"
        time.sleep(0.02)
    return port_file.read_text().strip()


def parcel(count: int = 3, channel: Channel = Channel.SMS) -> Parcel:
    receivers = [f"0102{n:03d}{n:04d}" for n in range(count)]
    return Parcel(channel, SENDER, receivers, [f"(광고)봄날커피 {n}번 고객님\n가을 특가" for n in range(count)])


def jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((600, 600), 60).convert("RGB").save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Notes(list[str]):
    """What a send noted."""

    @property
    def reference(self) -> str:
        [only] = self
        return only

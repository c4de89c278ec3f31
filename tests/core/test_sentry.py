"""Defects of every process reach a real SENTRY_DSN on loopback: kind, place and ids; no number, text or secret."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import dramatiq
import grpc
import httpx
import pytest
from dramatiq.brokers.redis import RedisBroker
from jeondan.v1 import account_pb2, account_pb2_grpc

from tests.posted import posted

SECRETS = ("01012347788", "비밀 본문입니다", "jd_live_secret_key", "wrong-password-1")
RAISE = f"raise ValueError({SECRETS[:3]!r}, 'number 010-1234-7788', *args, *named.values())"

# A defect deep inside, whose text, arguments and local variables hold everything that must not leave.
BROKEN = """
import {module} as broken
def defect(*args, **named):
    phone, body, key = {secrets!r}
    {how}
broken.{name} = defect
from {main} import main
main()
"""


@dataclass
class Sentry:
    """What was sent to it."""

    dsn: str = ""
    raw: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def take(self, body: bytes) -> None:
        self.raw += body
        items = body.split(b"\n")[1:]
        for head, content in zip(items[::2], items[1::2], strict=False):
            if json.loads(head).get("type") == "event":
                self.events.append(json.loads(content))

    def one(self) -> dict[str, Any]:
        """The event of a defect, once it is there."""
        for _ in range(1200):
            if self.events:
                return self.events[0]
            time.sleep(0.05)
        raise AssertionError("nothing came")


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    one = Sentry()

    def take(path: str, body: bytes) -> tuple[str, bytes]:
        one.take(body)
        return "application/json", b"{}"

    with posted(take) as port:
        one.dsn = f"http://public@127.0.0.1:{port}/1"
        yield one


@contextmanager
def running(environment: dict[str, str], main: str, module: str, name: str, *arguments: str) -> Iterator[None]:
    """A process of the product with this defect in it."""
    code = BROKEN.format(module=module, name=name, main=main, secrets=SECRETS[:3], how=RAISE)
    started = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        started.kill()
        started.wait()


def port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def harmless(sentry: Sentry, process: str, frame: str) -> dict[str, Any]:
    """The event says what and where, and nothing else; its tags."""
    event = sentry.one()
    values = event["exception"]["values"]
    assert values[-1]["type"] == "ValueError"
    assert frame in {one["function"] for one in values[-1]["stacktrace"]["frames"]}
    assert event["tags"]["process"] == process
    assert not {"request", "extra", "breadcrumbs", "logentry", "user", "contexts"} & event.keys()
    assert not any("vars" in one for each in values for one in each["stacktrace"]["frames"])
    sent = json.dumps(sentry.events, ensure_ascii=False)
    code = {line for one in values for f in one["stacktrace"]["frames"] for line in [f.get("context_line") or ""]}
    assert [secret for secret in SECRETS if secret in sent] == [], code
    assert "1234-7788" not in sent
    return dict(event["tags"])


def test_a_defect_in_a_worker(environment: dict[str, str], fresh_redis: str, sentry: Sentry) -> None:
    with running({**environment, "SENTRY_DSN": sentry.dsn}, "workers.main", "workers.ledger", "as_ids", "single"):
        options = {"request_id": "order-7", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
        message = dramatiq.Message("single", "deliver_single", (str(uuid4()), str(uuid4())), {}, options)
        broker = RedisBroker(url=environment["REDIS_URL"])
        broker.declare_queue("single")
        broker.enqueue(message)
        tags = harmless(sentry, "workers", "deliver_single")
        broker.close()
    assert (tags["request_id"], tags["trace_id"]) == ("order-7", "a" * 32)


def test_a_defect_in_an_rpc(environment: dict[str, str], sentry: Sentry) -> None:
    at = port()
    values = {**environment, "SENTRY_DSN": sentry.dsn, "GRPC_PORT": str(at)}
    with running(values, "server.main", "server.violations", "check"), grpc.insecure_channel(f"127.0.0.1:{at}") as channel:
        request = account_pb2.CreateSessionRequest(email="a@example.com", password=SECRETS[3])
        stub = account_pb2_grpc.AccountServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.CreateSession(request, timeout=30, wait_for_ready=True, metadata=(("x-request-id", "order-7"),))
        assert refused.value.code() is grpc.StatusCode.INTERNAL
        tags = harmless(sentry, "server", "behave")
    assert (tags["request_id"], tags["rpc"]) == ("order-7", "AccountService/CreateSession")


def test_a_defect_in_a_route(sentry: Sentry) -> None:
    at = port()
    with running({"SENTRY_DSN": sentry.dsn, "GATEWAY_PORT": str(at)}, "gateway.main", "gateway.transcoder", "to_rpc"):
        for _ in range(1200):
            try:
                httpx.get(f"http://127.0.0.1:{at}/livez", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        body = {"email": "a@example.com", "password": SECRETS[3]}
        headers = {"x-request-id": "order-7", "x-api-key": SECRETS[2]}
        answer = httpx.post(f"http://127.0.0.1:{at}/api/v1/sessions", json=body, headers=headers, trust_env=False)
        assert answer.status_code == 500
        tags = harmless(sentry, "gateway", "answer")
    assert tags["request_id"] == "order-7"

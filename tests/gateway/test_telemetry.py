"""What is told about requests, and what never."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from gateway import telemetry
from gateway.settings import Settings
from gateway.tracing import Tracing
from tests.gateway.conftest import quiet

SECRETS = ("010-1234-5678", "tok-secret", "비밀 본문")


@pytest.fixture(params=["json", "text"])
def output(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a configured gateway writes, either way."""
    root, before = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    telemetry.configure(Settings(log_format=request.param))
    yield stream
    quiet()
    root.handlers[:], root.level = before


def failing() -> BaseException:
    """A defect whose text holds what a caller sent."""
    try:
        raise ValueError(f"cannot read {SECRETS}")
    except ValueError as error:
        return error


def test_a_defect_is_placed_and_not_quoted(output: io.StringIO) -> None:
    telemetry.report(failing())

    assert "ValueError" in output.getvalue()
    assert "failing" in output.getvalue()
    assert not any(secret in output.getvalue() for secret in SECRETS)


def test_what_libraries_say_about_exceptions_is_not_quoted(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=failing())

    assert "Exception in ASGI application" in output.getvalue()
    assert not any(secret in output.getvalue() for secret in SECRETS)


def test_libraries_are_heard_from_warnings_on(output: io.StringIO) -> None:
    logging.getLogger("connexion").info("chatter")
    logging.getLogger("connexion").warning("trouble")

    assert "chatter" not in output.getvalue()
    assert "trouble" in output.getvalue()


def test_a_line_of_json() -> None:
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        before = logging.getLogger().handlers[:]
        telemetry.configure(Settings(log_format="json"))
    telemetry.log.info("request", route="/", status=200)
    quiet()
    logging.getLogger().handlers[:] = before

    line = json.loads(stream.getvalue())
    assert {name: line[name] for name in ("event", "level", "route", "status")} == {
        "event": "request",
        "level": "info",
        "route": "/",
        "status": 200,
    }
    assert line["timestamp"].endswith("Z")


def test_what_sentry_gets() -> None:
    event: Any = {
        "request": {"data": SECRETS, "headers": SECRETS},
        "exception": {"values": [{"type": "ValueError", "value": str(SECRETS)}]},
    }

    structlog.contextvars.clear_contextvars()
    assert telemetry._scrub(event, {}) == {
        "tags": {"process": "gateway"},
        "exception": {"values": [{"type": "ValueError", "module": None, "stacktrace": None}]},
    }


async def _call(path: str, method: str = "GET", headers: Any = ()) -> list[Any]:
    """One request around an application that fails."""
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError

    async def send(message: Any) -> None:
        sent.append(message)

    outer = telemetry.Telemetry(app, telemetry.seconds(CollectorRegistry()), {"x": "/known"}, Tracing(Settings()))
    await outer({"type": "http", "path": path, "method": method, "headers": headers}, None, send)  # type: ignore[arg-type]
    return sent


def test_a_request_that_blew_up_is_told_too() -> None:
    with capture_logs() as logs, pytest.raises(RuntimeError):
        asyncio.run(_call("/nope/01012345678", "BREW"))

    (line,) = logs
    assert (line["route"], line["method"], line["status"]) == ("unmatched", "OTHER", 500)

"""Providers push at the front door: raw in, one answer out, the address a secret."""

from collections.abc import Callable
from typing import Any

import grpc
import httpx
import pytest

from gateway import telemetry
from tests.gateway.backend import Backend, Failure
from tests.gateway.conftest import Running, environment, serving

TOKEN = "k9cL2mR8tYqZ0aWnV5xB7dJ3eHfU6gPsQi1oTrMwEyA"
ADDRESS = f"/webhooks/solapi/{TOKEN}"
MIB = 1024 * 1024


def push(running: Running, path: str = ADDRESS, body: bytes = b"[]", **headers: str) -> httpx.Response:
    return httpx.post(running.url + path, content=body, headers=headers, trust_env=False, timeout=20)


def test_a_push_is_handed_on_as_it_came(running: Running, backend: Backend) -> None:
    body = b'[{"messageId":"M4V"}]\xff\x00 anything'
    answer = push(running, body=body, **{"X-Solapi-Secret": "5eba", "X-Solapi-Event-Name": "SINGLE-REPORT", "Cookie": "a=b"})

    assert (answer.status_code, answer.content) == (200, b"")
    [call] = backend.called("TakePush")
    assert (call.request.provider, call.request.token, call.request.body) == ("solapi", TOKEN, body)
    assert dict(call.request.headers) == {"x-solapi-secret": "5eba", "x-solapi-event-name": "SINGLE-REPORT"}
    assert len(call.request.request_id) == 36
    assert "authorization" not in call.metadata


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_any_kind_of_body_is_taken(running: Running, backend: Backend, kind: str) -> None:
    assert push(running, body=b"a=1", **({"Content-Type": kind} if kind else {})).status_code == 200
    assert backend.called("TakePush")[0].request.body == b"a=1"


def test_a_mebibyte_is_taken_and_not_a_byte_more(running: Running, backend: Backend) -> None:
    assert push(running, body=b"x" * MIB).status_code == 200
    assert push(running, body=b"x" * (MIB + 1)).status_code == 413
    announced_by_nobody = httpx.post(running.url + ADDRESS, content=iter([b"x" * MIB, b"x"]), trust_env=False)
    assert announced_by_nobody.status_code == 413
    assert len(backend.called("TakePush")) == 1


def test_floods_of_headers_do_not_pass(running: Running, backend: Backend) -> None:
    push(running, **{f"X-Many-{at}": "1" for at in range(60)}, **{"X-Long": "1" * 2000})
    [call] = backend.called("TakePush")
    assert len(call.request.headers) == 32
    assert "x-long" not in call.request.headers


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.NOT_FOUND, 404),
        (grpc.StatusCode.INVALID_ARGUMENT, 404),
        (grpc.StatusCode.UNAVAILABLE, 503),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 503),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 503),
        (grpc.StatusCode.INTERNAL, 503),
    ],
)
def test_what_was_not_kept_is_pushed_again(running: Running, backend: Backend, code: grpc.StatusCode, status: int) -> None:
    backend.answer("TakePush", Failure(code, "no such token: " + TOKEN))
    answer = push(running)
    assert answer.status_code == status
    assert TOKEN not in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_only_posts_are_pushes(running: Running, backend: Backend) -> None:
    assert httpx.get(running.url + ADDRESS, trust_env=False).status_code == 404
    for path in ("/webhooks/solapi", "/webhooks/", f"{ADDRESS}/more"):
        assert push(running, path).status_code == 404
    assert backend.called("TakePush") == []


def test_the_address_stands_in_no_line_and_no_measurement(
    running: Running, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry.log, "info", lambda event, **facts: lines.append({"event": event, **facts}))
    backend.answer("TakePush", lambda call: Failure(grpc.StatusCode.NOT_FOUND))
    push(running)
    push(running, f"{ADDRESS}/more")

    assert {line["route"] for line in lines} == {"/webhooks/{provider}/{token}"}
    measured = httpx.get(running.url + "/metrics", trust_env=False).text
    assert 'route="/webhooks/{provider}/{token}",status="404"' in measured
    assert TOKEN not in measured + repr(lines)


# --- limits -------------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(backend: Backend) -> Callable[..., Any]:
    """A gateway that lets callers ask three times a day, and so an address be used thirty times."""
    return lambda: serving(environment(backend, rate_limit="3/day"))


def test_an_address_may_be_used_often_and_not_without_end(strict: Callable[..., Any]) -> None:
    with strict() as running:
        assert [push(running).status_code for _ in range(30)] == [200] * 30
        answer = push(running)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 1
        assert push(running, "/webhooks/solapi/another").status_code == 200


def test_guessing_ends_and_who_has_an_address_is_not_shut_out_by_it(strict: Callable[..., Any], backend: Backend) -> None:
    backend.answer("TakePush", lambda call: None if call.request.token == TOKEN else Failure(grpc.StatusCode.NOT_FOUND))
    with strict() as running:
        assert push(running).status_code == 200
        guesses = [push(running, f"/webhooks/solapi/guess-{at}").status_code for at in range(5)]
        assert guesses == [404, 404, 404, 429, 429]
        assert push(running).status_code == 200
    assert len(backend.called("TakePush")) == 5

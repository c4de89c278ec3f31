"""Who is let through to the server, and what browsers are told."""

from collections.abc import Iterator

import httpx
import pytest
from starlette.datastructures import Headers

from gateway import routes, stubs
from gateway.security import credential
from tests.gateway.backend import Backend
from tests.gateway.conftest import Running

ROUTES = routes.routes(stubs.load())


@pytest.fixture
def nobody(running: Running) -> Iterator[httpx.Client]:
    """Somebody without a token."""
    with httpx.Client(base_url=running.url, trust_env=False) as client:
        yield client


def test_public_are_exactly_the_public_ones() -> None:
    assert [route.operation_id for route in ROUTES if route.public] == ["AccountService_CreateSession"]


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.public], ids=lambda r: r.operation_id)
def test_without_a_credential_nothing_else_works(nobody: httpx.Client, backend: Backend, route: routes.Route) -> None:
    answer = nobody.request(route.verb, route.path.replace("{", "").replace("}", ""))

    assert (answer.status_code, answer.json()["reason"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not backend.calls


def test_signing_in_needs_none(nobody: httpx.Client) -> None:
    assert nobody.post("/api/v1/sessions", json={"email": "a@b.kr", "password": "x"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"authorization": "Bearer abc"}, "abc"),
        ({"authorization": "bearer  abc"}, "abc"),
        ({"x-api-key": "key"}, "key"),
        ({"authorization": "Basic abc", "x-api-key": "key"}, "key"),
        ({"authorization": "Basic abc"}, ""),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": "Bearer "}, ""),
        ({"authorization": "Bearer é"}, ""),
        ({"x-api-key": "\x7f"}, ""),
        ({}, ""),
    ],
)
def test_what_is_a_credential(headers: dict[str, str], found: str) -> None:
    assert credential(Headers(headers)) == found


def test_a_credential_that_cannot_travel_is_none(nobody: httpx.Client, backend: Backend) -> None:
    answer = nobody.get("/api/v1/workspace", headers=[(b"authorization", "Bearer 토큰".encode())])

    assert answer.status_code == 401
    assert not backend.calls


def test_an_api_key_passes_too(nobody: httpx.Client, backend: Backend) -> None:
    assert nobody.get("/api/v1/workspace", headers={"X-API-Key": "k"}).status_code == 200
    assert backend.calls[0].metadata["x-api-key"] == "k"
    assert "authorization" not in backend.calls[0].metadata


@pytest.mark.parametrize("path", ["/api/v1/workspace", "/api/v1/nope", "/", "/health", "/docs/"])
def test_every_answer_keeps_browsers_in_order(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    wanted = "'self'" if path == "/docs/" else "'none'"
    assert f"frame-ancestors {wanted}" in headers["Content-Security-Policy"]
    if path.startswith("/api/"):
        assert headers["Cache-Control"] == "no-store"


def test_the_console_may_call_from_its_origin(client: httpx.Client) -> None:
    asked = {"Origin": "http://console.test", "Access-Control-Request-Method": "PATCH"}
    asked["Access-Control-Request-Headers"] = "authorization,idempotency-key,if-match"
    preflight = client.options("/api/v1/products/x", headers=asked)

    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "http://console.test"


@pytest.mark.parametrize("path", ["/api/v1/workspace", "/api/v1/nope", "/api/v1/products?pageSize=x"])
def test_the_console_may_read_refusals(client: httpx.Client, path: str) -> None:
    headers = client.get(path, headers={"Origin": "http://console.test"}).headers

    assert headers["Access-Control-Allow-Origin"] == "http://console.test"
    assert "X-Request-Id" in headers["Access-Control-Expose-Headers"]


def test_other_origins_may_not(client: httpx.Client) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": "http://evil.test"}).headers

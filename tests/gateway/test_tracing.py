"""The trace of a request at the door: the browser's own or a new one, told to the server and as a span."""

import functools
import re

import httpx
import pytest

from gateway.settings import Settings
from gateway.tracing import Tracing
from tests.gateway.backend import Backend
from tests.gateway.conftest import ALLOWED, environment, serving
from tests.otlp import collecting

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def told(backend: Backend) -> dict[str, str]:
    """What the server was told beside the last call."""
    return backend.calls[-1].metadata


@pytest.mark.parametrize("given", [PARENT, "", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01"])
def test_the_server_is_told_of_one_trace(client: httpx.Client, backend: Backend, given: str) -> None:
    client.get("/api/v1/workspace", headers={"traceparent": given, "x-request-id": "order-7"})
    parent = told(backend)["traceparent"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", parent) and "0" * 32 not in parent
    assert parent == given or given != PARENT
    assert told(backend)["x-request-id"] == "order-7"


@pytest.mark.parametrize("number", ["01012345678", "010-1234-5678", "821012345678", "order_010.1234.5678"])
def test_a_number_is_no_request_id(client: httpx.Client, backend: Backend, number: str) -> None:
    answer = client.get("/api/v1/workspace", headers={"x-request-id": number})
    assert told(backend)["x-request-id"] == answer.headers["x-request-id"] != number


def test_a_span_says_route_and_status_and_no_secret(backend: Backend) -> None:
    with collecting() as collector:
        with serving(environment(backend, otel_exporter_otlp_endpoint=collector.url)) as running:
            ask = functools.partial(httpx.get, headers={**ALLOWED, "traceparent": PARENT, "X-API-Key": "secret"}, trust_env=False)
            ask(f"{running.url}/api/v1/workspace")
            ask(f"{running.url}/o/secret-token-1")
        found = collector.of(TRACE)["GET /api/v1/workspace"]
    assert (found.service, found.kind, found.parent) == ("jeondan-gateway", "SERVER", PARENT[36:52])
    assert found.facts["http.response.status_code"] == 200
    assert "secret" not in str(collector.spans) and b"secret" not in collector.raw


def test_nothing_of_it_without_an_address() -> None:
    assert Tracing(Settings())._provider is None

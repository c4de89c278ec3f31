"""What is repeated when the server stumbles, and what never."""

from collections.abc import Callable

import grpc
import httpx
import pytest

from gateway import routes, stubs
from gateway.channel import service_config
from tests.gateway.backend import NOT_SERVING, SERVING, UUID, Backend, Call, Failure

ROUTES = routes.routes(stubs.load())
NEVER = {"CreateSession", "ExplainRecipient", "PreviewCampaign", "PreviewSegment", "CreateImageUpload", "CreateImportUpload"}


def test_repeated_are_reads_and_what_carries_a_request_id() -> None:
    (config,) = service_config(ROUTES)["methodConfig"]

    names = {name["method"] for name in config["name"]}
    assert {route.method.name for route in ROUTES} - names == NEVER
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]


class Stumbling:
    """Unavailable twice, then well."""

    def __init__(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE) -> None:
        self.code, self.left = code, 2

    def __call__(self, call: Call) -> Failure | None:
        self.left -= 1
        return Failure(self.code) if self.left >= 0 else None


def test_a_read_is_repeated(client: httpx.Client, backend: Backend) -> None:
    backend.answer("GetProduct", Stumbling())

    assert client.get(f"/api/v1/products/{UUID}").status_code == 200
    assert len(backend.calls) == 3


def test_a_launch_is_repeated_under_the_same_request_id(client: httpx.Client, backend: Backend) -> None:
    backend.answer("LaunchCampaign", Stumbling())

    assert client.post(f"/api/v1/campaigns/{UUID}:launch").status_code == 200
    assert len(backend.calls) == 3
    assert len({call.request.request_id for call in backend.calls}) == 1


def test_signing_in_is_not_repeated(client: httpx.Client, backend: Backend) -> None:
    backend.answer("CreateSession", Stumbling())

    assert client.post("/api/v1/sessions", json={"email": "a@b.kr", "password": "x"}).status_code == 503
    assert len(backend.calls) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED, grpc.StatusCode.UNKNOWN])
def test_other_failures_are_not_repeated(client: httpx.Client, backend: Backend, code: grpc.StatusCode) -> None:
    backend.answer("GetProduct", Stumbling(code))

    client.get(f"/api/v1/products/{UUID}")

    assert len(backend.calls) == 1


def test_a_server_that_is_not_serving_gets_no_calls(
    client: httpx.Client, backend: Backend, wait_until: Callable[[Callable[[], bool]], None]
) -> None:
    def status() -> int:
        return client.get("/api/v1/workspace").status_code

    backend.health.set("", NOT_SERVING)
    wait_until(lambda: status() == 503)
    before = len(backend.calls)
    assert [status() for _ in range(3)] == [503] * 3
    assert len(backend.calls) == before

    backend.health.set("", SERVING)
    wait_until(lambda: status() == 200)

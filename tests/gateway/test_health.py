"""What /health says, and how often the server is asked."""

import asyncio
import threading
from typing import Any

import grpc
import httpx
import pytest

from gateway.health import Health, verdict
from tests.gateway.backend import NOT_SERVING, SERVING, Backend
from tests.gateway.conftest import environment, serving


@pytest.fixture
def fresh(backend: Backend) -> Any:
    """A gateway that has not asked yet."""
    with serving(environment(backend)) as running, httpx.Client(base_url=running.url, trust_env=False) as client:
        yield client


def test_all_is_well(fresh: httpx.Client) -> None:
    answer = fresh.get("/health")

    document = answer.json()
    assert answer.status_code == 200
    assert document["status"] == "healthy"
    assert document["checks"] == {"database": "healthy", "redis": "healthy", "s3": "healthy"}
    assert document["timestamp"].endswith("Z")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("down", "code", "status"),
    [("database", 503, "unhealthy"), ("redis", 200, "degraded"), ("s3", 200, "degraded")],
)
def test_something_is_down(fresh: httpx.Client, backend: Backend, down: str, code: int, status: str) -> None:
    backend.health.set(f"jeondan.dependency.{down}", NOT_SERVING)

    answer = fresh.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (code, status)
    assert [name for name, state in answer.json()["checks"].items() if state == "unhealthy"] == [down]


@pytest.mark.parametrize(
    ("down", "code", "status", "database"),
    [
        (("database",), 200, "degraded", "read-only"),
        (("replica",), 200, "degraded", "healthy"),
        (("database", "replica"), 503, "unhealthy", "unhealthy"),
    ],
)
def test_a_replica_stands_in_for_the_database(
    fresh: httpx.Client, backend: Backend, down: tuple[str, ...], code: int, status: str, database: str
) -> None:
    for name in ("database", "replica"):
        backend.health.set(f"jeondan.dependency.{name}", NOT_SERVING if name in down else SERVING)
    answer = fresh.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (code, status)
    assert answer.json()["checks"]["database"] == database


def test_a_server_that_calls_itself_unhealthy_still_says_why(fresh: httpx.Client, backend: Backend) -> None:
    backend.health.set("", NOT_SERVING)
    backend.health.set("jeondan.dependency.s3", NOT_SERVING)

    checks = fresh.get("/health").json()["checks"]

    assert checks == {"database": "healthy", "redis": "healthy", "s3": "unhealthy"}


def test_nobody_is_there() -> None:
    backend = Backend([]).start()
    backend.stop()
    with serving(environment(backend)) as running:
        answer = httpx.get(f"{running.url}/health", trust_env=False)
        call = httpx.get(f"{running.url}/api/v1/workspace", headers={"X-API-Key": "k"}, trust_env=False)
        alive = httpx.get(f"{running.url}/livez", trust_env=False)

    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert set(answer.json()["checks"].values()) == {"unknown"}
    assert (call.status_code, call.json()["reason"]) == (503, "DEPENDENCY_UNAVAILABLE")
    assert int(call.headers["Retry-After"]) >= 1
    assert "127.0.0.1" not in call.text
    assert alive.status_code == 200


def test_a_server_that_comes_back_is_found(backend: Backend) -> None:
    late = Backend([]).start()
    late.stop()
    with serving(environment(late)) as running, httpx.Client(base_url=running.url, trust_env=False) as client:
        assert client.get("/health").status_code == 503
        late.reset()
        late.start(late.port)
        try:
            for _ in range(100):
                if client.get("/health").status_code == 200:
                    return
                threading.Event().wait(0.1)
            raise AssertionError("never found again")
        finally:
            late.stop()


def test_many_ask_and_the_server_is_asked_once_a_second(backend: Backend) -> None:
    now = [100.0]

    async def ask() -> list[int]:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{backend.port}") as channel:
            health = Health(lambda: channel, clock=lambda: now[0])
            counts = []
            for later in (0.0, 0.9, 0.2):
                now[0] += later
                await asyncio.gather(*(health.report() for _ in range(20)))
                counts.append(len(backend.health.asked))
            return counts

    assert asyncio.run(ask()) == [4, 4, 8]


def test_the_verdict() -> None:
    good = dict.fromkeys(("database", "redis", "s3"), "healthy")
    assert verdict(good) == "healthy"
    assert verdict(good | {"database": "unknown"}) == "unhealthy"
    assert verdict(good | {"redis": "unknown"}) == "degraded"

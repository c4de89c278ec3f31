"""How well it goes: the server is asked, briefly, and the answer kept for a second."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

DEPENDENCIES = ("database", "redis", "s3", "replica")
READ_ONLY = "read-only"
_ASK_SECONDS = 1.0
_KEEP_SECONDS = 1.0
_NAME = "jeondan.dependency.{}"
_WORDS = {health_pb2.HealthCheckResponse.SERVING: "healthy", health_pb2.HealthCheckResponse.NOT_SERVING: "unhealthy"}


class Health:
    """Asks the server at most once a second, however many ask us."""

    def __init__(self, channel: Callable[[], grpc.aio.Channel], clock: Callable[[], float] = time.monotonic) -> None:
        self._channel, self._clock = channel, clock
        self._lock = asyncio.Lock()
        self._checks: dict[str, str] = {}
        self._asked = float("-inf")

    async def report(self) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the document."""
        async with self._lock:
            if self._clock() - self._asked >= _KEEP_SECONDS:
                self._checks = seen(dict(zip(DEPENDENCIES, await self._ask_all(), strict=True)))
                self._asked = self._clock()
        status = verdict(self._checks)
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return (503 if status == "unhealthy" else 200), {"status": status, "timestamp": moment, "checks": self._checks}

    async def _ask_all(self) -> list[str]:
        stub = health_pb2_grpc.HealthStub(self._channel())
        return await asyncio.gather(*(_ask(stub, name) for name in DEPENDENCIES))


async def _ask(stub: Any, name: str) -> str:
    try:
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(service=_NAME.format(name)), timeout=_ASK_SECONDS, wait_for_ready=True
        )
    except grpc.aio.AioRpcError as error:
        return "none" if error.code() is grpc.StatusCode.NOT_FOUND else "unknown"
    return _WORDS.get(answer.status, "none")


def seen(checks: dict[str, str]) -> dict[str, str]:
    """As it is shown: a replica that there is, and that it stands in for the database."""
    shown = {name: state for name, state in checks.items() if name != "replica" or state in ("healthy", "unhealthy")}
    if checks["database"] == "unhealthy" and checks["replica"] == "healthy":
        shown["database"] = READ_ONLY
    return shown


def verdict(checks: dict[str, str]) -> str:
    """Without any database nothing works; while it can only be read, and without the others, work waits."""
    if checks["database"] not in ("healthy", READ_ONLY):
        return "unhealthy"
    return "healthy" if all(state == "healthy" for state in checks.values()) else "degraded"

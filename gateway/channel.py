"""The one gRPC channel to the server: balanced, health-checked, repeating only what is safe to repeat."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from gateway.routes import Route
from gateway.stubs import message_class

DEADLINE_SECONDS = 10.0
_MIB = 1024 * 1024
_CLOSE_SECONDS = 1.0
_RETRY = {
    "maxAttempts": 3,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# A server that comes back is found within two seconds, not within two minutes.
_RECONNECT = [("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 2000)]
Metadata = Sequence[tuple[str, str]]


class Backend:
    """Calls to the server. Belongs to the event loop it was opened in."""

    def __init__(self, target: str, routes: Iterable[Route]) -> None:
        self._target = target
        self._options = _options(service_config(routes))
        self._channel: grpc.aio.Channel | None = None
        self._probe: grpc.aio.Channel | None = None
        self._calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[Any, Any]] = {}

    def open(self) -> None:
        """Connect when first needed."""
        self._channel = grpc.aio.insecure_channel(self._target, options=self._options)

    async def close(self) -> None:
        """Let running calls end, shortly."""
        for channel in (self._channel, self._probe):
            if channel:
                await channel.close(_CLOSE_SECONDS)
        self._channel = self._probe = None
        self._calls.clear()

    async def call(self, rpc: str, message: Message, answer: Descriptor, metadata: Metadata) -> Message:
        """One RPC; grpc.aio.AioRpcError when it fails."""
        if rpc not in self._calls:
            self._calls[rpc] = self._opened().unary_unary(
                rpc,
                request_serializer=type(message).SerializeToString,
                response_deserializer=message_class(answer).FromString,
            )
        answered: Message = await self._calls[rpc](message, timeout=DEADLINE_SECONDS, metadata=tuple(metadata))
        return answered

    def probe(self) -> grpc.aio.Channel:
        """A channel that also reaches a server which calls itself unhealthy: how else to ask what is wrong."""
        if self._probe is None:
            self._probe = grpc.aio.insecure_channel(self._target, options=_RECONNECT)
        return self._probe

    def _opened(self) -> grpc.aio.Channel:
        if self._channel is None:
            raise RuntimeError("the channel is opened by the lifespan of the application")
        return self._channel


def service_config(routes: Iterable[Route]) -> dict[str, Any]:
    """Balancing, health check, and retries for what may be repeated."""
    methods = {route.rpc: route.method for route in routes if route.repeatable}  # an RPC may have several routes
    names = [{"service": each.containing_service.full_name, "method": each.name} for each in methods.values()]
    return {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [{"name": names, "retryPolicy": _RETRY}] if names else [],
    }


def _options(config: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        *_RECONNECT,
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", 16 * _MIB),
        ("grpc.max_send_message_length", 16 * _MIB),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.service_config_disable_resolution", 1),
    ]

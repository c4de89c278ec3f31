"""Reflection for generic clients. Its streams hold a thread each, so only a few may be open at once."""

import threading
from collections.abc import Iterator
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

STREAMS = 2


class Reflection(reflection.ReflectionServicer):
    """The usual one, with a limit."""

    def __init__(self, service_names: tuple[str, ...]) -> None:
        super().__init__(service_names)
        self._room = threading.BoundedSemaphore(STREAMS)

    def ServerReflectionInfo(self, request_iterator: Any, context: Any) -> Iterator[Any]:
        """Answer while there is room for one more stream."""
        if not self._room.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many reflection streams, try again later")
        try:
            yield from super().ServerReflectionInfo(request_iterator, context)
        finally:
            self._room.release()


def add(server: grpc.Server, service_names: tuple[str, ...]) -> None:
    """Offer it for these services and for itself."""
    names = (*service_names, reflection.SERVICE_NAME)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Reflection(names), server)  # type: ignore[no-untyped-call, unused-ignore]

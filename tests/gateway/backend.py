"""A real gRPC server that answers every RPC of the descriptors as a test tells it to."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import HealthServicer
from grpc_status import rpc_status

from gateway import stubs

UUID = "0b9f2c1e-6a3d-4c58-9a57-3f0d7c5b1e42"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True)
class Call:
    """One RPC as it arrived."""

    method: str
    request: Any
    metadata: dict[str, str]
    seconds_left: float


@dataclass(frozen=True)
class Failure:
    """What an RPC is to fail with."""

    code: grpc.StatusCode
    message: str = ""
    details: tuple[Message, ...] = ()


class Health(HealthServicer):
    """Health that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def Check(self, request: Any, context: Any) -> Any:
        """One question."""
        self.asked.append(request.service)
        return super().Check(request, context)


class Backend(grpc.GenericRpcHandler):
    """Answers of one test; by default every RPC answers a message with every field filled in."""

    def __init__(self, methods: Iterable[MethodDescriptor]) -> None:
        self._methods = {f"/{m.containing_service.full_name}/{m.name}": m for m in methods}
        self._answers: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.calls: list[Call] = []
        self.health = Health()
        self._server: grpc.Server | None = None
        self.port = 0

    def start(self, port: int = 0) -> "Backend":
        """Listen on a port from the kernel, or again on the same one."""
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self,))
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        self.port = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Hang up at once."""
        if self._server:
            self._server.stop(0).wait()

    def reset(self) -> None:
        """As new."""
        with self._lock:
            self._answers.clear()
            self.calls.clear()
            self.health.asked.clear()
        for name in ("", *(f"jeondan.dependency.{each}" for each in ("database", "redis", "s3"))):
            self.health.set(name, SERVING)
        self.health.set("jeondan.dependency.replica", health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)

    def answer(self, method: str, answer: Message | Failure | Callable[[Call], Any]) -> None:
        """From now on `method` (its bare name) answers so."""
        self._answers[method] = answer

    def called(self, method: str) -> list[Call]:
        """The calls of one method so far."""
        with self._lock:
            return [call for call in self.calls if call.method == method]

    def service(self, details: Any) -> Any:
        """For gRPC: who answers this method."""
        method = self._methods.get(details.method)
        if method is None:
            return None
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._serve(method, request, context),
            request_deserializer=stubs.message_class(method.input_type).FromString,
            response_serializer=stubs.message_class(method.output_type).SerializeToString,
        )

    def _serve(self, method: MethodDescriptor, request: Message, context: grpc.ServicerContext) -> Message:
        call = Call(
            method.name, request, {key: str(value) for key, value in context.invocation_metadata()}, context.time_remaining()
        )
        with self._lock:
            self.calls.append(call)
        answer = self._answers.get(method.name)
        if callable(answer):
            answer = answer(call)
        if isinstance(answer, Failure):
            fail(context, answer)
        return answer if isinstance(answer, Message) else filled(stubs.message_class(method.output_type)())


def fail(context: grpc.ServicerContext, failure: Failure) -> None:
    """End the RPC as the real server does: code, sentence, details."""
    if not failure.details:
        context.abort(failure.code, failure.message)
    status = status_pb2.Status(code=failure.code.value[0], message=failure.message)
    for detail in failure.details:
        status.details.add().Pack(detail)
    context.abort_with_status(rpc_status.to_status(status))


def refusal(code: grpc.StatusCode, reason: str, message: str, *more: Message) -> Failure:
    """A refusal of ours."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="jeondan.v1", metadata={"limit": "3"})
    return Failure(code, message, (info, *more))


def violations(**fields: str) -> error_details_pb2.BadRequest:
    """Wrong fields; `__` in a name stands for a dot."""
    found = error_details_pb2.BadRequest()
    for name, sentence in fields.items():
        found.field_violations.add(field=name.replace("__", "."), description=sentence, reason="TOO_LONG")
    return found


def retry(seconds: int, nanos: int = 0) -> error_details_pb2.RetryInfo:
    """When to come back."""
    return error_details_pb2.RetryInfo(retry_delay=Duration(seconds=seconds, nanos=nanos))


def filled(message: Any, depth: int = 0) -> Any:
    """The message with something in every field."""
    for field in message.DESCRIPTOR.fields:
        if stubs.is_map(field):
            if not stubs.map_value(field).message_type:
                getattr(message, field.name)["열쇠"] = "값"
        elif field.message_type:
            _fill(message, field, depth)
        elif field.is_repeated:
            getattr(message, field.name).append(_value(field))
        else:
            setattr(message, field.name, _value(field))
    return message


def _fill(message: Any, field: FieldDescriptor, depth: int) -> None:
    inner = getattr(message, field.name)
    kind = field.message_type.full_name if field.message_type else ""
    if kind == "google.protobuf.Timestamp":
        inner.FromJsonString("2026-11-23T01:02:03.5Z")
    elif kind == "google.protobuf.FieldMask":
        inner.paths.append("name")
    elif kind != "google.protobuf.Struct" and depth < 3:
        filled(inner.add() if field.is_repeated else inner, depth + 1)


def _value(field: FieldDescriptor) -> Any:
    if field.enum_type:
        return field.enum_type.values[1].number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"\x00\xff"
    kinds: dict[int, Any] = {FieldDescriptor.CPPTYPE_BOOL: True, FieldDescriptor.CPPTYPE_STRING: "가 1"}
    return kinds.get(field.cpp_type, 7)

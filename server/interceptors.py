"""What happens around every RPC, outermost layer first. A layer takes what is inside it and gives what is around it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped, unused-ignore]
from grpc_status import rpc_status
from jeondan.v1 import options_pb2

from core import telemetry, tracing
from core.errors import InvalidInput, Problem, TooLate, Unavailable
from server import auth, errors, validation, violations
from server.caller import CALLER, DEADLINE, remaining

DEFAULT_SECONDS, MOST_SECONDS = 10.0, 60.0
# Health must answer while everything else is busy, and a wrapped Watch would hold a thread for ever.
UNTOUCHED = ("/grpc.health.v1.Health/", "/grpc.reflection.")

Behaviour = Callable[[Any, Any], Any]

_log = telemetry.log("rpc")


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC as the layers know it."""

    path: str  # /jeondan.v1.CatalogService/CreateProduct
    role: int  # the least jeondan.v1.Role that may call it
    test_keys: bool = True  # whether a test key may

    @property
    def name(self) -> str:
        """`CatalogService/CreateProduct`."""
        return self.path.rpartition(".")[2]

    @property
    def changes(self) -> bool:
        """Whether it does more than look."""
        return not self.path.rpartition("/")[2].startswith(("Get", "List", "Preview", "Explain"))


Layer = Callable[[Rpc, Behaviour], Behaviour]


class InFlight:
    """How many calls are being answered; the drain waits for none."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def layer(self, rpc: Rpc, inner: Behaviour) -> Behaviour:
        """Count while inside."""

        def behave(request: Any, context: Any) -> Any:
            self._add(1)
            try:
                return inner(request, context)
            finally:
                self._add(-1)

        return behave

    def wait(self, seconds: float) -> bool:
        """Until nothing is in flight; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, seconds)

    def _add(self, number: int) -> None:
        with self._changed:
            self._count += number
            self._changed.notify_all()


class Layers(grpc.ServerInterceptor):
    """All layers as one interceptor; each RPC's stack of them is built once."""

    def __init__(self, rpcs: dict[str, Rpc], layers: tuple[Layer, ...]) -> None:
        self._rpcs, self._layers = rpcs, layers
        self._built: dict[str, Any] = {}

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """The handler with the layers around it; health and reflection as they are."""
        path: str = handler_call_details.method
        if path in self._built:
            return self._built[path]
        handler = continuation(handler_call_details)
        if handler is None or path.startswith(UNTOUCHED):
            return handler
        return self._built.setdefault(path, self._around(self._rpcs[path], handler))

    def _around(self, rpc: Rpc, handler: Any) -> Any:
        behave: Behaviour = handler.unary_unary
        for layer in reversed(self._layers):
            behave = layer(rpc, behave)
        return grpc.unary_unary_rpc_method_handler(
            behave, request_deserializer=_lenient(handler.request_deserializer), response_serializer=handler.response_serializer
        )


def request_identity(rpc: Rpc, inner: Behaviour) -> Behaviour:
    """A request id: the caller's or a fresh one, in every log line and in the answer's metadata."""

    def behave(request: Any, context: Any) -> Any:
        told = _metadata(context)
        given = tracing.request_id(told.get("x-request-id"))
        request_id = given if given and telemetry.scrub(given) == given else uuid4().hex
        context.request_id = request_id
        context.set_trailing_metadata((("x-request-id", request_id),))
        with (
            tracing.joined(request_id, told.get("traceparent")),
            structlog.contextvars.bound_contextvars(rpc=rpc.name),
            tracing.span(rpc.path[1:], "SERVER", {"rpc.system": "grpc", "rpc.method": rpc.path[1:]}),
        ):
            return inner(request, context)

    return behave


def measured(rpc: Rpc, inner: Behaviour) -> Behaviour:
    """jeondan_rpc_seconds by method and code."""

    def behave(request: Any, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return inner(request, context)
        finally:
            code, spent = context.code() or grpc.StatusCode.OK, time.perf_counter() - started
            telemetry.RPC_SECONDS.labels(rpc.name, code.name).observe(spent)
            if rpc.changes and code is grpc.StatusCode.OK:  # what was refused is told where it is refused
                _log.info("rpc", ms=round(spent * 1000, 1))

    return behave


def refusals(rpc: Rpc, inner: Behaviour) -> Behaviour:
    """A refusal becomes a status with details; a defect is reported and becomes INTERNAL without its text."""

    def behave(request: Any, context: Any) -> Any:
        try:
            return inner(request, context)
        except Problem as problem:
            tell = _log.warning if isinstance(problem, Unavailable | TooLate) else _log.info
            tell("refused", reason=problem.reason, code=errors.code_of(problem).name)
            status = errors.status_of(problem, context.request_id)
        except Exception as defect:
            _log.exception("defect", error=type(defect).__name__)
            telemetry.report(defect)
            status = errors.status_of_defect(context.request_id)
        return context.abort_with_status(_outcome(status, context.request_id))

    return behave


def authenticated(rpc: Rpc, inner: Behaviour) -> Behaviour:
    """The caller is known and may do this; public RPCs have no caller."""
    if rpc.role == options_pb2.ROLE_PUBLIC:
        return inner

    def behave(request: Any, context: Any) -> Any:
        caller = auth.identify(_metadata(context))
        auth.authorise(caller, rpc.role, test_keys=rpc.test_keys)
        token = CALLER.set(replace(caller, origin=_origin(context)))
        try:
            return inner(request, context)
        finally:
            CALLER.reset(token)

    return behave


def bounded(rpc: Rpc, inner: Behaviour) -> Behaviour:
    """A deadline for every call: the client's, 10 s when it gave none, 60 s at most."""

    def behave(request: Any, context: Any) -> Any:
        left = context.time_remaining()
        seconds = DEFAULT_SECONDS if left is None else min(left, MOST_SECONDS)
        token = DEADLINE.set(time.monotonic() + seconds)
        try:
            remaining()
            return inner(request, context)
        finally:
            DEADLINE.reset(token)

    return behave


def validated(rpc: Rpc, inner: Behaviour) -> Behaviour:
    """The request keeps the rules of its proto."""

    def behave(request: Any, context: Any) -> Any:
        if isinstance(request, _Unreadable):
            raise InvalidInput("요청을 읽을 수 없습니다. 메시지의 형식이 아닙니다.")
        validation.check(request)
        violations.check(request)
        return inner(request, context)

    return behave


def _outcome(status: Status, request_id: str) -> Any:
    """What grpc wants: the status in a trailer, beside the request id (an abort forgets the trailers set before)."""
    made: Any = rpc_status.to_status(status)
    return made._replace(trailing_metadata=(*made.trailing_metadata, ("x-request-id", request_id)))


class _Unreadable:
    """Stands for bytes that are not the message they should be."""


def _lenient(deserializer: Any) -> Callable[[bytes], Message | _Unreadable]:
    """grpc answers unreadable bytes with INTERNAL; it is the client's mistake, so the layers shall see it."""

    def read(data: bytes) -> Message | _Unreadable:
        try:
            message: Message = deserializer(data)
        except DecodeError:
            return _Unreadable()
        return message

    return read


def _origin(context: Any) -> str:
    """The address of the person at the gateway, as it tells; else of whoever holds the connection."""
    kind, _, address = str(context.peer()).partition(":")
    held = address.rpartition(":")[0].strip("[]") if kind.startswith("ipv") else kind
    return _metadata(context).get("x-origin", held)[:64]


def _metadata(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}

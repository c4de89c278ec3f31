"""The ids of a piece of work, from the browser to the provider, in log lines, calls and jobs; spans where OTLP is wanted."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import structlog

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: Any = None  # None: nobody wants spans, and nothing of OpenTelemetry is loaded
_provider: Any = None


def start(endpoint: str, process: str, environment: str) -> None:
    """Once per process, after forking; without an endpoint nothing happens."""
    global _tracer, _provider
    if not endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = {"service.name": f"jeondan-{process}", "deployment.environment.name": environment}
    _provider = TracerProvider(resource=Resource(about), shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("jeondan")


def stop() -> None:
    """What has not been told yet is told, shortly."""
    global _tracer, _provider
    if _provider is not None:
        _provider.shutdown()
    _tracer = _provider = None


def request_id(given: object) -> str:
    """The id as it came, or nothing when it is no id."""
    return given if isinstance(given, str) and _REQUEST_ID(given) else ""


@contextmanager
def joined(request: str, traceparent: object) -> Iterator[None]:
    """Inside, log lines and jobs carry these ids, and spans belong to this trace."""
    trace = traceparent if isinstance(traceparent, str) and _TRACEPARENT(traceparent) else ""
    ids = {name: value for name, value in (("request_id", request), ("trace_id", trace[3:35])) if value}
    parent, asked = _traceparent.set(trace), _request_id.set(request)
    try:
        with structlog.contextvars.bound_contextvars(**ids), _remote(trace):
            yield
    finally:
        _traceparent.reset(parent)
        _request_id.reset(asked)


def carried() -> dict[str, str]:
    """What a job takes along: identifiers of the request and of the trace, nothing else."""
    trace = _traceparent.get()
    if _tracer is not None:
        trace = _current() or trace
    return {name: value for name, value in (("request_id", _request_id.get()), ("traceparent", trace)) if value}


def span(name: str, kind: str, facts: Mapping[str, str | int] | None = None) -> AbstractContextManager[Any]:
    """A span around a piece of work; `kind` is SERVER, CLIENT or CONSUMER. Facts are never personal data."""
    return _NOTHING if _tracer is None else _span(name, kind, facts or {})


def inner(name: str, facts: Mapping[str, str | int] | None = None) -> AbstractContextManager[Any]:
    """The same for a call to another system, only inside a span: the ticks of a scheduler are nobody's trace."""
    return _NOTHING if _tracer is None or not _current() else _span(name, "CLIENT", facts or {})


@contextmanager
def _span(name: str, kind: str, facts: Mapping[str, str | int]) -> Iterator[Any]:
    from opentelemetry.trace import SpanKind, Status, StatusCode

    # The text of an exception may hold what a caller sent: its kind is told, its words are not.
    with _tracer.start_as_current_span(
        name, kind=SpanKind[kind], attributes=dict(facts), record_exception=False, set_status_on_exception=False
    ) as begun:
        try:
            yield begun
        except BaseException as error:
            begun.set_attribute("error.type", type(error).__name__)
            begun.set_status(Status(StatusCode.ERROR))
            raise


@contextmanager
def _remote(traceparent: str) -> Iterator[None]:
    """Spans inside belong to the trace of whoever called."""
    if _tracer is None:
        yield
        return
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    token = context.attach(TraceContextTextMapPropagator().extract({"traceparent": traceparent}, context.Context()))
    try:
        yield
    finally:
        context.detach(token)


def _current() -> str:
    """The span we are in, as whoever is called next shall see it."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent", "")

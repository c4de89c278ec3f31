"""The trace a request belongs to: the browser's or one of our own; a span of it where OTLP is wanted."""

import re
import secrets
from typing import Any

from gateway.settings import Settings

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Tracing:
    """What is known of the spans of this process; without OTEL_EXPORTER_OTLP_ENDPOINT nothing of OpenTelemetry is loaded."""

    def __init__(self, settings: Settings) -> None:
        self._provider: Any = None
        self._tracer: Any = None
        if endpoint := settings.otel_exporter_otlp_endpoint:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

            about = {"service.name": "jeondan-gateway", "deployment.environment.name": settings.app_env}
            self._provider = TracerProvider(resource=Resource(about), shutdown_on_exit=False)
            exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
            self._tracer = self._provider.get_tracer("jeondan")

    def begin(self, given: str, method: str) -> "Trace":
        """A request arrives with this `traceparent`, or with nothing that is one."""
        parent = given if _TRACEPARENT.fullmatch(given) else ""
        if self._tracer is None:
            return Trace(parent or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01")
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        propagator, carrier = TraceContextTextMapPropagator(), dict[str, str]()
        before = propagator.extract({"traceparent": parent}, Context())
        span = self._tracer.start_span(method, before, SpanKind.SERVER, {"http.request.method": method})
        propagator.inject(carrier, set_span_in_context(span))
        return Trace(carrier["traceparent"], span)

    def stop(self) -> None:
        """What has not been told yet is told, shortly."""
        if self._provider is not None:
            self._provider.shutdown()


class Trace:
    """The trace of one request; `parent` is what the server is told."""

    def __init__(self, parent: str, span: Any = None) -> None:
        self.parent, self._span = parent, span

    @property
    def id(self) -> str:
        """32 hex digits, the same in every log line about this request."""
        return self.parent[3:35]

    def end(self, method: str, route: str, status: int) -> None:
        """It was answered. The route is the template: paths hold secrets."""
        if self._span is None:
            return
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            from opentelemetry.trace import Status, StatusCode

            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

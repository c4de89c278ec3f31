"""An OTLP receiver on loopback: what a collector would get."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from tests.posted import posted


@dataclass(frozen=True)
class Span:
    """One span, as it came."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    facts: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """Everything that was told so far."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    raw: bytes = b""

    def of(self, trace: str) -> dict[str, Span]:
        """The spans of one trace by name; of several with one name the first."""
        return {one.name: one for one in reversed(self.spans) if one.trace == trace}

    def take(self, data: bytes) -> None:
        self.raw += data
        kinds = {2: "SERVER", 3: "CLIENT", 5: "CONSUMER"}
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                for one in scope.spans:
                    facts = {a.key: a.value.string_value or a.value.int_value for a in one.attributes}
                    ids = one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex()
                    failed = one.status.code == 2
                    self.spans.append(Span(service, one.name, kinds.get(one.kind, str(one.kind)), *ids, facts, failed))


@contextmanager
def collecting() -> Iterator[Collector]:
    """Listening inside the `with`, on a port of the kernel's."""
    collector = Collector()

    def take(path: str, body: bytes) -> tuple[str, bytes]:
        assert path == "/v1/traces"
        collector.take(body)
        return "application/x-protobuf", ExportTraceServiceResponse().SerializeToString()

    with posted(take) as port:
        collector.url = f"http://127.0.0.1:{port}"
        yield collector

"""An OTLP receiver on loopback: what a collector would get."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse


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

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()

"""What is told about every request: an id, one log line, one measurement. Never a body, a query or a credential."""

import logging
import re
import sys
import time
import traceback
import uuid
from collections.abc import Mapping, MutableMapping
from typing import Any

import sentry_sdk
import structlog
from prometheus_client import CollectorRegistry, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.framework import ROUTING_CONTEXT
from gateway.settings import Settings
from gateway.tracing import Tracing

_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_PHONE = re.compile(r"(?<![0-9A-Za-z])(?:82[-.]?0?|0)1[016789][-.]?[0-9]{3,4}[-.]?[0-9]{4}(?![0-9A-Za-z])")
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BELOW = {"/docs": "/docs", "/webhooks/": "/webhooks/{provider}/{token}", "/o/": "/o/{code}"}  # secrets
_QUIET = {"/livez", "/health", "/metrics"}
log = structlog.stdlib.get_logger("gateway")


def configure(settings: Settings) -> None:
    """One line per event on stdout, as JSON or for a person; what libraries say, from WARNING on."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = structlog.processors.JSONRenderer(ensure_ascii=False) if settings.log_format == "json" else _for_people()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[_plain, last], foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("gateway").setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    if settings.sentry_dsn:
        sentry_sdk.init(
            dsn=settings.sentry_dsn,
            environment=settings.app_env,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            default_integrations=False,
            before_send=_scrub,
        )


def report(error: BaseException) -> None:
    """A defect of ours: where it happened, never its text, which may hold what a caller sent."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("defect", error=type(error).__name__, frames=frames[-12:])
    sentry_sdk.capture_exception(error)


def seconds(registry: CollectorRegistry) -> Histogram:
    """The measurement of every HTTP request."""
    help_text = "Seconds until the answer was sent; for event streams until it began."
    return Histogram("jeondan_http_seconds", help_text, ["route", "status"], registry=registry, buckets=_BUCKETS)


class Telemetry:
    """Around everything else: gives the request its id, and tells when it is answered."""

    def __init__(self, app: ASGIApp, histogram: Histogram, templates: Mapping[str, str], tracing: Tracing) -> None:
        self._app, self._histogram, self._templates, self._tracing = app, histogram, templates, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id, trace = _request_id(headers), self._tracing.begin(headers.get("traceparent", ""), _method(scope))
        scope.setdefault("state", {}).update(request_id=request_id, traceparent=trace.parent)
        scope.setdefault("extensions", {})
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id, trace_id=trace.id)
        started, status, stream = time.perf_counter(), 500, 0.0

        async def answering(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered["X-Request-Id"] = request_id
                if answered.get("content-type", "").startswith("text/event-stream"):
                    stream = time.perf_counter() - started
            await send(message)

        try:
            await self._app(scope, receive, answering)
        finally:
            route = self._route(scope, status)
            self._tell(scope, route, status, stream or time.perf_counter() - started)
            trace.end(_method(scope), route, status)

    def _tell(self, scope: Scope, route: str, status: int, spent: float) -> None:
        self._histogram.labels(route, str(status)).observe(spent)
        if route not in _QUIET:
            log.info(
                "request", client=_client(scope), method=_method(scope), route=route, status=status, ms=round(spent * 1000, 1)
            )

    def _route(self, scope: Scope, status: int) -> str:
        operation = scope["extensions"].get(ROUTING_CONTEXT, {}).get("operation_id")
        path = scope["path"]
        if operation in self._templates:
            return self._templates[operation]
        for prefix, template in _BELOW.items():
            if path.startswith(prefix):
                return template
        return path if path in self._templates.values() and status != 404 else "unmatched"


def _client(scope: Scope) -> str:
    """Who asks; behind a proxy of TRUSTED_PROXIES, for whom it asks."""
    found: Any = scope.get("client")
    return str(found[0]) if found else ""


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "OTHER"


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) and not _PHONE.search(given) else uuid.uuid4().hex


def _plain(logger: Any, name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    # The text of an exception may hold what a caller sent.
    event.pop("exc_info", None)
    return event


def _for_people() -> Any:
    return structlog.dev.ConsoleRenderer(colors=False)


_TOLD = ("event_id", "timestamp", "level", "platform", "environment", "release", "server_name", "sdk", "tags")


def _scrub(event: Any, hint: Any) -> Any:
    """What it is and where it happened, joined to the log by its ids; the text of an exception may hold what a caller sent."""
    told = {key: event[key] for key in _TOLD if key in event}
    bound = structlog.contextvars.get_contextvars()
    ids = {key: str(bound[key]) for key in ("request_id", "trace_id") if key in bound}
    told["tags"] = {"process": "gateway", **told.get("tags", {}), **ids}
    values = event.get("exception", {}).get("values", [])
    told["exception"] = {"values": [{key: one.get(key) for key in ("type", "module", "stacktrace")} for one in values]}
    return told

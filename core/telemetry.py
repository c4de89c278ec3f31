"""What is watched: structured logs without personal data, Prometheus metrics by fixed names, Sentry with scrubbing."""

import logging
import re
import sys
import traceback
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

from core.settings import Settings, load

MESSAGES = Counter("jeondan_messages_total", "Messages by what became of them.", ["channel", "provider", "state"])
_SINGLE = (0.3, 1, 2, 5, 10, 30, 60, 300, 3600)
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 90)
BATCH_SECONDS = Histogram("jeondan_batch_seconds", "One batch from claim to record.", buckets=_SECONDS)
QUEUE_DEPTH = Gauge("jeondan_queue_depth", "Jobs waiting, by queue.", ["queue"])
UNKNOWN_MESSAGES = Gauge("jeondan_unknown_messages", "Messages whose fate the provider is being asked about.")
DATABASE_AWAY = Gauge("jeondan_database_away", "1 while this process finds nobody there who can do its part.", ["database"])
PROVIDER_BREAKER = Gauge("jeondan_provider_breaker", "Accounts whose calls are held back.", ["provider"])
DISK_FREE = Gauge("jeondan_disk_free_ratio", "Share of a disk, or of a managed database's room, that is free.", ["place"])
RPC_SECONDS = Histogram("jeondan_rpc_seconds", "RPCs by method and gRPC code.", ["method", "code"])
DB_ROUND_TRIPS = Counter("jeondan_db_round_trips_total", "Times that PostgreSQL was asked: what goes together counts once.")
COST_WON = Counter("jeondan_cost_won_total", "What accepted messages cost, in won.", ["channel", "provider"])
SINGLE_MESSAGES = Counter("jeondan_single_messages_total", "Single messages a provider has, by whether in time.", ["in_time"])
SINGLE_SECONDS = Histogram("jeondan_single_seconds", "A single message from being asked for to a provider.", buckets=_SINGLE)
SINGLE_LATE = Gauge("jeondan_single_late", "Single messages whose time is over and that no provider has.")
CAMPAIGNS = Counter("jeondan_campaigns_total", "Campaigns that ended, by whether in their stated time.", ["in_time"])
DEPENDENCY_UP = Gauge("jeondan_dependency_up", "1 when what this process needs answers it, else 0.", ["dependency"])
COMPOSE_SECONDS = Histogram("jeondan_compose_seconds", "One flyer composed.", buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10))

# From zero on: of a series that begins at one, nobody can say that it rose.
for _counter in (SINGLE_MESSAGES, CAMPAIGNS):
    for _in_time in ("yes", "no"):
        _counter.labels(_in_time)

_PHONE = re.compile(r"(?<!\d)(?:\+?82[-. ]?0?|0)1[016789][-. ]?\d{3,4}[-. ]?\d{4}(?!\d)")
_SECRET = re.compile(r"(?i)(key|token|secret|password|authorization|body|text|phone|receiver|credentials)")


def start(settings: Settings, process: str, *, metrics_port: int = 0) -> None:
    """Once per process, after forking: logs to standard error, Sentry when SENTRY_DSN is set, metrics when a port is given."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if settings.log_format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            lambda _, __, event: {**event, "process": process},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _place,
            _scrub_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    if settings.sentry_dsn:
        _tell_sentry(settings, process)
    serve_metrics(metrics_port)


def _tell_sentry(settings: Settings, process: str) -> None:
    """Defects go to SENTRY_DSN: of its own accord the library would send arguments, breadcrumbs and log lines, too."""
    import sentry_sdk  # loaded only where it is wanted
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.threading import ThreadingIntegration

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        default_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda pending, timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            ThreadingIntegration(),
        ],
        before_send=_scrub_sentry,
    )
    sentry_sdk.get_global_scope().set_tag("process", process)


def serve_metrics(port: int) -> None:
    """`/metrics` on this port; 0 means nobody asks."""
    if port:
        start_http_server(port, addr=load().metrics_host)


def log(name: str) -> Any:
    """A logger; events are short names, facts are keyword arguments."""
    return structlog.get_logger(source=name)


def report(error: BaseException) -> None:
    """Give an unexpected error to Sentry, once; without SENTRY_DSN there is nobody to give it to."""
    if sentry := sys.modules.get("sentry_sdk"):
        sentry.capture_exception(error)


def scrub(text: str) -> str:
    """The text without anything that looks like a phone number."""
    return _PHONE.sub("[phone]", text)


def _place(_: Any, __: str, event: Any) -> Any:
    """Of an exception its kind and where it happened: its text may hold what a caller sent."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)[-12:]
        event |= {"error": type(error).__name__, "frames": [f"{one.filename}:{one.lineno} {one.name}" for one in frames]}
    return event


def _scrub_event(_: Any, __: str, event: Any) -> Any:
    return {key: _clean(key, value) for key, value in event.items()}


def _clean(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if key != "event" and _SECRET.search(key):
            return "[hidden]"
        return scrub(value)
    if isinstance(value, dict):
        return {inner: _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(key, item) for item in value]
    return value


_TOLD = ("event_id", "timestamp", "level", "platform", "environment", "release", "server_name", "sdk", "tags")
_IDS = ("request_id", "trace_id", "rpc")


def _scrub_sentry(event: Any, _: Any) -> Any:
    """What it is and where it happened, joined to the log by its ids; the text of an exception may hold anything."""
    told = {key: event[key] for key in _TOLD if key in event}
    bound = structlog.contextvars.get_contextvars()
    told["tags"] = {**told.get("tags", {}), **{key: scrub(str(bound[key])) for key in _IDS if key in bound}}
    values = event.get("exception", {}).get("values", [])
    told["exception"] = {"values": [{key: one.get(key) for key in ("type", "module", "stacktrace")} for one in values]}
    return told

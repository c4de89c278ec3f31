"""Every job: its name, its lane, and the one function that queues it. Jobs carry identifiers only, never personal data."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import lru_cache
from typing import Any
from uuid import UUID

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AgeLimit, Callbacks, Retries, ShutdownNotifications, TimeLimit

from core import telemetry, tracing
from core.errors import Problem
from core.respite import Respite
from core.settings import load

# Lanes are separate queues by promise: nothing bulk ever stands before a single message.
SINGLE, BULK, PLAN, COMPOSE, RECEIPTS, HOUSEKEEPING = "single", "bulk", "plan", "compose", "receipts", "housekeeping"
WEBHOOKS = "webhooks"
LANES = (SINGLE, BULK, PLAN, COMPOSE, RECEIPTS, HOUSEKEEPING, WEBHOOKS)

JOBS: dict[str, str] = {
    "check_image": COMPOSE,
    "compose_flyer": COMPOSE,
    "import_customers": PLAN,
    "export_customers": PLAN,
    "plan_campaign": PLAN,
    "write_report": PLAN,
    "deliver_batch": BULK,
    "deliver_single": SINGLE,
    "read_results": RECEIPTS,
    "reconcile_batch": RECEIPTS,
    "read_pushes": RECEIPTS,
    "read_balance": HOUSEKEEPING,
    "sync_templates": HOUSEKEEPING,
    "check_senders": HOUSEKEEPING,
    "read_optouts": HOUSEKEEPING,
    "deliver_webhook": WEBHOOKS,
}

_CONNECT, _ANSWER = 1.0, 2.0  # seconds for Redis: an RPC that has committed waits no longer to queue its job
_REST = 2.0  # seconds without trying; the sweeper finds what was not queued

_HANDFUL = 4
# How often an empty lane is looked into: while something goes on, and after a minute without. What is tried again waits a second.
_LOOK_MS, _LOOK_RESTING_MS, _LOOK_DELAYED_MS = 50, 250, 1000
_RESTING_AFTER = 60.0  # seconds

# KEYS: what this process has fetched from the lane, its jobs. ARGV: those that are done. Who has been given up is not ended.
_END = """
for _, id in ipairs(ARGV) do
    if redis.call('SREM', KEYS[1], id) > 0 then redis.call('HDEL', KEYS[2], id) end
end
"""

_log = telemetry.log("jobs")


class Queues(RedisBroker):
    """The queues, and how long to leave them alone when they do not answer."""

    respite: Respite

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)  # type: ignore[no-untyped-call]
        self._end = self.client.register_script(_END)
        self.ended: defaultdict[str, deque[str]] = defaultdict(deque)  # by lane: done, and Redis has not heard of it

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 0) -> "Handfuls":
        """Its jobs, one after another; None when there is none just now."""
        return Handfuls(self, queue_name, prefetch, _LOOK_RESTING_MS if queue_name in LANES else _LOOK_DELAYED_MS)

    def end(self, queue_name: str, ended: Sequence[str]) -> None:
        """These jobs are done: in one round trip what the library's `ack` does for one."""
        acks = f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}"
        self._end(keys=[acks, f"{self.namespace}:{queue_name}.msgs"], args=ended)


class Handfuls(_RedisConsumer):
    """Jobs are fetched and ended by the handful: one by one, a sixth of a worker's time went into asking Redis.

    Whoever dies with jobs that are done but not ended leaves them to be done again, which does nothing.
    """

    def __init__(self, broker: Queues, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self._ended = broker.ended[queue_name]
        self._awake = min(timeout, _LOOK_MS) if queue_name in LANES else timeout
        self._resting, self._last = timeout, time.monotonic()

    @property
    def outstanding_message_count(self) -> int:
        """As many as there may be, until a handful of them are done."""
        count = len(self.queued_message_ids) + len(self.message_cache)
        return count if count <= max(0, self.prefetch - _HANDFUL) else self.prefetch

    def ack(self, message: Any) -> None:
        """It is done; Redis hears of it with the next ones."""
        self._ended.append(message.options["redis_message_id"])
        self.queued_message_ids.discard(message.message_id)

    def __next__(self) -> Any:
        if not self.message_cache:
            self._end()
            if self.queued_message_ids:
                self.misses = min(self.misses, 1)  # busy: 5 to 10 ms to the next look
        rests = time.monotonic() - self._last > _RESTING_AFTER
        self.timeout = self._resting if rests else self._awake
        if (message := super().__next__()) is not None:  # type: ignore[no-untyped-call]
            self._last = time.monotonic()
        return message

    def close(self) -> None:
        """What is done is ended, if Redis hears it."""
        with suppress(ConnectionClosed):
            self._end()

    def _end(self) -> None:
        if not self._ended:
            return
        ended = [self._ended.popleft() for _ in range(len(self._ended))]
        try:
            self.broker.end(self.queue_name, ended)
        except redis.RedisError as error:
            self._ended.extend(ended)
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]


class Ids(dramatiq.Middleware):
    """A job is done under the ids of the request that queued it, in the thread that does it."""

    def __init__(self) -> None:
        self._open = threading.local()

    def before_process_message(self, broker: Any, message: Any) -> None:
        """From here on."""
        self._open.scope = scope = ExitStack()
        options = message.options
        scope.enter_context(tracing.joined(tracing.request_id(options.get("request_id")), options.get("traceparent")))
        facts = {"messaging.system": "dramatiq", "messaging.destination.name": message.queue_name}
        scope.enter_context(tracing.span(message.actor_name, "CONSUMER", facts))

    def after_process_message(self, broker: Any, message: Any, *, result: Any = None, exception: Any = None) -> None:
        """Until here."""
        if exception is not None and not isinstance(exception, Problem):
            telemetry.report(exception)  # under the ids of its request
        scope: ExitStack = self._open.__dict__.pop("scope", None) or ExitStack()
        scope.__exit__(type(exception) if exception else None, exception, None)

    after_skip_message = after_process_message


@lru_cache(maxsize=1)
def broker() -> Queues:
    """This process's connection to the queues. Retries are few: what must not be lost is a row that the sweeper finds."""
    made = Queues(
        # Beside an address the broker would drop the time-outs.
        client=redis.Redis.from_url(load().redis_url, socket_timeout=_ANSWER, socket_connect_timeout=_CONNECT),
        middleware=[
            AgeLimit(),
            TimeLimit(time_limit=600_000),
            ShutdownNotifications(),
            Callbacks(),
            Retries(max_retries=3, min_backoff=1_000, max_backoff=30_000),
            Ids(),
        ],
    )
    made.respite = Respite(_REST, _CONNECT + _ANSWER)
    dramatiq.set_broker(made)
    return made


def check_image(workspace: UUID, image: UUID) -> None:
    """Look into an uploaded photo."""
    _queue("check_image", workspace, image)


def compose_flyer(workspace: UUID, flyer: UUID) -> None:
    """Make a flyer's picture."""
    _queue("compose_flyer", workspace, flyer)


def import_customers(workspace: UUID, import_id: UUID) -> None:
    """Read a customer file."""
    _queue("import_customers", workspace, import_id)


def export_customers(workspace: UUID, export: UUID) -> None:
    """Write customers into an encrypted file."""
    _queue("export_customers", workspace, export)


def plan_campaign(workspace: UUID, campaign: UUID) -> None:
    """Turn the audience into batches."""
    _queue("plan_campaign", workspace, campaign)


def write_report(workspace: UUID, report: UUID) -> None:
    """Write what became of everybody of a campaign into a file."""
    _queue("write_report", workspace, report)


def deliver_batches(workspace: UUID, batches: Iterable[UUID]) -> None:
    """Hand batches to the provider; a job each, so that a slow answer holds up no other batch."""
    for batch in batches:
        _queue("deliver_batch", workspace, batch)


def deliver_single(workspace: UUID, batch: UUID) -> None:
    """Hand the messages of one call of SendService over, past everything bulk."""
    _queue("deliver_single", workspace, batch)


def read_results(workspace: UUID, attempt: UUID) -> None:
    """Ask the provider what became of an accepted call."""
    _queue("read_results", workspace, attempt)


def reconcile_batch(workspace: UUID, batch: UUID) -> None:
    """Find out whether an unanswered call was accepted."""
    _queue("reconcile_batch", workspace, batch)


def read_pushes(workspace: UUID, account: UUID) -> None:
    """Look into what a provider pushed for an account."""
    _queue("read_pushes", workspace, account)


def read_balance(workspace: UUID, account: UUID) -> None:
    """Ask the provider for the balance."""
    _queue("read_balance", workspace, account)


def sync_templates(workspace: UUID, account: UUID) -> None:
    """Ask the provider which Alimtalk templates there are."""
    _queue("sync_templates", workspace, account)


def check_senders(workspace: UUID, account: UUID) -> None:
    """Ask the provider which sender numbers may be used."""
    _queue("check_senders", workspace, account)


def read_optouts(workspace: UUID, account: UUID) -> None:
    """Ask the provider who said no by the free number."""
    _queue("read_optouts", workspace, account)


def deliver_webhook(workspace: UUID, endpoint: UUID) -> None:
    """Post what has been due for longest to an endpoint of the merchant's."""
    _queue("deliver_webhook", workspace, endpoint)


def depths() -> dict[str, int]:
    """How many jobs wait in each lane (delayed ones not counted)."""
    connection = broker().client
    return {lane: int(connection.llen(f"dramatiq:{lane}")) for lane in LANES}


def depth(lane: str) -> int:
    """How many jobs wait in one lane; 0 when Redis cannot say, because queueing will not work either."""
    if not broker().respite.may_ask():
        return 0
    try:
        found = int(broker().client.llen(f"dramatiq:{lane}"))
    except redis.RedisError:
        broker().respite.gave_up()
        return 0
    broker().respite.answered()
    return found


def ping() -> None:
    """Raises when Redis does not answer."""
    broker().client.ping()


def _queue(name: str, *identifiers: UUID) -> None:
    """Queue one job. Without Redis nothing is lost: the row is there, and the sweeper queues it again."""
    if not broker().respite.may_ask():
        return
    message: dramatiq.Message[Any] = dramatiq.Message(
        queue_name=JOBS[name],
        actor_name=name,
        args=tuple(str(identifier) for identifier in identifiers),
        kwargs={},
        options=tracing.carried(),
    )
    try:
        broker().enqueue(message)
        broker().respite.answered()
    except (redis.RedisError, dramatiq.errors.BrokerError) as error:
        broker().respite.gave_up()
        _log.warning("not_queued", job=name, error=type(error).__name__)

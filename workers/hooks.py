"""Hooks: what happened becomes deliveries to the merchant's own systems, and each is posted until it is taken or given up."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import accounts, events, webhooks
from core.db.ids import first_id
from core.db.session import Row, Tx, database
from core.rules import webhook
from core.rules.events import Event, Place, unfold
from core.settings import load
from workers import http
from workers.ledger import as_ids

SECONDS = 10.0  # for a POST as a whole
LEASE = timedelta(seconds=60)
MOST_WAITING = 200  # deliveries of one endpoint; the rest stays in the outbox until they are taken or given up
AT_ONCE = 3  # jobs for an endpoint that has a lot to get; take() holds it to its places

_log = telemetry.log("hooks")


# --- from the outbox to deliveries ---------------------------------------------------------------------------------


def fan_out(tx: Tx, now: datetime) -> None:
    """Make deliveries of what has happened, for every endpoint; the cursor moves in the same transaction. Across workspaces."""
    before, since = events.horizon(tx), first_id(now - events.KEPT)
    for endpoint in webhooks.behind(tx, before, since, MOST_WAITING):
        place = Place(endpoint.cursor_transaction, endpoint.cursor_event)
        rows = events.after(tx, endpoint.workspace_id, place, before=before, since=since, limit=events.ROWS)
        news = [row for row in rows if row.row != endpoint.cursor_event]
        if not news:
            continue
        wanted = [row for row in news if not endpoint.kinds or row.news.kind in endpoint.kinds]
        whose = {"workspace_id": endpoint.workspace_id, "endpoint_id": endpoint.id}
        rows_made = [{**whose, "event_ids": ids, "skip": skip, "size": size} for ids, skip, size in webhook.cut(wanted)]
        made = webhooks.add_deliveries(tx, rows_made, now, now + webhook.PATIENCE)
        webhooks.move_cursor(tx, endpoint.id, news[-1].transaction, news[-1].row)
        for _ in made[:AT_ONCE]:
            tx.after_commit(partial(jobs.deliver_webhook, endpoint.workspace_id, endpoint.id))


def queue_due(tx: Tx, now: datetime) -> None:
    """Queue what is due and in nobody's hands. Across workspaces."""
    for row in webhooks.due(tx, now, 200):
        tx.after_commit(partial(jobs.deliver_webhook, row.workspace_id, row.id))


# --- from a delivery to the merchant -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parcel:
    """A delivery in this worker's hands, ready to be posted."""

    id: UUID
    endpoint: UUID
    tries: int
    test: bool
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    secrets: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended; `error` is empty when the delivery was taken."""

    error: str = ""
    status: int = 0
    retry_seconds: float | None = None


@dramatiq.actor(actor_name="deliver_webhook", queue_name=jobs.WEBHOOKS, max_retries=0)
def deliver_webhook(workspace: str, endpoint: str) -> None:
    """Job: one POST to an endpoint, if it has a place free and something is due."""
    deliver(*as_ids(workspace, endpoint))


def deliver(workspace: UUID, endpoint: UUID) -> None:
    """Take, post with no transaction open, record. A worker that dies in between posts again later, under the same id."""
    with database().write(workspace) as tx:
        parcel = take(tx, endpoint)
    if parcel is None:
        return
    outcome = post(parcel)
    with database().write(workspace) as tx:
        record(tx, parcel, outcome, clock.now())
        if webhooks.more_is_due(tx, endpoint, clock.now()):
            tx.after_commit(partial(jobs.deliver_webhook, workspace, endpoint))


def take(tx: Tx, endpoint: UUID) -> Parcel | None:
    """What has been due for longest, with its events and the secrets that sign it."""
    now = clock.now()
    while (row := webhooks.take(tx, endpoint, now, now + LEASE)) is not None:
        told = _events(tx, row)
        if len(told) == max(row.size, 1):
            made = webhook.body(told, row.created_at)
            return Parcel(row.id, endpoint, row.tries, not row.event_ids, row.url, made, _secrets(row, now))
        webhooks.save_delivery(tx, row.id, {"state": webhooks.DEAD, "last_error": "EVENTS_GONE", "due_at": None, "ended_at": now})
    return None


def post(parcel: Parcel) -> Outcome:
    """The POST itself."""
    identifier, timestamp = str(parcel.id), int(clock.now().timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhook.signature(parcel.secrets, identifier, timestamp, parcel.body),
    }
    may_reach = partial(webhook.may_reach, real=load().app_env != "development")
    try:
        answer = http.post_outside(parcel.url, parcel.body, headers, may_reach=may_reach, seconds=SECONDS)
    except http.Forbidden:
        return Outcome("ADDRESS_FORBIDDEN")
    except http.NotSent:
        return Outcome("NOT_REACHED")
    except http.MaybeSent:
        return Outcome("NO_ANSWER")
    return Outcome(_error(answer.status), answer.status, answer.retry_seconds)


def record(tx: Tx, parcel: Parcel, outcome: Outcome, now: datetime) -> None:
    """What came of it, for the delivery and for the endpoint; the endpoint is locked first, as in take()."""
    webhooks.get(tx, parcel.endpoint, lock=True)
    row = webhooks.get_delivery(tx, parcel.id, lock=True)
    if not outcome.error:
        if row.state != webhooks.DELIVERED:
            _end(tx, parcel, webhooks.DELIVERED, outcome, now)
        return webhooks.works(tx, parcel.endpoint, now)
    if row.state != webhooks.PENDING or row.tries != parcel.tries:
        return None  # given up meanwhile, or in other hands
    _log.info("webhook_failed", delivery=str(parcel.id), error=outcome.error, status=outcome.status, tries=parcel.tries)
    due_at = webhook.next_try(now, row.give_up_at, random.random(), outcome.retry_seconds)
    if due_at is None or parcel.test:
        _end(tx, parcel, webhooks.DEAD, outcome, now)
    else:
        said = {"last_status": outcome.status, "last_error": outcome.error}
        webhooks.save_delivery(tx, parcel.id, {**said, "due_at": due_at})
    if not parcel.test:
        _judge(tx, parcel.endpoint, outcome, now)
    return None


def _judge(tx: Tx, endpoint: UUID, outcome: Outcome, now: datetime) -> None:
    """An endpoint that says it is gone, or takes nothing for days, is disabled."""
    since = webhooks.fails(tx, endpoint, now)
    reason = "GONE" if outcome.error == "GONE" else "FAILING" if now - since >= webhook.GIVEN_UP else ""
    if reason:
        webhooks.disable(tx, endpoint, reason, now)
        _log.warning("webhook_disabled", endpoint=str(endpoint), reason=reason)


def _end(tx: Tx, parcel: Parcel, state: str, outcome: Outcome, now: datetime) -> None:
    said = {"last_status": outcome.status, "last_error": outcome.error}
    webhooks.save_delivery(tx, parcel.id, {**said, "state": state, "due_at": None, "ended_at": now})


def _events(tx: Tx, row: Row[Any]) -> list[Event]:
    if not row.event_ids:
        return [Event(str(row.id), webhook.TEST_KIND, row.created_at, test=True)]
    told = events.by_ids(tx, row.event_ids)
    known = events.references(tx, told)
    return [event for one in told for event in unfold(one, known)][row.skip : row.skip + row.size]


def _secrets(row: Row[Any], now: datetime) -> tuple[bytes, ...]:
    """The present one first."""
    old = [row.old_secret] if row.old_secret and row.old_secret_until > now else []
    return tuple(accounts.keyring().unwrap(wrapped, f"webhook:{row.endpoint_id}") for wrapped in (row.secret, *old))


def _error(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if status == 410:
        return "GONE"
    return "REDIRECTED" if 300 <= status < 400 else "REFUSED"

"""Pushes: a provider's own reports are hints. Whatever they say, the results are read from the provider, once for many hints."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import pushes
from core.db.pushes import Push
from core.db.session import Row, Tx, database
from workers import accounts as providers
from workers import receipts
from workers.ledger import as_ids
from workers.providers import Forged, Provider

AT_ONCE = 20  # pushes of up to a megabyte each
IN_HAND = timedelta(seconds=60)  # after so long a push that nobody settled is looked at again
READ_EVERY = timedelta(seconds=3)  # of one call, however many pushes are about it
POLL_AFTER = timedelta(seconds=30)  # when the provider did not answer; from then on it is asked as after any acceptance
KEPT = timedelta(days=7)

# A push may come before the call it is about is recorded, or be about a call of somebody else: (age, wait).
PARKED = ((timedelta(minutes=1), timedelta(seconds=5)), (timedelta(hours=1), timedelta(minutes=1)), (KEPT, timedelta(hours=1)))

_log = telemetry.log("pushes")


@dramatiq.actor(actor_name="read_pushes", queue_name=jobs.RECEIPTS, max_retries=0)
def read_pushes(workspace: str, account: str) -> None:
    """Job: look into what was pushed for one account."""
    look(*as_ids(workspace, account))


def look(workspace: UUID, account: UUID) -> None:
    """Take what is due, read the calls it is about, and settle each push by what is known then."""
    now = clock.now()
    with database().write(workspace) as tx:
        provider = providers.provider_of(tx, account)
        taken = pushes.take(tx, workspace, account, now, now + IN_HAND, AT_ONCE)
        if len(taken) == AT_ONCE:
            tx.after_commit(partial(jobs.read_pushes, workspace, account))
    if not taken:
        return
    about = {push.id: _references(provider, push) for push in taken}
    with database().read(workspace) as tx:
        known = pushes.attempts(tx, account, sorted(set().union(*filter(None, about.values()))))
    _read(workspace, _unread(taken, about, known), now)
    with database().write(workspace) as tx:
        known = pushes.attempts(tx, account, sorted(known))
        for push in taken:
            state, due_at = _settled(push, about[push.id], known, now)
            pushes.settle(tx, push.id, state, due_at)


def parked(now: datetime, received_at: datetime) -> tuple[str, datetime | None]:
    """When a push about an unknown call is looked at again; after a week never."""
    for age, wait in PARKED:
        if now - received_at < age:
            return "PARKED", now + wait
    return "DONE", None


def due(tx: Tx, now: datetime) -> None:
    """For the sweeper: queue a look for every account with pushes that wait for one."""
    for row in pushes.due_accounts(tx, now):
        tx.after_commit(partial(jobs.read_pushes, row.workspace_id, row.provider_account_id))


def _references(provider: Provider, push: Push) -> frozenset[str] | None:
    """The calls a push is about; None when it does not prove that the provider sent it."""
    try:
        return frozenset(hint.reference for hint in provider.parse_webhook(push.body, push.headers))
    except Forged:
        _log.warning("push_forged", account=str(push.account), push=str(push.id))
        return None


def _unread(taken: Sequence[Push], about: Mapping[UUID, Any], known: Mapping[str, Row[Any]]) -> set[UUID]:
    """The calls of which no read began after the push came."""
    return {
        known[reference].id
        for push in taken
        for reference in about[push.id] or ()
        if reference in known and not _served(push, known[reference])
    }


def _served(push: Push, attempt: Row[Any]) -> bool:
    return attempt.read_at is not None and push.received_at is not None and attempt.read_at >= push.received_at


def _read(workspace: UUID, attempts: Iterable[UUID], now: datetime) -> None:
    """Read each call that has not been read a moment ago."""
    for attempt in sorted(attempts):
        with database().write(workspace) as tx:
            ours = pushes.claim_read(tx, attempt, now, now - READ_EVERY)
        if ours and not receipts.read(workspace, attempt, pushed=True):
            with database().write(workspace) as tx:
                pushes.poll_soon(tx, attempt, now + POLL_AFTER)


def _settled(
    push: Push, references: frozenset[str] | None, known: Mapping[str, Row[Any]], now: datetime
) -> tuple[str, datetime | None]:
    if references is None:
        return "FORGED", None
    attempts = [known[reference] for reference in references if reference in known]
    if any(not _served(push, attempt) for attempt in attempts):
        return "NEW", now + READ_EVERY
    if len(attempts) < len(references):
        return parked(now, push.received_at or now)
    return "DONE", None

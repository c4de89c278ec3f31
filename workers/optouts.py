"""Opt-outs by the 080 number: every few minutes ask the provider who called, and keep it page by page."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import feeds, optouts
from core.db.session import Tx, database
from workers import accounts as providers
from workers.ledger import as_ids
from workers.providers import Busy, OptedOut, Refused, Unknown

OVERLAP = timedelta(hours=1)  # what is listed late, or by another clock, is found all the same

_log = telemetry.log("optouts")


@dramatiq.actor(actor_name="read_optouts", queue_name=jobs.HOUSEKEEPING, max_retries=0)
def read_optouts(workspace: str, account: str) -> None:
    """Job: read the list of one account."""
    read(*as_ids(workspace, account))


def read(workspace: UUID, account: UUID) -> None:
    """What was read before a page failed counts already; only a list that was read to its end counts as read."""
    began = clock.now()
    with database().read(workspace) as tx:
        provider, before = providers.provider_of(tx, account), feeds.read_at(tx, account)
    try:
        for page in provider.optouts(_since(before, began)):
            with database().write(workspace) as tx:
                stopped = _keep(tx, workspace, page)
            if stopped:
                _log.info("opted_out", people=stopped, account=str(account))
    except (Refused, Busy, Unknown) as trouble:
        _log.warning("optouts_not_read", account=str(account), error=type(trouble).__name__)
        return
    with database().write(workspace) as tx:
        feeds.save_read(tx, account, began)


def _since(before: datetime | None, now: datetime) -> datetime | None:
    """Once a day, and at first, the whole list; in between what came since."""
    if before is None or clock.kst(before).date() != clock.kst(now).date():
        return None
    return before - OVERLAP


def _keep(tx: Tx, workspace: UUID, page: Sequence[OptedOut]) -> int:
    now = clock.now()
    said = [optouts.of_number(tx, workspace, one.number, one.event, one.at or now) for one in page]
    return optouts.say_no(tx, optouts.Way(workspace, "OPTOUT_CALL"), said, now)


def queue_due(tx: Tx, now: datetime) -> None:
    """What the sweeper does: lists that were not looked at for a few minutes."""
    for row in feeds.take_due(tx, now):
        tx.after_commit(partial(jobs.read_optouts, row.workspace_id, row.id))
    feeds.settle(tx)

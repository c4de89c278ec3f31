"""Templates: ask a provider which Alimtalk templates there are, and keep what it said."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import templates
from core.db.session import Tx, database
from workers import accounts as providers
from workers.ledger import as_ids
from workers.providers import Busy, Refused, Unknown

EVERY = timedelta(hours=1)
PATIENCE = timedelta(minutes=2)  # after which a job that was queued is taken for lost

BUSY = "발송사가 지금 응답하지 않습니다. 잠시 뒤에 다시 불러옵니다."

_log = telemetry.log("templates")


@dramatiq.actor(actor_name="sync_templates", queue_name=jobs.HOUSEKEEPING, max_retries=0)
def sync_templates(workspace: str, account: str) -> None:
    """Job: one look at the templates of one account."""
    sync(*as_ids(workspace, account))


def sync(workspace: UUID, account: UUID) -> None:
    """Ask outside any transaction, then write. A refusal is of this question: an account without Kakao still sends texts."""
    with database().read(workspace) as tx:
        provider = providers.provider_of(tx, account)
    try:
        listed, refusal = provider.templates(), ""
    except Refused as trouble:
        listed, refusal = (), trouble.message
    except (Busy, Unknown):
        listed, refusal = (), BUSY
    with database().write(workspace) as tx:
        if refusal:
            templates.refuse(tx, account, refusal, clock.now())
            _log.warning("templates_not_read", account=str(account))
        else:
            templates.sync(tx, workspace, account, listed, clock.now())


def queue_due(tx: Tx, now: datetime) -> None:
    """What the sweeper does: accounts whose templates were not looked at for long, and those whose look was lost."""
    for row in templates.take_to_sync(tx, now, asked_before=now - PATIENCE, synced_before=now - EVERY):
        tx.after_commit(partial(jobs.sync_templates, row.workspace_id, row.id))

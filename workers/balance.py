"""Balance: the cheapest question to a provider; it also tells whether a paused account may go on."""

from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import provider_accounts
from core.db.session import database
from workers import accounts as providers
from workers.ledger import as_ids
from workers.providers import Busy, Cause, Refused, Unknown

FAULTS = (Cause.AUTH, Cause.IP, Cause.BALANCE, Cause.EDGE)  # of the account; any other refusal is of this one question

_log = telemetry.log("balance")


@dramatiq.actor(actor_name="read_balance", queue_name=jobs.HOUSEKEEPING, max_retries=0)
def read_balance(workspace: str, account: str) -> None:
    """Job: ask, remember, resume."""
    read(*as_ids(workspace, account))


def read(workspace: UUID, account: UUID) -> None:
    """A refusal of the account pauses it (or keeps it paused); an answer with something left resumes."""
    with database().read(workspace) as tx:
        provider = providers.provider_of(tx, account)
    try:
        balance = provider.balance()
    except Refused as refusal:
        if refusal.cause in FAULTS:
            with database().write(workspace) as tx:
                provider_accounts.pause(tx, account, refusal.cause.value)
        return
    except (Busy, Unknown):
        return
    with database().write(workspace) as tx:
        provider_accounts.save_balance(tx, account, sms=balance.sms, lms=balance.lms, mms=balance.mms, now=clock.now())
        if balance.sms > 0:
            provider_accounts.resume(tx, account)
            _log.info("account_answers", account=str(account))

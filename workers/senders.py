"""Sender numbers: once a day ask every provider which of ours it still accepts; dead ones stop before they cost the account."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import provider_accounts, senders
from core.db.session import Row, Tx, database
from core.errors import InvalidInput
from core.rules.phone import normalise_sender
from core.rules.sender import Verdict, verdict
from workers import accounts as providers
from workers.ledger import as_ids
from workers.providers import Busy, Listed, Refused, Unknown

EVERY = timedelta(hours=24)
PATIENCE = timedelta(minutes=10)  # after which a provider that did not say is asked again

_log = telemetry.log("senders")


@dramatiq.actor(actor_name="check_senders", queue_name=jobs.HOUSEKEEPING, max_retries=0)
def check_senders(workspace: str, account: str) -> None:
    """Job: one look at the sender numbers of one account."""
    check(*as_ids(workspace, account))


def check(workspace: UUID, account: UUID) -> None:
    """Ask outside any transaction, then write. A provider that cannot be asked is believed until it refuses."""
    with database().read(workspace) as tx:
        provider = providers.provider_of(tx, account)
    try:
        listed = provider.senders()
    except (Refused, Busy, Unknown):
        _log.warning("senders_not_read", account=str(account))
        with database().write(workspace) as tx:
            senders.check_again(tx, account, clock.now() - EVERY + PATIENCE)
        return
    if listed is not None:
        with database().write(workspace) as tx:
            senders.sync(tx, workspace, account, _ours(listed), clock.now())


def queue_due(tx: Tx, now: datetime) -> None:
    """What the sweeper does: accounts that were not asked for a day."""
    for row in senders.take_to_check(tx, now, now - EVERY):
        tx.after_commit(partial(jobs.check_senders, row.workspace_id, row.id))


def hear(tx: Tx, attempt: Row[Any], words: Iterable[str], now: datetime) -> None:
    """What results say about us and not about the receiver: the number or the account is used no more (R-SND-3)."""
    for found in {concluded for said in set(words) if (concluded := verdict(said))}:
        if found is Verdict.NUMBER:
            provider_accounts.refuse_sender(tx, attempt.provider_account_id, attempt.sender, now)
        else:
            provider_accounts.pause(tx, attempt.provider_account_id, found.value)
        _log.error("account_wide_refusal", cause=found.value, account=str(attempt.provider_account_id))


def _ours(listed: Iterable[Listed]) -> Iterable[tuple[str, bool, str]]:
    """Numbers as we write them; what is none of a form that may send is left out."""
    for one in listed:
        try:
            yield normalise_sender(one.number), one.usable, one.words
        except InvalidInput:
            continue

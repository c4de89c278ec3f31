"""Reconcile: ask the provider whether a call without an answer was accepted, before anything is sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import accounts, send
from core.db.session import Row, Tx, database
from core.rules import ledger
from core.rules.channel import Channel
from core.rules.letter import HASH_BYTES, hash_at, text_hash
from core.rules.states import BatchState, MessageState
from workers import accounts as providers
from workers.ledger import as_ids, move
from workers.providers import Accepted, Busy, Provider, Refused, Sighting, Unknown
from workers.record import accepted_news, apply, not_found_news

BEFORE, AFTER = timedelta(seconds=60), timedelta(seconds=180)  # how far the provider's clock and ours may differ
# What a provider may have made of a call: a text that it counts longer than we do goes as LMS.
_MADE_OF = {channel: {channel} for channel in Channel} | {Channel.SMS: {Channel.SMS, Channel.LMS}}

_log = telemetry.log("reconcile")


@dramatiq.actor(actor_name="reconcile_batch", queue_name=jobs.RECEIPTS, max_retries=0)
def reconcile_batch(workspace: str, batch: str) -> None:
    """Job: resolve the open attempts of a batch whose fate is unknown."""
    reconcile(*as_ids(workspace, batch))


def reconcile(workspace: UUID, batch_id: UUID) -> None:
    """Ask outside any transaction, then write what was found."""
    with database().read(workspace) as tx:
        batch = send.get_batch(tx, batch_id)
        if batch is None or batch.state != BatchState.UNKNOWN:
            return
        open_attempts = [attempt for attempt in send.attempts(tx, batch_id) if attempt.outcome in ("OPEN", "UNKNOWN")]
        provider = providers.provider_of(tx, batch.provider_account_id)
        receivers = _receivers(tx, batch)
    for attempt in open_attempts:
        asked_at = clock.now()
        try:
            found = _find(workspace, provider, batch, attempt, [receivers[at] for at in attempt.positions])
        except (Busy, Refused, Unknown):
            return  # the provider cannot be asked now; the sweeper asks again
        _write(workspace, batch_id, attempt, found, asked_at)


def _receivers(tx: Tx, batch: Row[Any]) -> list[str]:
    unseal = accounts.keys(tx, batch.workspace_id).opener()
    sealed = send.phones(tx, batch.contact_ids)
    return [unseal(sealed[contact]) if contact in sealed else "" for contact in batch.contact_ids]


def _find(workspace: UUID, provider: Provider, batch: Row[Any], attempt: Row[Any], receivers: Sequence[str]) -> Accepted | None:
    """The provider's row that is this attempt: same sender, channel and count, one of our texts, the same receivers."""
    sightings = provider.sightings(sender=attempt.sender, since=attempt.started_at - BEFORE, until=attempt.started_at + AFTER)
    likely = [sighting for sighting in sightings if _is_like(sighting, attempt)]
    with database().read(workspace) as tx:
        taken = send.owned_references(tx, batch.provider_account_id, [sighting.reference for sighting in likely])
    # The fullest match first: a call to fewer people is ours with refused numbers only when no fuller one is there.
    for sighting in sorted(likely, key=lambda one: (-one.count, one.at)):
        if sighting.reference in taken:
            continue
        report = provider.results(sighting.reference)
        if not report.complete:
            raise Busy("half a list")
        listed = [result.receiver for result in report.results]
        if listed and set(listed) <= set(receivers):
            return Accepted(sighting.reference, len(listed), len(receivers) - len(listed), sighting.channel)
    return None


def _is_like(sighting: Sighting, attempt: Row[Any]) -> bool:
    hashes = bytes(attempt.text_hashes)
    ours = {hash_at(hashes, index) for index in range(len(hashes) // HASH_BYTES)}
    return (
        sighting.channel in _MADE_OF[Channel(attempt.channel)]
        and sighting.count <= len(attempt.positions)
        and text_hash(sighting.text) in ours
    )


def _write(workspace: UUID, batch_id: UUID, attempt: Row[Any], found: Accepted | None, asked_at: datetime) -> None:
    now = clock.now()
    with database().write(workspace) as tx:
        batch, current = send.wait_for_batch(tx, batch_id), send.get_attempt(tx, attempt.id)
        if batch is None or current is None or current.outcome not in ("OPEN", "UNKNOWN"):
            return
        if found is not None:
            apply(tx, batch, current, accepted_news(batch, found, current.unit_price, now), found)
        elif _is_settled(batch, current, asked_at):
            apply(tx, batch, current, not_found_news(now))
        else:
            send.save_batch(tx, batch_id, {"due_at": _next_look(batch, current, now)})
            return
    _log.info("reconciled", batch=str(batch_id), found=found is not None)


def _is_settled(batch: Row[Any], attempt: Row[Any], asked_at: datetime) -> bool:
    """Whether the provider's list, as it was then, could be trusted to show the call."""
    return asked_at >= _settled_at(batch, attempt)


def _next_look(batch: Row[Any], attempt: Row[Any], now: datetime) -> datetime:
    """Twice the age of the call, at the latest when its list can be trusted."""
    age = max(now - attempt.started_at, timedelta(seconds=1))
    look_at: datetime = max(min(now + age, _settled_at(batch, attempt)), now) + timedelta(milliseconds=100)
    return look_at


def _settled_at(batch: Row[Any], attempt: Row[Any]) -> datetime:
    settled_at: datetime = attempt.started_at + timedelta(seconds=batch.settle_seconds)
    return settled_at


def abandon(tx: Tx, batch_id: UUID, *, attempt: int | None = None) -> None:
    """The worker that held this batch is gone: what it had begun is unknown until the provider has been asked.

    `attempt` is the one whose lease was lost: a batch that changed hands meanwhile is left alone.
    """
    batch = send.lock_batch(tx, batch_id)
    if batch is None or batch.state != BatchState.LEASED or attempt not in (None, batch.attempt):
        return
    states = ledger.place(bytes(batch.states), ledger.at(bytes(batch.states), MessageState.CLAIMED), MessageState.UNKNOWN)
    for begun in send.attempts(tx, batch_id):
        if begun.outcome == "OPEN":
            send.finish_attempt(tx, begun.id, {"outcome": "UNKNOWN", "words": "worker gone"})
    move(tx, batch, states, due_at=clock.now() + timedelta(seconds=max(1.0, batch.settle_seconds / 16)))
    _log.warning("abandoned", batch=str(batch_id))

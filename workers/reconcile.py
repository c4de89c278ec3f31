"""Reconcile: ask the provider whether a call without an answer was accepted, before anything is sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import send
from core.db.session import Row, Tx, database
from core.rules import ledger
from core.rules.channel import Channel
from core.rules.letter import HASH_BYTES, hash_at, text_hash
from core.rules.routing import thawed
from core.rules.states import BatchState, Decision, MessageState
from workers import accounts as providers
from workers import recipients
from workers.ledger import as_ids, move
from workers.providers import Accepted, Busy, Provider, Refused, Sighting, Unknown
from workers.record import accepted_news, apply, decided_news, first_look, not_found_news

BEFORE, AFTER = timedelta(seconds=60), timedelta(seconds=180)  # how far the provider's clock and ours may differ
PATIENCE = timedelta(minutes=30)  # how long after that a provider may stay silent about a call before a person is asked
SELDOM = timedelta(minutes=10)
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
        adapters = {one.id: providers.caller_of(tx, one) for one in open_attempts}
        receivers = _receivers(tx, batch)
    for attempt in open_attempts:
        _resolve(workspace, batch_id, adapters[attempt.id], attempt, [receivers[at] for at in attempt.positions])


def _resolve(workspace: UUID, batch_id: UUID, provider: Provider, attempt: Row[Any], receivers: Sequence[str]) -> None:
    """One attempt: a person's decision, or the provider's word."""
    if attempt.decision:
        return _write(workspace, batch_id, attempt, None, settled=False)
    asked_at = clock.now()
    try:
        found = _ask(workspace, provider, attempt, receivers)
    except (Busy, Refused) as trouble:  # it cannot be asked now; the sweeper asks again
        _stay(workspace, batch_id, attempt, trouble.reason if isinstance(trouble, Busy) else trouble.code)
    except Unknown as trouble:  # it was asked, and does not know either
        _stay(workspace, batch_id, attempt, trouble.reason, certain=True)
    else:
        settled = provider.references_before_sending or asked_at >= _settled_at(attempt)
        _write(workspace, batch_id, attempt, found, settled=settled)


def _receivers(tx: Tx, batch: Row[Any]) -> list[str]:
    places = range(len(batch.states))
    numbers = recipients.numbers(tx, batch, places)
    return [numbers.get(position, "") for position in places]


def _ask(workspace: UUID, provider: Provider, attempt: Row[Any], receivers: Sequence[str]) -> Accepted | None:
    """What the call came to: by the reference noted before it, or by searching the provider's list."""
    if not provider.references_before_sending:
        return _find(workspace, provider, attempt, receivers)
    return provider.status(attempt.reference) if attempt.reference else None


def _find(workspace: UUID, provider: Provider, attempt: Row[Any], receivers: Sequence[str]) -> Accepted | None:
    """The provider's row that is this attempt: same sender, channel and count, one of our texts, the same receivers."""
    since, until = attempt.started_at - BEFORE, attempt.started_at + AFTER
    sightings = provider.sightings(sender=attempt.sender, since=since, until=until, channel=Channel(attempt.channel))
    likely = [sighting for sighting in sightings if _is_like(sighting, attempt)]
    with database().read(workspace) as tx:
        taken = send.owned_references(tx, attempt.provider_account_id, [sighting.reference for sighting in likely])
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


def _write(workspace: UUID, batch_id: UUID, attempt: Row[Any], found: Accepted | None, *, settled: bool) -> None:
    """`settled`: what was not found is certainly not there."""
    now = clock.now()
    with database().write(workspace) as tx:
        batch, current = send.wait_for_batch(tx, batch_id), send.get_attempt(tx, attempt.id)
        if batch is None or current is None or current.outcome not in ("OPEN", "UNKNOWN"):
            return
        if current.decision:
            apply(tx, batch, current, *decided_news(current, Decision(current.decision), now))
        elif found is not None:
            route = next((one for one in map(thawed, batch.routes) if one.account == current.provider_account_id), None)
            apply(tx, batch, current, accepted_news(found, route, current.unit_price, now, current.poll_seconds), found)
        elif settled:
            apply(tx, batch, current, not_found_news(now))
        else:
            send.save_batch(tx, batch_id, {"due_at": _next_look(current, now)})
            return
    _log.info("reconciled", batch=str(batch_id), found=found is not None, decision=current.decision)


def _stay(workspace: UUID, batch_id: UUID, attempt: Row[Any], words: str, *, certain: bool = False) -> None:
    """Still unknown. After a while, or when the provider itself cannot tell, a person is asked; we go on asking, too."""
    now = clock.now()
    late = now >= _settled_at(attempt) + PATIENCE
    with database().write(workspace) as tx:
        batch, current = send.wait_for_batch(tx, batch_id), send.get_attempt(tx, attempt.id)
        if batch is None or current is None or current.outcome not in ("OPEN", "UNKNOWN"):
            return
        if (certain or late) and current.escalated_at is None:
            send.finish_attempt(tx, attempt.id, {"escalated_at": now, "words": telemetry.scrub(words)})
            _log.warning("unresolved", attempt=str(attempt.id), provider=attempt.provider)
        send.save_batch(tx, batch_id, {"due_at": min(now + (now - attempt.started_at), now + SELDOM)})


def _next_look(attempt: Row[Any], now: datetime) -> datetime:
    """Twice the age of the call, at the latest when its list can be trusted."""
    age = max(now - attempt.started_at, timedelta(seconds=1))
    look_at: datetime = max(min(now + age, _settled_at(attempt)), now) + timedelta(milliseconds=100)
    return look_at


def _settled_at(attempt: Row[Any]) -> datetime:
    """From when on the provider's list can be trusted to show the call, or its reference to have been noted."""
    settled_at: datetime = attempt.started_at + timedelta(seconds=attempt.settle_seconds)
    return settled_at


def abandon(tx: Tx, batch_id: UUID, *, attempt: int | None = None) -> None:
    """The worker that held this batch is gone: what it had begun is unknown until the provider has been asked.

    `attempt` is the one whose lease was lost: a batch that changed hands meanwhile is left alone.
    """
    batch = send.lock_batch(tx, batch_id, clock.now())
    if batch is None or batch.state != BatchState.LEASED or attempt not in (None, batch.attempt):
        return
    now, settle_seconds = clock.now(), 0
    states = ledger.place(bytes(batch.states), ledger.at(bytes(batch.states), MessageState.CLAIMED), MessageState.UNKNOWN)
    for begun in send.attempts(tx, batch_id):
        if begun.outcome == "OPEN":
            send.finish_attempt(tx, begun.id, {"outcome": "UNKNOWN", "words": "worker gone"})
            settle_seconds = begun.settle_seconds
    move(tx, batch, states, due_at=first_look(settle_seconds, now))
    _log.warning("abandoned", batch=str(batch_id))

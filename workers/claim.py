"""Claim: one short transaction that takes a batch, checks every person again, writes the texts and commits the attempts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import clock
from core.db import accounts, send
from core.db.ids import new_id
from core.db.session import Row, Tx
from core.rules import ledger, night
from core.rules.channel import Channel
from core.rules.letter import SEALED, Part, Person, Prepared, prepare, text_hashes
from core.rules.states import BatchState, CampaignState, MessageState
from core.rules.template import Template
from workers import accounts as providers
from workers import alimtalk, gate, picture, recipients, skew
from workers.ledger import LEASE, move
from workers.liveness import heart
from workers.providers import Provider
from workers.routing import Full, Hand, Way, choose

OPEN_STATES = (CampaignState.PLANNING, CampaignState.SENDING)


@dataclass(frozen=True, slots=True)
class Call:
    """One provider call to be made: its attempt is committed, its numbers are in clear in memory only."""

    attempt: UUID
    part: Part
    receivers: tuple[str, ...]
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Load:
    """A claimed batch: what the calls have in common, and the calls."""

    batch: UUID
    number: int
    claimed_at: datetime
    way: Way
    provider: Provider
    sender: str
    subject: str
    image_object: str
    calls: tuple[Call, ...]
    test: bool
    template: Template | None = None
    advertising: bool = False
    falls_back: bool = False  # whom an Alimtalk does not reach gets a text
    until: datetime | None = None  # then quiet hours begin for somebody in it; None: for nobody


def claim(tx: Tx, batch_id: UUID, hand: Hand) -> Load | Full | None:
    """Take the batch, or None when there is nothing to do now: taken, stopped, not due, no way out, or nobody left."""
    now = clock.now()
    batch = send.lock_batch(tx, batch_id, now)
    if batch is None or not _may_go(batch, now):
        return None
    states = bytes(batch.states)
    waiting = ledger.at(states, MessageState.PLANNED, MessageState.HELD)
    if batch.expires_at and now >= batch.expires_at:
        move(tx, batch, ledger.place(states, waiting, MessageState.EXPIRED))
        return None
    if _too_early(tx, batch, now):
        return None
    way = choose(tx, batch, hand, now)
    if not isinstance(way, Way):
        return way
    provider = providers.provider_of(tx, way.route.account)
    said = alimtalk.correspondence(tx, batch)
    people = recipients.people(tx, batch, now, said.keys if said else None)
    if said:
        prepared = said.prepare(waiting, people, batch.fallen, provider.batch_limit)
    else:
        prepared = _prepare(batch, provider, way, waiting, people, now)
    allowed = gate.through(tx, batch, prepared, way.route.prices, now)
    if allowed is None:
        return None
    calls = _calls(tx, batch, way, allowed, people)
    send.add_attempts(tx, [_attempt(batch, way, call, now) for call in calls])
    _save(tx, batch, states, allowed, way, now)
    if not calls:
        return None
    return Load(
        batch=batch.id,
        number=batch.attempt + 1,
        claimed_at=now,
        way=way,
        provider=provider,
        sender=batch.sender,
        subject=batch.frozen_subject,
        image_object=batch.image_object,
        calls=calls,
        test=batch.test,
        template=said.template if said else None,
        advertising=batch.purpose == "AD",
        falls_back=alimtalk.falls_back(batch, Channel.ALIMTALK, now),
        until=_until(batch, now),
    )


def _too_early(tx: Tx, batch: Row[Any], now: datetime) -> bool:
    """Its pace, or the picture that cannot be had, makes it wait: it says until when."""
    if later := picture.missing_until(batch.image_object, now):
        send.postpone(tx, batch.id, later)
        return True
    return gate.too_early(tx, batch, now)


def _may_go(batch: Row[Any], now: datetime) -> bool:
    if batch.purpose == "AD" and skew.off():  # another worker takes it
        return False
    return batch.state == BatchState.READY and batch.due_at <= now and batch.campaign_state in OPEN_STATES


def _prepare(
    batch: Row[Any], provider: Provider, way: Way, waiting: Sequence[int], people: Sequence[Person], now: datetime
) -> Prepared:
    return prepare(
        recipients.letter(batch, way.route.optout_number),
        waiting,
        people,
        night=batch.purpose == "AD" and not night.may_leave(now, night_consent=False, window=_quiet(batch)),
        limit=provider.batch_limit,
    )


def _quiet(batch: Row[Any]) -> night.Window:
    return night.quiet(batch.quiet_from, batch.quiet_until)


def _until(batch: Row[Any], now: datetime) -> datetime | None:
    """When advertising that may leave now may leave no more; in quiet hours only those were taken who agreed to them."""
    if batch.purpose != "AD" or not night.may_leave(now, night_consent=False, window=_quiet(batch)):
        return None
    return night.next_close(now, _quiet(batch))


def _calls(tx: Tx, batch: Row[Any], way: Way, prepared: Prepared, people: Sequence[Person]) -> tuple[Call, ...]:
    unseal: Callable[[bytes], str] = accounts.keys(tx, batch.workspace_id).opener()
    return tuple(
        Call(
            attempt=new_id(),
            part=part,
            receivers=tuple(unseal(people[position][SEALED]) for position in part.positions),
            unit_price=way.route.prices[part.channel],
        )
        for part in prepared.parts
    )


def _attempt(batch: Row[Any], way: Way, call: Call, now: datetime) -> dict[str, Any]:
    return {
        "id": call.attempt,
        "workspace_id": batch.workspace_id,
        "batch_id": batch.id,
        "campaign_id": batch.campaign_id,
        "number": batch.attempt + 1,
        "provider_account_id": way.route.account,
        "provider": way.route.provider,
        "channel": call.part.channel.value,
        "sender": batch.sender,
        "positions": f"{{{','.join(map(str, call.part.positions))}}}",  # the driver would take ten times as long
        "text_hashes": text_hashes(call.part.texts),
        "unit_price": call.unit_price,
        "started_at": now,
    }


def _save(tx: Tx, batch: Row[Any], states: bytes, prepared: Prepared, way: Way, now: datetime) -> None:
    for part in prepared.parts:
        states = ledger.place(states, part.positions, MessageState.CLAIMED)
    states = ledger.place(states, prepared.excluded, MessageState.EXCLUDED)
    states = ledger.place(states, prepared.held, MessageState.HELD)
    lease = {"attempt": batch.attempt + 1, "lease_owner": heart().id, "lease_until": now + LEASE} if prepared.parts else {}
    carrier = {"provider_account_id": way.route.account} if prepared.parts else {}
    decided = {"decided_at": now} if prepared.excluded else {}
    due_at = night.next_open(now, _quiet(batch)) if prepared.held else None
    move(tx, batch, states, reasons=prepared.excluded, due_at=due_at, extra={**lease, **carrier, **decided})

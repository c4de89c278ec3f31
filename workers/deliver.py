"""Deliver: claim a batch, hand it to the provider with no transaction open, record what came of it."""

import random
import time
from datetime import timedelta
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import send
from core.db.accounts import REHEARSAL
from core.db.session import database
from core.errors import Problem, Unavailable
from workers import engine, picture
from workers.claim import Call, Load, claim
from workers.ledger import as_ids
from workers.liveness import heart
from workers.providers import Busy, Parcel, Refused, Unknown
from workers.record import Held, Outcome, record
from workers.routing import Full, Hand

# A call begins within this time of its claim. Later its lease may be lost, and the provider may have been asked about it
# already; whoever looks for it (reconcile.AFTER) must still find it, so this stays well below both.
START_WITHIN = timedelta(seconds=60)
# A claim that was committed just now has shown that an opt-out could be kept: the primary is not asked again.
HEARD = timedelta(milliseconds=500)
RECORD_PATIENCE = 30.0  # seconds to keep trying to write down what the provider said
SLOT_PATIENCE = 1.0  # seconds to wait for a slot of the account; after that others in the lane have their turn
SLOT_PAUSE = 0.02


_log = telemetry.log("deliver")


@dramatiq.actor(actor_name="deliver_batch", queue_name=jobs.BULK, max_retries=0)
def deliver_batch(workspace: str, batch: str) -> None:
    """Job: hand one batch over. Running it twice, or in two places, sends nothing twice."""
    deliver(*as_ids(workspace, batch))


def deliver(workspace: UUID, batch: UUID) -> None:
    """The same, for lanes and tests."""
    hand = Hand()
    try:
        with telemetry.BATCH_SECONDS.time():
            load = _claimed(workspace, batch, hand)
            if load is not None:
                for call in load.calls:
                    _patiently(workspace, load, call, _told(load, call, hand_over(workspace, load, call)))
    finally:
        hand.open()


def _told(load: Load, call: Call, outcome: Outcome) -> Outcome:
    """One line a call: with its ids it joins the request that began it with what the provider has."""
    facts = {"provider": load.way.route.provider, "channel": call.part.channel.value, "people": len(call.receivers)}
    ids = {"batch": str(load.batch), "attempt": str(call.attempt)}
    _log.info("handed_over", outcome=type(outcome).__name__.lower(), **facts, **ids)
    return outcome


def _claimed(workspace: UUID, batch: UUID, hand: Hand) -> Load | None:
    """The batch, once the account whose turn it is has a slot free. Who waits in vain comes back later, by its row."""
    until = time.monotonic() + SLOT_PATIENCE
    while True:
        try:
            with database().write(workspace) as tx:
                found = claim(tx, batch, hand)
        except Problem:
            raise
        except Exception as error:
            engine.deny(workspace, batch, error)
            return None
        if not isinstance(found, Full):
            return found
        while not hand.take(found.account, found.most_calls, found.calls_per_second):
            if time.monotonic() > until:
                _later(workspace, batch)
                return None
            time.sleep(SLOT_PAUSE * (1 + random.random()))


def _later(workspace: UUID, batch: UUID) -> None:
    """Due again in a moment: the sweeper queues it, fairly among workspaces."""
    with database().write(workspace) as tx:
        send.postpone(tx, batch, clock.now() + timedelta(seconds=random.uniform(0.5, 1.5)))


def hand_over(workspace: UUID, load: Load, call: Call) -> Outcome:
    """The provider call itself; every way it can end is one of four."""
    try:
        parcel = Parcel(
            channel=call.part.channel,
            sender=load.sender,
            receivers=call.receivers,
            texts=call.part.texts,
            subject=load.subject,
            image=picture.fetch(load.image_object) if load.image_object else None,
            template=load.template if call.part.written else None,
            written=call.part.written,
        )
    except Problem:
        return Held("image not readable")
    if why_not := _not_now(load):
        return Held(why_not)
    try:
        return load.provider.send(parcel, lambda reference: _note(workspace, load, call, reference))
    except (Refused, Busy, Unknown) as outcome:
        return outcome
    except Exception as error:  # a defect after the call may have begun: nothing else is safe to say
        telemetry.report(error)
        return Unknown(f"defect: {type(error).__name__}")


def _not_now(load: Load) -> str:
    """Why nothing may leave at this very moment; empty when it may."""
    if (load.provider.name == REHEARSAL) is not load.test:
        return "a test only rehearses, and nothing else does"
    if not heart().is_fresh() or load.claimed_at <= heart().unbroken_since:
        return "this worker lost touch with the database"
    if clock.now() - load.claimed_at > START_WITHIN:
        return "too long after the claim"
    if _is_quiet(load):
        return "quiet hours have begun since the claim"
    if load.advertising and clock.now() - load.claimed_at > HEARD and not _can_hear_a_no():
        return "an opt-out could not be recorded"
    return ""


def _can_hear_a_no() -> bool:
    """Advertising leaves only while an opt-out could be kept at this very moment (R-OPT-1): the primary is asked."""
    try:
        database().ping()
    except Unavailable:
        return False
    return True


def _is_quiet(load: Load) -> bool:
    """What counts is the instant of the hand-over, not that of the claim (R-NGT-1)."""
    return load.until is not None and clock.now() >= load.until


def _note(workspace: UUID, load: Load, call: Call, reference: str) -> None:
    """Commit what the provider calls this attempt before anything can leave. Whoever lost the lease sends nothing."""
    if _is_quiet(load):
        raise Held("quiet hours have begun since the claim")
    try:
        with database().write(workspace) as tx:
            noted = send.note_reference(tx, call.attempt, heart().id, load.number, reference)
    except Unavailable:
        raise Held("reference not noted") from None
    if not noted:
        raise Held("lease lost before sending")


def _patiently(workspace: UUID, load: Load, call: Call, outcome: Outcome) -> None:
    """Record, also when the database is away for a moment; after that the sweeper and the provider's list resolve it."""
    until = time.monotonic() + RECORD_PATIENCE
    while True:
        try:
            with database().write(workspace) as tx:
                return record(tx, load, call, outcome)
        except Unavailable:
            if time.monotonic() > until:
                raise
            time.sleep(1.0)

"""Record: what a provider call came to, for its messages, its attempt, the counters and the cost, in one transaction."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from core import clock, telemetry
from core.db import provider_accounts, send
from core.db.session import Row, Tx
from core.rules import ledger
from core.rules.channel import Channel
from core.rules.routing import TROUBLES, Breaker, Route, open_until
from core.rules.states import NO_NEWS, Decision, MessageState, merge_states
from workers import alimtalk, gate, levels
from workers.claim import Call, Load
from workers.ledger import busy_until, move
from workers.liveness import heart
from workers.providers import Accepted, Busy, Cause, Refused, Unknown

Outcome = Accepted | Refused | Busy | Unknown


class Held(Busy):
    """Nothing was sent, for a reason of our own that says nothing about the provider."""


_UNSETTLED = bytes([MessageState.CLAIMED, MessageState.UNKNOWN])

_log = telemetry.log("record")


@dataclass(frozen=True, slots=True)
class News:
    """What an outcome means for the messages of a call and for its attempt."""

    state: MessageState
    attempt: dict[str, Any]
    reason: str = ""
    due_at: datetime | None = None
    cost: Decimal = Decimal(0)
    falls: bool = False  # an Alimtalk that reached nobody: the text follows


@dataclass(frozen=True, slots=True)
class Begun:
    """What moves with an attempt; its row has more."""

    id: UUID
    provider: str
    channel: str
    positions: Sequence[int]
    unit_price: Decimal


def record(tx: Tx, load: Load, call: Call, outcome: Outcome) -> None:
    """One short transaction: attempt, messages, counters, cost, and what it tells about the account."""
    batch = send.hold_batch(tx, load.batch)
    if batch is None or not _is_open(tx, batch, load, call, outcome):
        return
    accepted = outcome if isinstance(outcome, Accepted) else None
    begun = Begun(call.attempt, load.way.route.provider, call.part.channel.value, call.part.positions, call.unit_price)
    _learn(tx, batch, load, outcome)  # the account before the counters, as a claim does: no two wait for each other
    apply(tx, batch, begun, _news(load, call, outcome, clock.now()), accepted)


def _is_open(tx: Tx, batch: Row[Any], load: Load, call: Call, outcome: Outcome) -> bool:
    """Whether this outcome is still news; a record whose commit was not confirmed is tried again."""
    if batch.lease_owner == heart().id and batch.attempt == load.number:
        # An attempt ends together with its messages, and nobody else touches what this process has claimed.
        # (One of them may have: a provider's late word about an earlier attempt of it.)
        return any(batch.states[position] == MessageState.CLAIMED for position in call.part.positions)
    attempt = send.get_attempt(tx, call.attempt)
    if isinstance(outcome, Accepted):
        return attempt is not None and attempt.outcome in ("OPEN", "UNKNOWN")
    # The lease was lost: reconciliation has the word, and it asks the provider. Unless nobody is left to ask about,
    # because all of them arrived by an earlier attempt: then only the attempt itself has to end.
    unsettled = any(batch.states[position] in _UNSETTLED for position in call.part.positions)
    return attempt is not None and attempt.outcome == "OPEN" and batch.attempt == load.number and not unsettled


def apply(tx: Tx, batch: Row[Any], attempt: Begun | Row[Any], news: News, accepted: Accepted | None = None) -> None:
    """Move the messages of an attempt; reconciliation, which finds the same things later, uses it too."""
    states = bytes(batch.states)
    ending = {"finished_at": clock.now(), **news.attempt}
    if accepted:
        if not send.accept_attempt(tx, attempt.id, ending, clock.kst(clock.now()).date(), news.cost):
            _log.error("reference_owned_twice", attempt=str(attempt.id))
            return
        gate.settle(tx, batch, attempt, news.cost)
        tx.after_commit(partial(_taken, batch, attempt, news.cost))
        states = merge_states(states, ledger.place(bytes([NO_NEWS]) * len(states), attempt.positions, news.state))
    else:
        send.finish_attempt(tx, attempt.id, ending)
        if news.state is not MessageState.UNKNOWN:
            gate.settle(tx, batch, attempt, Decimal(0))
        open_ones = [at for at in attempt.positions if states[at] in (MessageState.CLAIMED, MessageState.UNKNOWN)]
        states = ledger.place(states, open_ones, news.state)
    reasons = dict.fromkeys(attempt.positions, news.reason) if news.reason else None
    extra = alimtalk.fallen(batch, attempt.positions) if news.falls else None
    move(tx, batch, states, reasons=reasons, due_at=news.due_at, cost=news.cost, extra=extra)
    telemetry.MESSAGES.labels(attempt.channel, attempt.provider, news.state.name.lower()).inc(len(attempt.positions))


def _taken(batch: Row[Any], attempt: Begun | Row[Any], cost: Decimal) -> None:
    telemetry.COST_WON.labels(attempt.channel, attempt.provider).inc(float(cost))
    levels.handed_over(batch, attempt.channel, attempt.positions)


def _news(load: Load, call: Call, outcome: Outcome, now: datetime) -> News:
    match outcome:
        case Accepted():
            return accepted_news(outcome, load.way.route, call.unit_price, now, load.way.poll_seconds)
        case Refused() if not outcome.account_wide and load.falls_back and call.part.channel is Channel.ALIMTALK:
            return News(MessageState.PLANNED, _ending("REFUSED", outcome.code, outcome.message), due_at=now, falls=True)
        case Refused() if not outcome.account_wide:
            return News(MessageState.FAILED, _ending("REFUSED", outcome.code, outcome.message), reason="PROVIDER_REFUSED")
        case Refused():
            return News(MessageState.PLANNED, _ending("REFUSED", outcome.code, outcome.message), due_at=now)
        case Busy():
            later = busy_until(now, load.number, random.random(), outcome.retry_seconds)
            return News(MessageState.PLANNED, _ending("BUSY", "", outcome.reason), due_at=later)
        case Unknown():
            return News(
                MessageState.UNKNOWN, _ending("UNKNOWN", "", outcome.reason), due_at=first_look(load.way.settle_seconds, now)
            )


def accepted_news(
    outcome: Accepted, route: Route | None, unit_price: Decimal, now: datetime, poll_seconds: Sequence[int]
) -> News:
    """What acceptance means: cost by what was taken, and when to ask for results."""
    ending = {
        **_ending("ACCEPTED", "", ""),
        "reference": outcome.reference,
        "accepted": outcome.accepted,
        "refused": outcome.refused,
        "poll_at": now + timedelta(seconds=poll_seconds[0]),
    }
    if route is not None:
        unit_price = route.prices.get(outcome.channel, unit_price)
    return News(MessageState.ACCEPTED, {**ending, "channel": outcome.channel.value, "unit_price": unit_price},
                 cost=unit_price * outcome.accepted)  # fmt: skip


def not_found_news(now: datetime) -> News:
    """The provider was asked long enough after the call and has not got it: it goes again."""
    return News(MessageState.PLANNED, _ending("NOT_FOUND", "", ""), due_at=now)


def decided_news(attempt: Row[Any], decision: Decision, now: datetime) -> tuple[News, Accepted | None]:
    """What a person said when nobody else could say; what counts as sent has no reference to ask by."""
    ending = _ending(decision.value, "", attempt.words)
    match decision:
        case Decision.RESEND:
            return News(MessageState.PLANNED, ending, due_at=now), None
        case Decision.CLOSE:
            return News(MessageState.FAILED, ending, reason="UNRESOLVED"), None
        case Decision.SENT:
            taken = Accepted(f"decided:{attempt.id}", len(attempt.positions), 0, Channel(attempt.channel))
            news = accepted_news(taken, None, attempt.unit_price, now, attempt.poll_seconds)
            return replace(news, attempt={**news.attempt, "code": decision.value, "poll_at": None}), taken


def first_look(settle_seconds: int, now: datetime) -> datetime:
    """When the provider is asked for the first time about a call without an answer: a sixteenth of its settling time."""
    return now + timedelta(seconds=max(1.0, settle_seconds / 16))


def _ending(outcome: str, code: str, words: str) -> dict[str, Any]:
    return {"outcome": outcome, "code": code, "words": telemetry.scrub(words)}


def _learn(tx: Tx, batch: Row[Any], load: Load, outcome: Outcome) -> None:
    """What an outcome says about the account: an answer closes its breaker, silence in a row opens it, a refusal pauses it."""
    account = load.way.route.account
    if isinstance(outcome, Held):
        return
    if isinstance(outcome, Busy | Unknown):
        troubles = provider_accounts.count_trouble(tx, account)
        if troubles >= TROUBLES or (troubles and batch.breaker == Breaker.HALF_OPEN):
            provider_accounts.open_breaker(tx, account, open_until(clock.now(), troubles, random.random()))
        return
    if batch.busy_count or batch.breaker != Breaker.CLOSED:
        provider_accounts.close_breaker(tx, account)
    if isinstance(outcome, Refused) and outcome.account_wide:
        _pause(tx, load, outcome)


def _pause(tx: Tx, load: Load, outcome: Refused) -> None:
    """An account-wide refusal: nothing is failed. The account waits for a person, or only its use with this sender number."""
    account = load.way.route.account
    if outcome.cause is Cause.SENDER:
        provider_accounts.refuse_sender(tx, account, load.sender, clock.now())
    else:
        provider_accounts.pause(tx, account, outcome.cause.value)
    _log.error("account_wide_refusal", cause=outcome.cause.value, account=str(account))

"""Record: what a provider call came to, for its messages, its attempt, the counters and the cost, in one transaction."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core import clock, telemetry
from core.db import campaigns, provider_accounts, send
from core.db.session import Row, Tx
from core.rules import ledger
from core.rules.states import NO_NEWS, MessageState, merge_states
from workers.claim import Call, Load
from workers.ledger import busy_until, move
from workers.liveness import heart
from workers.providers import Accepted, Busy, Cause, Refused, Unknown

Outcome = Accepted | Refused | Busy | Unknown

_log = telemetry.log("record")


@dataclass(frozen=True, slots=True)
class News:
    """What an outcome means for the messages of a call and for its attempt."""

    state: MessageState
    attempt: dict[str, Any]
    reason: str = ""
    due_at: datetime | None = None
    cost: Decimal = Decimal(0)


def record(tx: Tx, load: Load, call: Call, outcome: Outcome) -> None:
    """One short transaction: attempt, messages, counters, cost."""
    batch = send.wait_for_batch(tx, load.batch)
    attempt = send.get_attempt(tx, call.attempt)
    if batch is None or attempt is None or attempt.outcome not in ("OPEN", "UNKNOWN"):
        return
    mine = batch.lease_owner == heart().id and batch.attempt == load.number
    if not mine and not isinstance(outcome, Accepted):
        return  # the lease was lost: reconciliation has the word, and it asks the provider
    accepted = outcome if isinstance(outcome, Accepted) else None
    apply(tx, batch, attempt, _news(batch, call, outcome, clock.now()), accepted)
    if isinstance(outcome, Refused) and outcome.account_wide:
        _pause(tx, batch, outcome)


def apply(tx: Tx, batch: Row[Any], attempt: Row[Any], news: News, accepted: Accepted | None = None) -> None:
    """Move the messages of an attempt; reconciliation, which finds the same things later, uses it too."""
    states = bytes(batch.states)
    if accepted:
        if not send.own_reference(tx, attempt, accepted.reference):
            _log.error("reference_owned_twice", attempt=str(attempt.id))
            return
        states = merge_states(states, ledger.place(bytes([NO_NEWS]) * len(states), attempt.positions, news.state))
        _count_day(tx, batch, attempt, accepted.accepted, news.cost)
    else:
        open_ones = [at for at in attempt.positions if states[at] in (MessageState.CLAIMED, MessageState.UNKNOWN)]
        states = ledger.place(states, open_ones, news.state)
    reasons = dict.fromkeys(attempt.positions, news.reason) if news.reason else None
    send.finish_attempt(tx, attempt.id, {"finished_at": clock.now(), **news.attempt})
    move(tx, batch, states, reasons=reasons, due_at=news.due_at, cost=news.cost)
    telemetry.MESSAGES.labels(attempt.channel, attempt.provider, news.state.name.lower()).inc(len(attempt.positions))


def _news(batch: Row[Any], call: Call, outcome: Outcome, now: datetime) -> News:
    match outcome:
        case Accepted():
            return accepted_news(batch, outcome, call.unit_price, now)
        case Refused() if not outcome.account_wide:
            return News(MessageState.FAILED, _ending("REFUSED", outcome.code, outcome.message), reason="PROVIDER_REFUSED")
        case Refused():
            return News(MessageState.PLANNED, _ending("REFUSED", outcome.code, outcome.message), due_at=now)
        case Busy():
            later = busy_until(now, batch.attempt, random.random(), outcome.retry_seconds)
            return News(MessageState.PLANNED, _ending("BUSY", "", outcome.reason), due_at=later)
        case Unknown():
            return News(MessageState.UNKNOWN, _ending("UNKNOWN", "", outcome.reason), due_at=first_look(batch, now))


def accepted_news(batch: Row[Any], outcome: Accepted, unit_price: Decimal, now: datetime) -> News:
    """What acceptance means: cost by what was taken, and when to ask for results."""
    ending = {
        **_ending("ACCEPTED", "", ""),
        "reference": outcome.reference,
        "accepted": outcome.accepted,
        "refused": outcome.refused,
        "poll_at": now + timedelta(seconds=batch.poll_seconds[0]),
    }
    if outcome.channel.value in batch.prices:
        unit_price = Decimal(batch.prices[outcome.channel.value])
    return News(MessageState.ACCEPTED, {**ending, "channel": outcome.channel.value, "unit_price": unit_price},
                 cost=unit_price * outcome.accepted)  # fmt: skip


def not_found_news(now: datetime) -> News:
    """The provider was asked long enough after the call and has not got it: it goes again."""
    return News(MessageState.PLANNED, _ending("NOT_FOUND", "", ""), due_at=now)


def first_look(batch: Row[Any], now: datetime) -> datetime:
    """When the provider is asked for the first time about a call without an answer: a sixteenth of its settling time."""
    return now + timedelta(seconds=max(1.0, batch.settle_seconds / 16))


def _ending(outcome: str, code: str, words: str) -> dict[str, Any]:
    return {"outcome": outcome, "code": code, "words": telemetry.scrub(words)}


def _count_day(tx: Tx, batch: Row[Any], attempt: Row[Any], accepted: int, cost: Decimal) -> None:
    day = clock.kst(clock.now()).date()
    send.count_day(tx, batch.workspace_id, day, attempt.channel, accepted, cost, random.randrange(campaigns.SHARDS))


def _pause(tx: Tx, batch: Row[Any], outcome: Refused) -> None:
    """An account-wide refusal: nothing is failed, the account (or, for a bad sender number, the campaign) waits."""
    if outcome.cause is Cause.SENDER:
        campaigns.pause(tx, batch.campaign_id, "발신번호가 발송사에 등록되어 있지 않습니다. 등록한 뒤 다시 시작해 주세요.")
    else:
        provider_accounts.pause(tx, batch.provider_account_id, outcome.cause.value)
    _log.error("account_wide_refusal", cause=outcome.cause.value, account=str(batch.provider_account_id))

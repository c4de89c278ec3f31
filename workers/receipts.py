"""Receipts: ask the provider what became of an accepted call, append the answer, and let the strongest news win."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs, telemetry
from core.db import send
from core.db.ids import new_id
from core.db.session import Row, Tx, database
from core.rules import reasons
from core.rules.ledger import WAITING
from core.rules.states import NO_NEWS, MessageState, merge_states
from workers import accounts as providers
from workers import alimtalk, hearsay, recipients, senders
from workers.ledger import as_ids, move
from workers.providers import Busy, Refused, Report, Unknown

NOT_LISTED_AFTER = timedelta(minutes=1)  # a receiver missing from a complete list so long after the call was not taken

NOTHING = Report((), complete=False)

_log = telemetry.log("receipts")


@dramatiq.actor(actor_name="read_results", queue_name=jobs.RECEIPTS, max_retries=0)
def read_results(workspace: str, attempt: str) -> None:
    """Job: one look at the results of one call."""
    read(*as_ids(workspace, attempt))


def read(workspace: UUID, attempt_id: UUID, *, pushed: bool = False) -> bool:
    """Ask outside any transaction, then write what is new; whether the provider answered. `pushed`: not by the rhythm."""
    with database().read(workspace) as tx:
        attempt = send.get_attempt(tx, attempt_id)
        if attempt is None or attempt.outcome != "ACCEPTED":
            return True
        provider = providers.caller_of(tx, attempt)
    try:
        report = provider.results(attempt.reference)
    except (Busy, Refused, Unknown) as trouble:
        _log.warning("results_not_read", attempt=str(attempt_id), outcome=type(trouble).__name__)
        if not isinstance(trouble, Refused) or trouble.account_wide:
            return False  # the sweeper has set the next look already
        report = NOTHING  # the provider does not know this call (any more): the rhythm goes on, and ends
    with database().write(workspace) as tx:
        write(tx, attempt_id, report, clock.now(), pushed=pushed)
    return True


@dataclass(frozen=True, slots=True)
class _Read:
    """A report by position: new states (255 = no news), the provider's words, those that nobody knows apart."""

    states: bytes
    words: Mapping[int, str]
    unknown: Mapping[int, str] = field(default_factory=dict)


def write(tx: Tx, attempt_id: UUID, report: Report, now: datetime, *, pushed: bool = False) -> None:
    """Append the receipt and move the messages whose news is stronger than what is known; order does not matter."""
    attempt = send.get_attempt(tx, attempt_id)
    batch = send.wait_for_batch(tx, attempt.batch_id) if attempt else None
    if attempt is None or batch is None:
        return
    before = bytes(batch.states)
    said = _by_position(tx, batch, attempt, report, now)
    hearsay.keep(tx, batch, attempt, said.words, said.unknown, now)
    senders.hear(tx, attempt, said.words.values(), now)
    news = _attributed(tx, batch, attempt, said, before)
    after = merge_states(before, news.states)
    failed = _failures(batch, attempt, news, after)
    changed = [position for position in attempt.positions if after[position] != before[position] or position in failed]
    if changed:
        _append(tx, attempt, changed, news, now)
        _count(attempt, before, after)
        after, extra = alimtalk.fall(tx, batch, attempt.channel, before, after, now)
        left = {at: reason for at, reason in failed.items() if after[at] == MessageState.FAILED}
        move(tx, batch, after, reasons=left, due_at=now if extra else None, extra=extra)
    if not pushed or not _pending(attempt, after):
        _plan_next(tx, attempt, after, now)


def _attributed(tx: Tx, batch: Row[Any], attempt: Row[Any], news: _Read, before: bytes) -> _Read:
    """Whoever has gone on to another attempt, or waits for one, fails no more by this one: it can only have arrived."""
    gone_on = send.superseded(tx, batch.id, attempt.number) if batch.attempt > attempt.number else set()
    late = [at for at in attempt.positions if news.states[at] == MessageState.FAILED and (at in gone_on or before[at] in WAITING)]
    if not late:
        return news
    return _Read(_without(news.states, late), {at: said for at, said in news.words.items() if at not in late})


def _without(states: bytes, positions: Sequence[int]) -> bytes:
    changed = bytearray(states)
    for position in positions:
        changed[position] = NO_NEWS
    return bytes(changed)


def _by_position(tx: Tx, batch: Row[Any], attempt: Row[Any], report: Report, now: datetime) -> _Read:
    position_of = {number: at for at, number in recipients.numbers(tx, batch, attempt.positions).items()}
    states, words, unknown, listed = bytearray([NO_NEWS]) * len(batch.states), {}, {}, set()
    for result in report.results:
        position = position_of.get(result.receiver)
        if position is None:
            continue
        listed.add(position)
        if not result.known:
            unknown[position] = result.text
        if result.state is not None:
            states[position] = result.state
            words[position] = result.text
    if report.complete and attempt.refused and now >= attempt.started_at + NOT_LISTED_AFTER:
        for position in set(position_of.values()) - listed:  # a deleted customer cannot be told from a missing one
            states[position] = MessageState.FAILED
            words[position] = "NOT_TAKEN"
    return _Read(bytes(states), words, unknown)


def _failures(batch: Row[Any], attempt: Row[Any], news: _Read, after: bytes) -> dict[int, str]:
    """New or better reasons of those who failed by this report."""
    failed = {}
    for at in attempt.positions:
        if after[at] == news.states[at] == MessageState.FAILED:
            known = batch.reasons.get(str(at), "")
            if (reason := reasons.stronger(known, _reason(news.words[at]))) != known:
                failed[at] = reason
    return failed


def _reason(words: str) -> str:
    return words if words in reasons.LABELS else reasons.failure(words)


def _append(tx: Tx, attempt: Row[Any], changed: Sequence[int], news: _Read, now: datetime) -> None:
    spoken: dict[str, list[int]] = {}
    for position in changed:
        if news.states[position] != MessageState.DELIVERED:
            spoken.setdefault(telemetry.scrub(news.words.get(position, "")), []).append(position)
    send.add_receipt(
        tx,
        {
            "id": new_id(),
            "workspace_id": attempt.workspace_id,
            "batch_id": attempt.batch_id,
            "attempt_id": attempt.id,
            "positions": list(changed),
            "states": bytes(news.states[position] for position in changed),
            "words": json.dumps(spoken, ensure_ascii=False),
            "received_at": now,
        },
    )


def _count(attempt: Row[Any], before: bytes, after: bytes) -> None:
    for state in (MessageState.DELIVERED, MessageState.FAILED):
        people = sum(before[at] != state == after[at] for at in attempt.positions)
        if people:
            telemetry.MESSAGES.labels(attempt.channel, attempt.provider, state.name.lower()).inc(people)


def _plan_next(tx: Tx, attempt: Row[Any], after: bytes, now: datetime) -> None:
    """The next look by the account's rhythm; none when every result is known or the rhythm is over."""
    polls = attempt.polls + 1
    rhythm = attempt.poll_seconds
    poll_at = now + timedelta(seconds=rhythm[polls]) if _pending(attempt, after) and polls < len(rhythm) else None
    send.finish_attempt(tx, attempt.id, {"polls": polls, "poll_at": poll_at})


def _pending(attempt: Row[Any], after: bytes) -> bool:
    return any(after[position] == MessageState.ACCEPTED for position in attempt.positions)

"""Notices of the law on their way: they leave as single messages, by day, from the number that the merchant chose for them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from core import clock, jobs, telemetry
from core.db import accounts, direct, notices, reconfirm, routes
from core.db.direct import Order
from core.db.session import Row, Tx, database
from core.errors import InvalidInput
from core.rules import notice
from core.rules.direct import Direct, check
from core.rules.notice import Kind, Scope, Shop, State
from core.rules.purpose import InfoReason
from core.rules.states import MessageState

AT_ONCE = 500
AGAIN = timedelta(hours=20)  # who could not be reached today is tried tomorrow

_log = telemetry.log("notices")


def send(workspace: UUID, now: datetime) -> int:
    """Tell those whose turn it is, as messages that end with the day; how many."""
    if notice.by_day(now) > now:
        return 0
    with database().write(workspace) as tx:
        number, shop = notices.sender(tx, workspace)
        ways = routes.of_information(tx, workspace, number) if number else ()
        if number is None or not ways:
            return 0
        rows = notices.take(tx, workspace, now, AT_ONCE)
        gone = [row.id for row in rows if row.moot or not row.phone_sealed]
        written = _written(tx, workspace, [row for row in rows if row.id not in gone], shop)
        notices.give_up(tx, gone, State.DROPPED, now)
        notices.give_up(tx, [row.id for row in rows if row.id not in written and row.id not in gone], State.FAILED, now)
        if not written:
            return 0
        keys = accounts.keys(tx, workspace)
        order = Order(workspace, False, number, shop.sender, "", ways, now, notice.closing(now), InfoReason.STATUTORY)
        places = direct.add(tx, order, list(written.values()), keys, now)
        notices.send(tx, dict(zip(written, places, strict=True)))
        for batch in dict.fromkeys(batch for batch, _ in places):
            tx.after_commit(partial(jobs.deliver_single, workspace, batch))
    _log.info("notices_sent", people=len(written), workspace=str(workspace))
    return len(written)


def _written(tx: Tx, workspace: UUID, rows: Sequence[Row[Any]], shop: Shop) -> dict[UUID, Direct]:
    """The messages by notice; without those that no provider would carry."""
    unseal = accounts.keys(tx, workspace).opener()
    written = {}
    for row in rows:
        text = notice.words(Kind(row.kind), Scope(row.scope), row.said_at, row.deadline_at, shop)
        try:
            written[row.id] = check(unseal(row.phone_sealed), text, f"notice-{row.id}", shop=shop.name)
        except InvalidInput as refusal:
            _log.warning("notice_not_sendable", notice=str(row.id), reason=refusal.reason)
    return written


def close(tx: Tx, now: datetime) -> None:
    """What became of those on their way; a consent that was confirmed begins its two years anew."""
    rows = notices.heard_of(tx, now, AT_ONCE)
    moves: list[dict[str, Any]] = []
    confirmed = []
    for row in rows:
        state = notice.outcome(MessageState(row.message_state), row.tries, long_ago=row.long_ago)
        if state is None:
            continue
        again = state is State.DUE
        due = notice.by_day(now + AGAIN) if again else row.due_at
        moves.append({"id": row.id, "state": state.value, "due": due, "ended": None if again else now})
        if state is State.DONE and row.kind == Kind.RECONFIRM:
            confirmed.append(row)
    notices.end(tx, moves)
    reconfirm.confirm(tx, confirmed, now)


def keep_two_years(tx: Tx) -> None:
    """Once an hour: whom to tell that a consent stands, and whose silence ends it."""
    now = clock.now()
    while reconfirm.add_due(tx, now, 5_000) == 5_000:
        pass
    while reconfirm.lapse(tx, now, 5_000) >= 5_000:
        pass

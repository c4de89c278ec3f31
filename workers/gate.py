"""The gate: what pace and cap let leave of a batch that is being claimed, exactly, however many workers ask at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.db import campaigns, control, send
from core.db.session import Row, Tx
from core.rules import optout
from core.rules.budget import Purse, fitting, used_up
from core.rules.channel import Channel
from core.rules.letter import Prepared
from core.rules.night import quiet
from core.rules.pace import Pace, agreed
from core.rules.states import CampaignState

# What others have in hand may come back: so long a batch waits before it asks again.
PATIENCE = timedelta(seconds=10)


def too_early(tx: Tx, batch: Row[Any], now: datetime) -> bool:
    """Nobody knows any more who opted out: it waits. Or another batch of the campaign has this slot: to the end of the row."""
    if batch.purpose == "AD" and optout.missing_long(batch.optout_feed_at, now):
        send.postpone(tx, batch.id, now + optout.HOLD)
        return True
    pace = _pace(batch)
    if pace is None or pace.used(now, batch.due_at, batch.pace_free_at) <= now:
        return False
    held = control.hold(tx, batch.campaign_id)
    if held is not None:
        _to_the_end(tx, batch, pace, held, now)
    return True


def through(tx: Tx, batch: Row[Any], prepared: Prepared, prices: Mapping[Channel, Decimal], now: datetime) -> Prepared | None:
    """What may leave now, its slot taken and its money reserved; None: nothing, and it is written when or why."""
    pace = _pace(batch)
    if not prepared.parts or (pace is None and not batch.budget_krw):
        return prepared
    held = control.hold(tx, batch.campaign_id)
    if held is None or held.state not in (CampaignState.PLANNING, CampaignState.SENDING):
        return None
    free_at = held.pace_free_at
    if pace is not None:
        slot = pace.used(now, batch.due_at, free_at)
        if slot > now:
            _to_the_end(tx, batch, pace, held, now)
            return None
        free_at = slot + pace.spacing
    cost = Decimal(0)
    if held.budget_krw:
        purse = Purse(held.budget_krw, held.committed)
        parts, cost = fitting(prepared.parts, prices, purse.left)
        if not parts:
            _stop(tx, batch, purse, min(prices[part.channel] for part in prepared.parts), now)
            return None
        prepared = replace(prepared, parts=parts)
    control.take(tx, batch.campaign_id, free_at=free_at, cost=cost)
    return prepared


def settle(tx: Tx, batch: Row[Any], attempt: Any, cost: Decimal) -> None:
    """The call has ended for sure: of what was reserved for it only what it cost stays. Before the counters, as in a claim."""
    if batch.budget_krw:
        control.settle(tx, batch.campaign_id, cost - attempt.unit_price * len(attempt.positions))


def _pace(batch: Row[Any]) -> Pace | None:
    rests = quiet(batch.quiet_from, batch.quiet_until) if batch.purpose == "AD" else None
    return agreed(batch.pace_people, batch.pace_seconds, most=batch.batch_size, rests=rests)


def _to_the_end(tx: Tx, batch: Row[Any], pace: Pace, held: Row[Any], now: datetime) -> None:
    """Behind the last slot that was given away and not before the next free one."""
    last = max(one for one in (held.pace_end_at, (held.pace_free_at or now) - pace.spacing) if one)
    control.to_the_end(tx, batch.campaign_id, batch.id, pace.first(now, last))


def _stop(tx: Tx, batch: Row[Any], purse: Purse, cheapest: Decimal, now: datetime) -> None:
    """Nothing can be paid. What is only reserved may come back: wait for it; otherwise the campaign pauses and says why."""
    spent, waiting = control.spent(tx, batch.campaign_id)
    if purse.committed > spent and cheapest <= purse.budget - spent:
        control.later(tx, batch.id, now + PATIENCE)
    else:
        campaigns.pause(tx, batch.campaign_id, used_up(purse, waiting))

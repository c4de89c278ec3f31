"""Failed messages go again: back to those who wait, in their own batches, so that late news of the first try is harmless."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import campaigns, events, retries
from core.db.session import Row, Tx
from core.errors import NotFound, WrongState
from core.rules import ledger, retry
from core.rules.events import RESUMED
from core.rules.states import KOREAN, BatchState, CampaignState, MessageState
from server import campaign_control as control
from server.rpc import Call

_POSSIBLE = (*control.RUNNING, CampaignState.DONE)


@dataclass(frozen=True, slots=True)
class Retried:
    """How many go again, and what they cost if they go as before."""

    people: int
    cost: Decimal


def again(call: Call, campaign: UUID, named: Sequence[str]) -> Retried:
    """Put them back. Batches are locked before their campaign, as by a claim: neither waits for the other in a ring."""
    wanted = retry.chosen(named)
    _check(campaigns.get(call.tx, campaign), call)
    batches = retries.failed_batches(call.tx, campaign, sorted(wanted))
    row = _check(campaigns.get(call.tx, campaign, lock=True), call)
    tried = retries.tried(call.tx, [batch.id for batch in batches])
    changes, reasons, cost = [], Counter[str](), Decimal(0)
    for batch in batches:
        places = retry.positions(bytes(batch.states), batch.reasons, wanted)
        if places:
            changes.append(_change(batch, places, call))
            reasons.update(batch.reasons[str(place)] for place in places)
            cost += retry.cost(places, tried.get(batch.id, ()))
    if changes:
        _write(call, row, changes, reasons)
    return Retried(reasons.total(), cost)


def _check(row: Row[Any] | None, call: Call) -> Row[Any]:
    if row is None:
        raise NotFound("이런 캠페인이 없습니다.")
    if row.state not in _POSSIBLE:
        sentence = f"‘{KOREAN[CampaignState(row.state)]}’ 상태인 캠페인의 메시지는 다시 보낼 수 없습니다."
        raise WrongState(sentence, facts={"state": row.state})
    if row.expires_at is not None and row.expires_at <= call.now:
        raise WrongState("마감 시각이 지나 다시 보낼 수 없습니다. 새 캠페인을 만들어 주세요.", reason="CAMPAIGN_EXPIRED")
    return row


def _change(batch: Row[Any], places: Sequence[int], call: Call) -> dict[str, Any]:
    states = ledger.place(bytes(batch.states), places, MessageState.PLANNED)
    state = ledger.batch_state(states)
    gone = set(map(str, places))
    return {
        "batch": batch.id,
        "states": states,
        "state": int(state),
        "reasons": {place: reason for place, reason in batch.reasons.items() if place not in gone},
        # the others wait for a worker or for the provider's word: their time is not ours
        "due_at": call.now if state is BatchState.READY else batch.due_at,
    }


def _write(call: Call, row: Row[Any], changes: Sequence[dict[str, Any]], reasons: Counter[str]) -> None:
    tx: Tx = call.tx
    retries.put_back(tx, changes)
    if retries.reopen(tx, row.id, call.now):
        events.tell(tx, RESUMED, [row.id], call.now)
    control.space_out(tx, row, call.now)
    campaigns.count_reasons(tx, row.id, "failed", {reason: -people for reason, people in reasons.items()})
    campaigns.count(tx, row.id, {"failed": -reasons.total(), "planned": reasons.total()})

"""Queries about messages of SendService: a call is a row among the campaigns (kind SEND), a batch, and its direct messages."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.crypto import WorkspaceKeys
from core.db import campaigns, driver, events, send
from core.db.ids import first_id, new_id
from core.db.session import Tx
from core.db.tables import campaigns as _campaigns
from core.rules import ledger
from core.rules.direct import Direct
from core.rules.events import news
from core.rules.law import RULESET
from core.rules.letter import GONE, Person
from core.rules.purpose import InfoReason
from core.rules.routing import Route
from core.rules.states import BatchState, CampaignState, MessageState

OWN_TEXT = "#{text}"  # as fallback of a call: each message has its own


@dataclass(frozen=True, slots=True)
class Order:
    """What the messages of one call have in common."""

    workspace: UUID
    test: bool
    sender_id: UUID
    sender: str
    subject: str
    routes: Sequence[Route]
    begin: datetime
    end: datetime
    info_reason: str = InfoReason.TRANSACTION
    template_id: UUID | None = None  # by Alimtalk
    falls_back: bool = False  # with a text of each message's own


def add(tx: Tx, order: Order, messages: Sequence[Direct], keys: WorkspaceKeys, now: datetime) -> list[tuple[UUID, int]]:
    """Store a call; the place (batch, position) of each of its messages.

    A number stands in a batch once: what a provider reports of a call names its receivers by number.
    """
    made = new_id()
    tx.run(_campaigns.insert().values(_call(made, order, len(messages), now)))
    seen: Counter[str] = Counter()
    rounds: list[list[Direct]] = []
    places: list[tuple[int, int]] = []
    for one in messages:
        turn = seen[one.phone]
        seen[one.phone] += 1
        if turn == len(rounds):
            rounds.append([])
        places.append((turn, len(rounds[turn])))
        rounds[turn].append(one)
    batches = [_add_batch(tx, made, order, batch, keys) for batch in rounds]
    campaigns.count(tx, made, {"selected": len(messages), "planned": len(messages)})
    return [(batches[turn], position) for turn, position in places]


def _call(identifier: UUID, order: Order, people: int, now: datetime) -> dict[str, Any]:
    return {
        "id": identifier,
        "workspace_id": order.workspace,
        "kind": "SEND",
        "test": order.test,
        "name": "",
        "purpose": "INFO",
        "info_reason": order.info_reason,
        "ruleset": RULESET,
        "sender_number_id": order.sender_id,
        "sender": order.sender,
        "frozen_subject": order.subject,
        "template_id": order.template_id,
        "frozen_fallback": OWN_TEXT if order.falls_back else "",
        "routes": [route.frozen() for route in order.routes],
        "state": CampaignState.SENDING,
        "planned": True,
        "plan_total": people,
        "scheduled_at": order.begin,
        "expires_at": order.end,
        "launched_at": now,
        "created_at": now,
    }


def _add_batch(tx: Tx, call: UUID, order: Order, messages: Sequence[Direct], keys: WorkspaceKeys) -> UUID:
    batch, seal = new_id(), keys.sealer()
    tx.run(
        "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)"
        " VALUES (:id, :workspace, :call, 0, 0, :nobody, :states, :state, :due)",
        id=batch,
        workspace=order.workspace,
        call=call,
        nobody=[0] * len(messages),
        states=bytes([MessageState.PLANNED]) * len(messages),
        state=int(BatchState.READY),
        due=order.begin,
    )
    tx.run_many(
        "INSERT INTO direct_messages (batch_id, position, workspace_id, phone_sealed, phone_hash, text_sealed,"
        " variables_sealed, client_reference)"
        " VALUES (:batch, :position, :workspace, :phone, :hash, :text, :variables, :reference)",
        [
            {
                "batch": batch,
                "position": position,
                "workspace": order.workspace,
                "phone": seal(one.phone),
                "hash": keys.lookup(one.phone),
                "text": seal(one.text),
                "variables": None if one.variables is None else seal(json.dumps(one.variables, ensure_ascii=False)),
                "reference": one.reference,
            }
            for position, one in enumerate(messages)
        ],
    )
    return batch


def lock(tx: Tx, batch: UUID) -> Row[Any] | None:
    """The batch with the kind of its call, locked, once whoever has it is done."""
    return tx.row(
        "SELECT b.id, b.states, b.state, c.kind, c.test FROM batches b JOIN campaigns c ON c.id = b.campaign_id"
        " WHERE b.id = :batch FOR UPDATE OF b",
        batch=batch,
    )


def cancel(tx: Tx, batch: Row[Any], position: int, now: datetime) -> None:
    """A message of a locked batch that still waits is not handed over any more."""
    before = bytes(batch.states)
    after = ledger.place(before, [position], MessageState.CANCELLED)
    values = {"states": after, "state": int(ledger.batch_state(after))}
    told = events.told(news(before, after, {}), now)
    send.move_batch(tx, batch.id, values, ledger.tally(before, after), Decimal(0), told)


def recipients(tx: Tx, batch: UUID, people: int, keys: WorkspaceKeys, *, guests_only: bool = False) -> list[Person]:
    """Whom a batch goes to, by position, with the finished text where others have their name; in memory only.

    On trial nobody but guests, whatever the list was when the message was taken.

    The values for a template stand, as JSON, where others have their attributes.
    """
    unseal = keys.opener()
    rows = driver.tuples(
        tx,
        "SELECT d.position, d.text_sealed, d.variables_sealed, d.phone_sealed, CASE WHEN CAST(:guests_only AS boolean)"
        " AND NOT EXISTS (SELECT FROM guests g WHERE g.workspace_id = d.workspace_id AND g.phone_hash = d.phone_hash)"
        " THEN 'NOT_ON_GUEST_LIST' END FROM direct_messages d WHERE d.batch_id = :batch",
        batch=batch,
        guests_only=guests_only,
    )
    present: dict[int, Person] = {
        position: (unseal(text), (unseal(values),) if values else (), why, True, number, 0)
        for position, text, values, number, why in rows
    }
    return [present.get(position, GONE) for position in range(people)]


_FORGET = """WITH old AS (
        SELECT id FROM campaigns WHERE kind = 'SEND' AND id < :before ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED),
    counters AS (DELETE FROM campaign_counters WHERE campaign_id IN (SELECT id FROM old)),
    reasons AS (DELETE FROM campaign_reasons WHERE campaign_id IN (SELECT id FROM old))
    DELETE FROM campaigns WHERE id IN (SELECT id FROM old)"""


def forget_calls(tx: Tx, before: datetime, limit: int) -> int:
    """Calls taken before this moment go with their counters, once their ledger is gone; across workspaces; how many."""
    return tx.run(_FORGET, before=first_id(before), limit=limit)


def phones(tx: Tx, batch: UUID) -> dict[int, bytes]:
    """The sealed numbers of a batch by position."""
    rows = tx.rows("SELECT position, phone_sealed FROM direct_messages WHERE batch_id = :batch", batch=batch)
    return {row.position: row.phone_sealed for row in rows}

"""The outbox: every change of a message is told in the transaction in which it happens, and never otherwise."""

from uuid import UUID

import pytest

from core import clock
from core.db import campaigns, events
from core.db.session import Tx, database
from core.rules.events import MESSAGE_KINDS, WHOLE, News, of_messages
from core.rules.states import MessageState
from tests.workers.shop import Sandbox, Shop, Time
from workers import ledger, sweep

STATE_OF = {kind: state for state, kind in MESSAGE_KINDS.items()}


def kinds(shop: Shop) -> list[str]:
    return [row.kind for row in shop.sql("SELECT kind FROM events ORDER BY transaction, id")]


def told(shop: Shop) -> dict[str, tuple[MessageState, str]]:
    """The last that was told of every message: state and reason."""
    rows = shop.sql(
        "SELECT e.*, length(b.states) AS size FROM events e JOIN batches b ON b.id = e.batch_id ORDER BY e.transaction, e.id"
    )
    return {
        message: (STATE_OF[row.kind], reason)
        for row in rows
        for _, _, message, reason in of_messages(row.id, News(row.kind, row.positions, row.reasons), row.size, row.batch_id)
    }


def agree(shop: Shop) -> None:
    """What was told last of a message is where it is, unless it is being worked on again."""
    last = told(shop)
    for row in shop.sql("SELECT batch_id, position, state FROM messages"):
        state = MessageState(row.state)
        if state in MESSAGE_KINDS:
            assert last[f"{row.batch_id}-{row.position}"][0] is state


def moved(tx: Tx, batch: UUID, state: MessageState) -> None:
    row = tx.row("SELECT * FROM batches WHERE id = :id", id=batch)
    assert row is not None
    ledger.move(tx, row, bytes([state]) * len(row.states))


def test_a_campaign_from_start_to_receipt(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(5)
    campaign = shop.campaign(batch_size=3)
    shop.run(campaign)
    assert kinds(shop) == ["message.accepted"] * 2
    assert [list(row.positions) for row in shop.sql("SELECT positions FROM events")] == [list(WHOLE)] * 2
    agree(shop)
    time.forward(minutes=2)
    shop.read_all(campaign)
    sweep.sweep()
    assert kinds(shop)[2:] == ["message.delivered"] * 2 + ["campaign.done"]
    agree(shop)


def test_a_lost_answer_is_told_and_then_what_it_was(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    sandbox.fault("lost_answer_reset", path="/send*")
    shop.run(campaign)
    time.forward(seconds=10)
    shop.reconcile(campaign)
    assert kinds(shop) == ["message.unknown", "message.accepted"]
    agree(shop)


def test_refused_left_out_and_cancelled_are_told_with_their_reasons(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(4)
    campaign = shop.campaign(batch_size=2)
    shop.plan(campaign)
    shop.opt_out("id % 2 = 1")
    sandbox.fault("code", path="/send*")
    shop.deliver(campaign)
    assert {what for what in told(shop).values()} >= {(MessageState.EXCLUDED, "OPTED_OUT")}
    agree(shop)
    other = shop.campaign()
    shop.plan(other)
    shop.sql("UPDATE campaigns SET state = 'CANCELLED' WHERE id = :c", c=other)
    sweep.sweep()
    assert (MessageState.CANCELLED, "") in told(shop).values()
    agree(shop)


def test_what_is_rolled_back_was_never_told(shop: Shop) -> None:
    shop.customers(2)
    [batch] = shop.plan(shop.campaign())

    def change_and_fail() -> None:
        with database().write(shop.workspace) as tx:
            moved(tx, batch, MessageState.ACCEPTED)
            raise RuntimeError("too bad")

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert kinds(shop) == []


def test_a_campaign_that_a_worker_pauses_says_so_once(shop: Shop) -> None:
    shop.customers(1)
    campaign = shop.campaign()
    with database().write(shop.workspace) as tx:
        campaigns.pause(tx, campaign, "발신번호")
        campaigns.pause(tx, campaign, "발신번호")
    assert kinds(shop) == ["campaign.paused"]


def test_what_send_service_made_is_no_campaign_of_the_merchants(shop: Shop) -> None:
    campaign = shop.campaign(kind="SEND")
    with database().write(shop.workspace) as tx:
        events.tell(tx, "campaign.done", [campaign], clock.now())
    assert kinds(shop) == []


def test_an_event_holds_neither_number_nor_text(shop: Shop) -> None:
    [phone] = shop.customers(1)
    shop.run(shop.campaign())
    [row] = shop.sql("SELECT events::text AS everything FROM events")
    assert phone not in row.everything
    assert "봄날" not in row.everything

"""Messages over the wire: pages over many batches, filters, reasons with labels, masked numbers."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import send_pb2 as pb
from jeondan.v1 import types_pb2

from core.db import accounts, campaigns
from core.db.ids import new_id
from core.db.session import database
from core.rules.states import MessageState
from tests.server.shop import Shop

SIZES = (3, 5, 1, 4)


@pytest.fixture
def campaign(shop: Shop) -> UUID:
    """Four batches with thirteen people; states in turn: accepted, delivered, failed for a reason."""
    with database().write(shop.workspace) as tx:
        made = campaigns.add(tx, shop.workspace, {"name": "가", "purpose": "AD", "body": "x"}, datetime.now(UTC))
        keys = accounts.keys(tx, shop.workspace)
        seal, people = keys.sealer(), []
        for at in range(sum(SIZES)):
            phone = f"0102000{at:04d}"
            people.append(
                tx.value(
                    "INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, created_at, updated_at)"
                    " VALUES (:w, :sealed, :hash, now(), now()) RETURNING id",
                    w=shop.workspace,
                    sealed=seal(phone),
                    hash=keys.lookup(phone),
                )
            )
        account = accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k"})
        start = 0
        for size in SIZES:
            batch(tx, shop, made, account, people[start : start + size], start)
            start += size
    return made


def batch(tx, shop: Shop, campaign: UUID, account: UUID, people: list[int], start: int) -> None:
    states = bytes((start + at) % 3 + MessageState.ACCEPTED for at in range(len(people)))
    failed = {str(at): "NO_SUBSCRIBER" for at, state in enumerate(states) if state == MessageState.FAILED}
    made = new_id()
    tx.run(
        "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, reasons, state,"
        " due_at) VALUES (:id, :w, :c, :first, :last, :people, :states, CAST(:reasons AS jsonb), 3, now())",
        id=made, w=shop.workspace, c=campaign, first=people[0], last=people[-1], people=people, states=states,
        reasons=str(failed).replace("'", '"'),
    )  # fmt: skip
    tx.run(
        "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel, sender,"
        " positions, text_hashes, unit_price, started_at, finished_at, outcome, reference) VALUES (:id, :w, :b, :c, 1, :a,"
        " 'aligo', 'LMS', '02', :positions, '', 1, now(), now(), 'ACCEPTED', :reference)",
        id=new_id(), w=shop.workspace, b=made, c=campaign, a=account, positions=list(range(len(people))), reference=f"R{start}",
    )  # fmt: skip


def listed(shop: Shop, campaign: UUID, size: int, **more: str) -> list[pb.Message]:
    found: list[pb.Message] = []
    token = ""
    while True:
        request = pb.ListMessagesRequest(campaign_id=str(campaign), page_size=size, page_token=token, **more)
        answer = shop.call("ListMessages", request)
        assert len(answer.messages) <= size
        found += answer.messages
        token = answer.next_page_token
        if not token:
            return found


def test_a_message_says_everything_but_the_number(shop: Shop, campaign: UUID) -> None:
    messages = listed(shop, campaign, 100)
    assert len(messages) == 13
    accepted, delivered, failed = messages[:3]
    assert accepted.masked_phone == "010-****-0000"
    assert (delivered.state, delivered.reason, delivered.channel) == (pb.Message.STATE_DELIVERED, "", types_pb2.CHANNEL_LMS)
    assert (failed.state, failed.reason, failed.reason_label) == (pb.Message.STATE_FAILED, "NO_SUBSCRIBER", "없는 번호")
    assert (accepted.provider, accepted.provider_reference, accepted.HasField("send_time")) == ("aligo", "R0", True)
    assert accepted.campaign_id == str(campaign)
    for one in messages:
        assert shop.call("GetMessage", pb.GetMessageRequest(message_id=one.id)).message == one


def test_pages_stop_and_go_on_anywhere(shop: Shop, campaign: UUID) -> None:
    everybody, failed = listed(shop, campaign, 1000), listed(shop, campaign, 1000, filter='state = "FAILED"')
    assert [one.state for one in failed] == [pb.Message.STATE_FAILED] * 4
    for size in (1, 2, 3, 4, 8, 9, 12, 13):
        assert listed(shop, campaign, size) == everybody
        assert listed(shop, campaign, size, filter='state = "FAILED"') == failed


def test_every_state_can_be_asked_for_and_no_other(shop: Shop, campaign: UUID) -> None:
    names = [name.removeprefix("STATE_") for name, number in pb.Message.State.items() if number]
    assert set(names) == {state.name for state in MessageState}
    sums = {name: len(listed(shop, campaign, 50, filter=f'state = "{name}"')) for name in names}
    assert {name: count for name, count in sums.items() if count} == {"ACCEPTED": 5, "DELIVERED": 4, "FAILED": 4}
    request = pb.ListMessagesRequest(campaign_id=str(campaign), filter='state = "LOST"')
    assert shop.refused("ListMessages", request).reason == "BAD_FILTER"


def test_a_deleted_customer_leaves_the_message(shop: Shop, campaign: UUID) -> None:
    with database().write(shop.workspace) as tx:
        tx.run("DELETE FROM contacts WHERE id = (SELECT min(id) FROM contacts)")
    first = listed(shop, campaign, 100)[0]
    assert (first.masked_phone, first.state) == ("", pb.Message.STATE_ACCEPTED)


def test_an_id_that_names_nothing_is_not_found(shop: Shop, campaign: UUID) -> None:
    batch_id = listed(shop, campaign, 1)[0].id.rpartition("-")[0]
    wrong = ["", "-0", "x-0", batch_id, *(f"{batch_id}-{place}" for place in ("", "x", "-1", "99", "99999", "٠"))]
    for place in wrong:
        refusal = shop.refused("GetMessage", pb.GetMessageRequest(message_id=place))
        assert refusal.code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT), place


def test_messages_of_no_campaign_are_not_found(shop: Shop, other: Shop, campaign: UUID) -> None:
    for who, which in ((shop, uuid4()), (other, campaign)):
        assert who.refused("ListMessages", pb.ListMessagesRequest(campaign_id=str(which))).code is grpc.StatusCode.NOT_FOUND
    assert other.refused("GetMessage", pb.GetMessageRequest(message_id=listed(shop, campaign, 1)[0].id)).reason == "NOT_FOUND"

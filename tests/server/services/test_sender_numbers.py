"""Sender numbers at the door: digits go in at one place only, everything else names an id."""

from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import account_pb2 as pb
from jeondan.v1 import send_pb2

from core import jobs
from core.db import accounts, provider_accounts
from core.db.session import database
from tests.server.shop import Shop, open_shop


@pytest.fixture
def account(shop: Shop) -> str:
    with database().write(shop.workspace) as tx:
        return str(accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"}))


def enter(shop: Shop, number: str, *at: str) -> pb.SenderNumber:
    request = pb.CreateSenderNumberRequest(number=number, provider_account_ids=at)
    return shop.call("CreateSenderNumber", request).sender_number


def listed(shop: Shop) -> list[pb.SenderNumber]:
    return list(shop.call("ListSenderNumbers", pb.ListSenderNumbersRequest()).sender_numbers)


def test_a_number_is_entered_where_it_is_registered(shop: Shop, account: str) -> None:
    """R-SND-1: its id is what everything else takes."""
    made = enter(shop, "02-1234-5678", account)
    assert (made.number, made.active) == ("0212345678", True)
    [registration] = made.registrations
    assert (registration.provider_account_id, registration.usable) == (account, True)
    assert not registration.HasField("check_time")
    assert enter(shop, "0212345678").id == made.id
    assert listed(shop) == [made]


@pytest.mark.parametrize("number", ["0215881234", "05012345678", "112", "010-123", "+1 202 555 0100"])
def test_what_may_be_no_sender_is_refused(shop: Shop, number: str) -> None:
    """R-SND-2: the forms of sender numbers."""
    refusal = shop.refused("CreateSenderNumber", pb.CreateSenderNumberRequest(number=number))
    assert refusal.fields == {"number": "SENDER_NUMBER_INVALID"}


@pytest.mark.parametrize("number", ["0212345678", "15881234", "01012345678", "07012345678"])
def test_what_may_be_a_sender_is_taken(shop: Shop, number: str) -> None:
    """R-SND-2: the forms of sender numbers."""
    assert enter(shop, number).number == number


def test_the_holder_of_a_mobile_number_is_told_of_the_alert(shop: Shop) -> None:
    """R-SND-8: carriers tell individual merchants of bulk sends; it is said when the number is entered."""
    assert "통신사가 명의자의 휴대전화로" in enter(shop, "010-1234-5678").notice
    assert enter(shop, "02-1234-5678").notice == ""


def test_no_message_is_sent_with_digits_as_its_sender(shop: Shop) -> None:
    """R-SND-1: the API takes an id, never digits."""
    request = send_pb2.SendMessageRequest(to="01012345678", text="x", purpose=2, sender_number_id="0212345678")  # type: ignore[arg-type]
    refusal = shop.refused("SendMessage", request)
    assert refusal.fields["sender_number_id"] == "INVALID_ID"
    fields = {field.name for field in send_pb2.SendMessageRequest.DESCRIPTOR.fields}
    assert not fields & {"from", "sender", "sender_number"}


def test_a_number_that_was_switched_off_is_used_nowhere(shop: Shop, account: str) -> None:
    """R-SND-3: and comes back only by a person."""
    made = enter(shop, "0212345678", account)
    off = shop.call("DisableSenderNumber", pb.DisableSenderNumberRequest(sender_number_id=made.id)).sender_number
    assert (off.active, list(off.registrations)) == (False, [])
    with database().read(shop.workspace) as tx:
        assert provider_accounts.candidates(tx, UUID(made.id)) == []
    assert enter(shop, "0212345678", account).active
    refusal = shop.refused("DisableSenderNumber", pb.DisableSenderNumberRequest(sender_number_id=str(uuid4())))
    assert refusal.code is grpc.StatusCode.NOT_FOUND


def test_an_account_of_somebody_else_is_none(shop: Shop, other: Shop, account: str) -> None:
    refusal = other.refused(
        "CreateSenderNumber", pb.CreateSenderNumberRequest(number="0212345678", provider_account_ids=[account])
    )
    assert refusal.fields == {"provider_account_ids[0]": "NOT_FOUND"}
    assert listed(other) == []


def test_every_account_is_asked_at_a_word(shop: Shop, account: str) -> None:
    """R-SND-3: not only once a day."""
    before = jobs.depth(jobs.HOUSEKEEPING)
    assert shop.call("SyncSenderNumbers", pb.SyncSenderNumbersRequest()).provider_accounts == 1
    assert jobs.depth(jobs.HOUSEKEEPING) == before + 1


def test_only_an_owner_enters_numbers(channel: grpc.Channel) -> None:
    """R-SND-6: roles are separate."""
    marketer = open_shop(channel, role="MARKETER")
    refusal = marketer.refused("CreateSenderNumber", pb.CreateSenderNumberRequest(number="0212345678"))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED

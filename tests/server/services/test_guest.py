"""The guest list through the server: few numbers, masked, once each."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from jeondan.v1 import guest_pb2 as pb

from core import clock
from core.db import accounts, guests
from core.db.session import database
from tests.server.services.test_send_single import TEXT, notice, orders
from tests.server.shop import Shop


def add(shop: Shop, phone: str) -> pb.Guest:
    return shop.call("AddGuest", pb.AddGuestRequest(phone=phone)).guest


def listed(shop: Shop) -> pb.ListGuestsResponse:
    return shop.call("ListGuests", pb.ListGuestsRequest(page_size=200))


def test_a_guest_is_added_once_listed_masked_and_taken_off(shop: Shop) -> None:
    first = add(shop, "010-1111-2222")
    assert add(shop, "+82 10 1111 2222") == first
    second = add(shop, "01033334444")
    assert [one.id for one in listed(shop).guests] == [second.id, first.id]
    assert first.masked_phone == "010-****-2222"
    assert shop.call("DeleteGuest", pb.DeleteGuestRequest(guest_id=first.id)).guest == first
    assert shop.refused("DeleteGuest", pb.DeleteGuestRequest(guest_id=first.id)).code is grpc.StatusCode.NOT_FOUND
    assert [one.id for one in listed(shop).guests] == [second.id]


def test_what_is_no_mobile_number_is_no_guest(shop: Shop) -> None:
    assert shop.refused("AddGuest", pb.AddGuestRequest(phone="02-123-4567")).fields == {"phone": "PHONE_LANDLINE"}


def test_the_list_is_short_also_when_many_add_at_once(shop: Shop) -> None:
    def one_more(at: int) -> str:
        try:
            return add(shop, f"0105555{at:04d}").id
        except grpc.RpcError as error:
            return str(error.code())

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(one_more, range(24)))
    assert made.count(str(grpc.StatusCode.FAILED_PRECONDITION)) == 4
    assert len(listed(shop).guests) == guests.MOST
    assert shop.refused("AddGuest", pb.AddGuestRequest(phone="01099998888")).reason == "GUEST_LIMIT"


def test_the_list_says_whether_it_counts(shop: Shop) -> None:
    assert listed(shop).trial is False
    with database().write(shop.workspace) as tx:
        guests.set_trial(tx, shop.workspace, on=True)
    assert listed(shop).trial is True


# --- what a trial lets through ------------------------------------------------------------------------------------


@pytest.fixture
def on_trial(shop: Shop) -> str:
    """A shop on trial that could send, with one guest; its sender number."""
    with database().write(shop.workspace) as tx:
        guests.set_trial(tx, shop.workspace, on=True)
        accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
        guests.add(tx, shop.workspace, "01011112222", clock.now())
        return str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))


def test_a_single_message_goes_to_guests_only(shop: Shop, on_trial: str) -> None:
    assert shop.call("SendMessage", notice(on_trial, to="010-1111-2222")).message.masked_phone == "010-****-2222"
    found = shop.refused("SendMessage", notice(on_trial, to="010-3333-4444"))
    assert (found.reason, found.fields) == ("NOT_ON_GUEST_LIST", {"to": "NOT_ON_GUEST_LIST"})
    assert "3333" not in found.message


def test_of_many_only_those_to_guests_are_taken(shop: Shop, on_trial: str) -> None:
    both = (("010-3333-4444", TEXT, "a"), ("010-1111-2222", TEXT, "b"))
    answer = shop.call("BatchSend", orders(on_trial, *both))
    assert (answer.accepted_count, answer.refused_count) == (1, 1)
    assert [one.refusal.reason for one in answer.outcomes] == ["NOT_ON_GUEST_LIST", ""]
    assert answer.outcomes[1].message.client_reference == "b"
    whole = shop.refused("BatchSend", orders(on_trial, *both, all_or_nothing=True))
    assert whole.fields == {"messages[0].to": "NOT_ON_GUEST_LIST"}


def test_a_test_key_may_rehearse_with_any_number(shop: Shop, on_trial: str) -> None:
    with database().write(shop.workspace) as tx:
        _, key = accounts.create_api_key(tx, shop.workspace, "orders-test", "OWNER", test=True)
    rehearsing = Shop(shop.channel, shop.workspace, shop.email, key, (("x-api-key", key),))
    assert rehearsing.call("SendMessage", notice(on_trial, to="010-3333-4444")).message.test

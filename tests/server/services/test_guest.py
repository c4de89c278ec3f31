"""The guest list through the server: few numbers, masked, once each."""

from concurrent.futures import ThreadPoolExecutor

import grpc
from jeondan.v1 import guest_pb2 as pb

from core.db import guests
from core.db.session import database
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

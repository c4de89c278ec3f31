"""GuestService: the numbers that a workspace on trial may write to."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from jeondan.v1 import guest_pb2 as pb
from jeondan.v1 import guest_pb2_grpc

from core.db import accounts, guests
from core.db.session import Row
from core.rules import phone
from server.convert import stamp
from server.errors import at
from server.listing import Lists, next_token, page
from server.rpc import Call, reads, writes

GUESTS = Lists()


class GuestService(guest_pb2_grpc.GuestServiceServicer):
    """The guest list."""

    @writes
    def AddGuest(self, request: pb.AddGuestRequest, call: Call) -> pb.AddGuestResponse:
        """A number on the list."""
        with at("phone"):
            number = phone.normalise(request.phone)
        return pb.AddGuestResponse(guest=_guest(guests.add(call.tx, call.workspace, number, call.now), _opener(call)))

    @reads
    def ListGuests(self, request: pb.ListGuestsRequest, call: Call) -> pb.ListGuestsResponse:
        """Newest first."""
        found, unseal = guests.page(call.tx, page(request, GUESTS)), _opener(call)
        trial = accounts.workspace_row(call.tx, call.workspace).trial
        shown = [_guest(row, unseal) for row in found.rows]
        return pb.ListGuestsResponse(guests=shown, next_page_token=next_token(request, found.next), trial=trial)

    @writes
    def DeleteGuest(self, request: pb.DeleteGuestRequest, call: Call) -> pb.DeleteGuestResponse:
        """A number off the list."""
        return pb.DeleteGuestResponse(guest=_guest(guests.remove(call.tx, UUID(request.guest_id)), _opener(call)))


def _opener(call: Call) -> Callable[[bytes], str]:
    return accounts.keys(call.tx, call.workspace).opener()


def _guest(row: Row[Any], unseal: Callable[[bytes], str]) -> pb.Guest:
    return pb.Guest(id=str(row.id), masked_phone=phone.mask(unseal(row.phone_sealed)), create_time=stamp(row.created_at))

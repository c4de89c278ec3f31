"""OptoutService: the page by which somebody says no, and every no that was said."""

from typing import Any

from jeondan.v1 import optout_pb2 as pb
from jeondan.v1.audience_pb2 import Suppression
from jeondan.v1.optout_pb2_grpc import OptoutServiceServicer

from core import clock
from core.db import accounts, optouts
from core.db.optouts import No, Way
from core.db.session import Tx, database
from core.rules import phone
from server import auth
from server.caller import remaining
from server.convert import enum, enum_names, stamp
from server.errors import at
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads

OPTOUTS = Lists({"source": Field(values=enum_names(Suppression.Source, "SOURCE")), "phone": Field()})


class OptoutService(OptoutServiceServicer):
    """The two halves of the page, and the record."""

    def GetOptoutPage(self, request: pb.GetOptoutPageRequest, context: Any) -> pb.GetOptoutPageResponse:
        """What there is to say no to. On the primary: who has just said no sees it."""
        place = auth.linked_message(request.code)
        with database().write(place.workspace, timeout=remaining()) as tx:
            receiver = optouts.receiver(tx, place.batch, place.position)
            return pb.GetOptoutPageResponse(page=_page(tx, place, receiver))

    def ConfirmOptout(self, request: pb.ConfirmOptoutRequest, context: Any) -> pb.ConfirmOptoutResponse:
        """A row before the answer. Who says it twice has said it; who agreed meanwhile says it anew."""
        place, now = auth.linked_message(request.code), clock.now()
        with database().write(place.workspace, timeout=remaining()) as tx:
            receiver = optouts.receiver(tx, place.batch, place.position)
            if receiver and optouts.refused_since(tx, place.workspace, receiver.phone_hash) is None:
                no = No(receiver.phone_hash, receiver.phone_sealed, request.request_id, now)
                optouts.say_no(tx, Way(place.workspace, "LINK"), [no], now)
            return pb.ConfirmOptoutResponse(page=_page(tx, place, receiver))

    @reads
    def ListOptouts(self, request: pb.ListOptoutsRequest, call: Call) -> pb.ListOptoutsResponse:
        """Newest first."""
        with at("filter"):
            found = optouts.page(call.tx, call.workspace, page(request, OPTOUTS))
        unseal = accounts.keys(call.tx, call.workspace).opener()
        shown = [_optout(row, unseal) for row in found.rows]
        return pb.ListOptoutsResponse(optouts=shown, next_page_token=next_token(request, found.next))


def _page(tx: Tx, place: auth.Place, receiver: Any) -> pb.OptoutPage:
    shop = accounts.workspace_row(tx, place.workspace)
    if receiver is None:
        return pb.OptoutPage(shop=shop.name, optout_number=shop.optout_number)
    return pb.OptoutPage(
        shop=shop.name,
        optout_number=shop.optout_number,
        masked_phone=phone.mask(accounts.keys(tx, place.workspace).opener()(receiver.phone_sealed)),
        refuse_time=stamp(optouts.refused_since(tx, place.workspace, receiver.phone_hash)),
    )


def _optout(row: Any, unseal: Any) -> pb.Optout:
    return pb.Optout(
        id=str(row.id),
        masked_phone=phone.mask(unseal(row.phone_sealed)) if row.phone_sealed else "",
        source=enum(Suppression.Source, "SOURCE", row.source),
        event_id=row.source_event_id,
        say_time=stamp(row.said_at),
        create_time=stamp(row.recorded_at),
    )

"""SendService: reading the ledger, one row per message."""

import re
from typing import Any
from uuid import UUID

from jeondan.v1 import send_pb2 as pb
from jeondan.v1 import send_pb2_grpc, types_pb2

from core.db import accounts, campaigns, messages
from core.db.session import Row
from core.errors import NotFound
from core.rules.phone import mask
from core.rules.reasons import label
from core.rules.states import MessageState
from server.convert import enum, enum_names, stamp
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads

LISTS = Lists(fields={"state": Field(values=enum_names(pb.Message.State, "STATE"))}, size=100, most=1000, newest_first=False)

_PLACE = re.compile("([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([0-9]{1,4})")


class SendService(send_pb2_grpc.SendServiceServicer):
    """What was sent to whom, and what became of it."""

    @reads
    def GetMessage(self, request: pb.GetMessageRequest, call: Call) -> pb.GetMessageResponse:
        row = messages.get(call.tx, *_place(request.message_id))
        if row is None:
            raise NotFound("이런 메시지가 없습니다.")
        return pb.GetMessageResponse(message=_shown(call, [row])[0])

    @reads
    def ListMessages(self, request: pb.ListMessagesRequest, call: Call) -> pb.ListMessagesResponse:
        campaign = UUID(request.campaign_id)
        if campaigns.get(call.tx, campaign) is None:
            raise NotFound("이런 캠페인이 없습니다.")
        found = messages.page(call.tx, campaign, page(request, LISTS))
        return pb.ListMessagesResponse(messages=_shown(call, found.rows), next_page_token=next_token(request, found.next))


def _place(identifier: str) -> tuple[UUID, int]:
    """A message id is its batch and its position: `<uuid>-<position>`."""
    place = _PLACE.fullmatch(identifier)
    if place is None:
        raise NotFound("이런 메시지가 없습니다.")
    return UUID(place[1]), int(place[2])


def _shown(call: Call, rows: Any) -> list[pb.Message]:
    unseal = accounts.keys(call.tx, call.workspace).opener()
    return [_message(row, mask(unseal(row.phone_sealed)) if row.phone_sealed else "") for row in rows]


def _message(row: Row[Any], masked_phone: str) -> pb.Message:
    return pb.Message(
        id=f"{row.batch_id}-{row.position}",
        campaign_id=str(row.campaign_id),
        contact_id=str(row.contact_id),
        masked_phone=masked_phone,
        state=enum(pb.Message.State, "STATE", MessageState(row.state).name),
        reason=row.reason or "",
        reason_label=label(row.reason) if row.reason else "",
        channel=enum(types_pb2.Channel, "CHANNEL", row.channel or ""),
        provider=row.provider or "",
        provider_reference=row.reference or "",
        send_time=stamp(row.sent_at),
    )

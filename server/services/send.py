"""SendService: single messages out, and the ledger read, one row per message."""

import re
from typing import Any
from uuid import UUID

from jeondan.v1 import send_pb2 as pb
from jeondan.v1 import send_pb2_grpc

from core.db import campaigns, direct, messages
from core.db.listing import Rows
from core.db.session import Row
from core.errors import NotAllowed, NotFound, WrongState
from core.rules.price import to_won
from core.rules.states import CANCELLABLE, MESSAGE_KOREAN, MessageState
from server import direct as view
from server.convert import enum_names, instant
from server.errors import wrong
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

STATES = Field(values=enum_names(pb.Message.State, "STATE"))
YES_NO = frozenset({"true", "false"})
OF_CAMPAIGN = Lists(fields={"state": STATES}, size=100, most=1000, newest_first=False)
OF_WORKSPACE = Lists(
    fields={
        "state": STATES,
        "client_reference": Field(),
        "kind": Field(values=frozenset({"SEND", "CAMPAIGN"})),
        "test": Field(values=YES_NO),
    },
    size=100,
    most=1000,
)

_PLACE = re.compile("([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([0-9]{1,4})")


class SendService(send_pb2_grpc.SendServiceServicer):
    """Single messages, and what became of every message there is."""

    @writes
    def SendMessage(self, request: pb.SendMessageRequest, call: Call) -> pb.SendMessageResponse:
        wanted = view.checked_one(call, request, view.template_of(call, request))
        view.check_guest(call, wanted)
        (message,) = view.store(call, view.order(call, request, [wanted]), [wanted])
        return pb.SendMessageResponse(message=message)

    @writes
    def BatchSend(self, request: pb.BatchSendRequest, call: Call) -> pb.BatchSendResponse:
        good, refused = view.checked(call, request.messages, view.template_of(call, request))
        given = view.order(call, request, good)
        if refused and request.all_or_nothing:
            raise view.all_refused(refused)
        return pb.BatchSendResponse(
            outcomes=view.outcomes(request.messages, view.store(call, given, good), refused),
            accepted_count=len(good),
            refused_count=len(refused),
            cost_krw=to_won(view.cost(given, good)),
        )

    @writes
    def CancelMessage(self, request: pb.CancelMessageRequest, call: Call) -> pb.CancelMessageResponse:
        batch, position = _place(request.message_id)
        found = _direct(direct.lock(call.tx, batch), position, call)
        if found.states[position] != MessageState.CANCELLED:
            _check_waits(MessageState(found.states[position]))
            direct.cancel(call.tx, found, position, call.now)
        return pb.CancelMessageResponse(message=view.shown(call, messages.at(call.tx, [(batch, position)]))[0])

    @reads
    def GetMessage(self, request: pb.GetMessageRequest, call: Call) -> pb.GetMessageResponse:
        row = messages.get(call.tx, *_place(request.message_id))
        if row is None:
            raise _no_message()
        return pb.GetMessageResponse(message=view.shown(call, [row])[0])

    @reads
    def ListMessages(self, request: pb.ListMessagesRequest, call: Call) -> pb.ListMessagesResponse:
        found = _of_campaign(request, call) if request.campaign_id else _of_workspace(request, call)
        return pb.ListMessagesResponse(messages=view.shown(call, found.rows), next_page_token=next_token(request, found.next))


def _of_campaign(request: pb.ListMessagesRequest, call: Call) -> Rows:
    for field in ("start_time", "end_time"):
        if request.HasField(field):
            raise wrong(field, "캠페인 하나의 메시지를 볼 때는 기간을 쓸 수 없습니다.", "BAD_FILTER")
    campaign = UUID(request.campaign_id)
    if campaigns.get(call.tx, campaign) is None:
        raise NotFound("이런 캠페인이 없습니다.")
    return messages.page(call.tx, campaign, page(request, OF_CAMPAIGN))


def _of_workspace(request: pb.ListMessagesRequest, call: Call) -> Rows:
    wanted = page(request, OF_WORKSPACE)
    named = dict(wanted.where)
    if len(named) < len(set(wanted.where)):
        return Rows()  # nothing has two values of one field
    wish = messages.Wish(
        state=MessageState[named["state"]] if "state" in named else None,
        reference=named.get("client_reference"),
        kind=named.get("kind"),
        test=named["test"] == "true" if "test" in named else None,
        since=instant(request.start_time) if request.HasField("start_time") else None,
        until=instant(request.end_time) if request.HasField("end_time") else None,
    )
    return messages.newest(call.tx, wish, wanted)


def _place(identifier: str) -> tuple[UUID, int]:
    """A message id is its batch and its position: `<uuid>-<position>`."""
    place = _PLACE.fullmatch(identifier)
    if place is None:
        raise _no_message()
    return UUID(place[1]), int(place[2])


def _direct(batch: Row[Any] | None, position: int, call: Call) -> Row[Any]:
    """The batch of a single message that this caller may take back."""
    if batch is None or position >= len(batch.states):
        raise _no_message()
    if batch.kind != "SEND":
        raise WrongState("캠페인의 메시지는 캠페인을 취소해야 멈춥니다.", facts={"kind": batch.kind})
    if call.caller.test and not batch.test:
        raise NotAllowed("시험용 키로는 시험 메시지만 취소할 수 있습니다.", reason="TEST_KEY")
    return batch


def _check_waits(state: MessageState) -> None:
    if state not in CANCELLABLE:
        sentence = f"‘{MESSAGE_KOREAN[state]}’ 상태인 메시지는 취소할 수 없습니다."
        raise WrongState(sentence, reason="TOO_LATE_TO_CANCEL", facts={"state": state.name})


def _no_message() -> NotFound:
    return NotFound("이런 메시지가 없습니다.")

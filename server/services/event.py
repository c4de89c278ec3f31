"""EventService: what happened, to be followed."""

from collections.abc import Iterable

from jeondan.v1 import event_pb2 as pb
from jeondan.v1 import event_pb2_grpc

from core.db import events
from core.db.ids import first_id
from core.rules.events import KINDS, Event
from server import event_cursors
from server.convert import stamp
from server.errors import wrong
from server.rpc import Call, reads

SIZE, MOST = 100, 1000


class EventService(event_pb2_grpc.EventServiceServicer):
    """What happened, in an order without gaps."""

    @reads
    def ListEvents(self, request: pb.ListEventsRequest, call: Call) -> pb.ListEventsResponse:
        """After the cursor, oldest first."""
        check_kinds("kinds", request.kinds)
        place = event_cursors.read(request.cursor, call.now)
        limit, since = min(request.page_size or SIZE, MOST), first_id(call.now - events.KEPT)
        found, place, more = events.page(call.tx, call.workspace, place, since=since, kinds=request.kinds, limit=limit)
        cursor = event_cursors.written(place, call.now)
        return pb.ListEventsResponse(events=map(_event, found), next_cursor=cursor, has_more=more)


def check_kinds(field: str, kinds: Iterable[str]) -> None:
    """Refuse a type of event that there is not: it would be waited for in vain."""
    for at, kind in enumerate(kinds):
        if kind not in KINDS:
            raise wrong(f"{field}[{at}]", f"이런 이벤트 종류는 없습니다: {kind}", "NOT_ALLOWED")


def _event(event: Event) -> pb.Event:
    return pb.Event(
        id=event.id,
        type=event.type,
        time=stamp(event.time),
        campaign_id=event.campaign_id,
        message_id=event.message_id,
        client_reference=event.client_reference,
        reason=event.reason,
        test=event.test,
    )

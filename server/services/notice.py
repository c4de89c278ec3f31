"""NoticeService: what the law wants people to be told, and what it costs."""

from decimal import Decimal
from functools import partial
from typing import Any

from jeondan.v1 import notice_pb2 as pb
from jeondan.v1.notice_pb2_grpc import NoticeServiceServicer

from core.db import accounts, notices, routes
from core.db.session import Row
from core.rules import notice, phone
from core.rules.notice import Kind, Scope, Shop
from core.rules.price import to_won
from core.rules.routing import Route
from core.rules.text import channel_for
from server.convert import enum, enum_names, stamp
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads

LISTS = Lists(
    {"state": Field(values=enum_names(pb.Notice.State, "STATE")), "kind": Field(values=enum_names(pb.Notice.Kind, "KIND"))}
)

NO_NUMBER = "안내를 보낼 발신번호를 정하지 않았습니다. 설정에서 골라 주세요."
NO_ACCOUNT = "안내용 발신번호가 등록된 발송사 계정이 없습니다."


class NoticeService(NoticeServiceServicer):
    """Notices of the law."""

    @reads
    def ListNotices(self, request: pb.ListNoticesRequest, call: Call) -> pb.ListNoticesResponse:
        """Newest first."""
        found = notices.page(call.tx, page(request, LISTS))
        unseal = accounts.keys(call.tx, call.workspace).opener()
        shown = map(partial(_notice, unseal=unseal), found.rows)
        return pb.ListNoticesResponse(notices=shown, next_page_token=next_token(request, found.next))

    @reads
    def PreviewNotices(self, request: pb.PreviewNoticesRequest, call: Call) -> pb.PreviewNoticesResponse:
        """What is due, its cost, and what stands in the way."""
        number, shop = notices.sender(call.tx, call.workspace)
        ways = routes.of_information(call.tx, call.workspace, number) if number else ()
        rows = notices.outlook(call.tx, call.workspace, call.now)
        costs = [_cost(row, shop, ways) for row in rows]
        return pb.PreviewNoticesResponse(
            groups=[_group(row, shop, cost) for row, cost in zip(rows, costs, strict=True)],
            waiting_count=sum(row.people for row in rows),
            late_count=sum(row.late for row in rows),
            cost_krw=to_won(sum(costs, Decimal(0))),
            next_time=stamp(min((notice.by_day(max(row.due_at, call.now)) for row in rows), default=None)),
            hindrance="" if ways else NO_ACCOUNT if number else NO_NUMBER,
        )


def _notice(row: Row[Any], unseal: Any) -> pb.Notice:
    return pb.Notice(
        id=str(row.id),
        kind=enum(pb.Notice.Kind, "KIND", row.kind),
        scope=enum(pb.Notice.Scope, "SCOPE", row.scope),
        state=enum(pb.Notice.State, "STATE", row.state),
        contact_id=str(row.contact_id or ""),
        masked_phone=phone.mask(unseal(row.phone_sealed)) if row.phone_sealed else "",
        say_time=stamp(row.said_at),
        due_time=stamp(row.due_at),
        deadline_time=stamp(row.deadline_at),
        message_id=f"{row.batch_id}-{row.position}" if row.batch_id else "",
        tries=row.tries,
        end_time=stamp(row.ended_at),
    )


def _group(row: Row[Any], shop: Shop, cost: Decimal) -> pb.PreviewNoticesResponse.Group:
    return pb.PreviewNoticesResponse.Group(
        kind=enum(pb.Notice.Kind, "KIND", row.kind),
        scope=enum(pb.Notice.Scope, "SCOPE", row.scope),
        waiting_count=row.people,
        sample=_sample(row, shop),
        cost_krw=to_won(cost),
    )


def _cost(row: Row[Any], shop: Shop, ways: tuple[Route, ...]) -> Decimal:
    """Texts of one kind are equally long: only their days differ."""
    return ways[0].prices.get(channel_for(_sample(row, shop)), Decimal(0)) * row.people if ways else Decimal(0)


def _sample(row: Row[Any], shop: Shop) -> str:
    return notice.words(Kind(row.kind), Scope(row.scope), row.said_at, row.deadline_at, shop)

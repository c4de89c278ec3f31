"""Between a Workspace message and its row: what is shown of it, and what an owner may change."""

from typing import Any

from jeondan.v1 import account_pb2 as pb
from jeondan.v1 import types_pb2

from core.db.session import Row, Tx
from core.rules import merchant
from server.convert import enum, enum_name, optional_id
from server.errors import within, wrong
from server.preview import sender_of

FIELD = "workspace"


def message(row: Row[Any]) -> pb.Workspace:
    """The workspace as everybody in it may see it."""
    return pb.Workspace(
        id=str(row.id),
        name=row.name,
        optout_number=row.optout_number,
        optout_channels=[enum(types_pb2.Medium, "MEDIUM", medium) for medium in row.optout_channels],
        quiet_from=f"{row.quiet_from:%H:%M}",
        quiet_until=f"{row.quiet_until:%H:%M}",
        trade_exemption=row.trade_exemption,
        consent_lapses=row.consent_lapses,
        ad_cap=row.ad_cap,
        ad_cap_days=row.ad_cap_days,
        notice_sender_id=str(row.notice_sender_id or ""),
        trial=row.trial,
    )


def columns(tx: Tx, stored: pb.Workspace, wanted: pb.Workspace) -> dict[str, Any]:
    """The columns of a changed workspace, refused with the place named; what was stored by other rules may stay."""
    sender = optional_id(wanted.notice_sender_id)
    if wanted.notice_sender_id != stored.notice_sender_id and sender and sender_of(tx, sender) is None:
        raise wrong(f"{FIELD}.notice_sender_id", "등록된 발신번호가 아닙니다.", "SENDER_NOT_REGISTERED")
    return {
        **_of_the_law(stored, wanted),
        "optout_channels": sorted({"TEXT", *(enum_name(types_pb2.Medium, "MEDIUM", one) for one in wanted.optout_channels)}),
        "trade_exemption": wanted.trade_exemption,
        "consent_lapses": wanted.consent_lapses,
        "ad_cap": wanted.ad_cap,
        "ad_cap_days": wanted.ad_cap_days,
        "notice_sender_id": sender,
    }


def _of_the_law(stored: pb.Workspace, wanted: pb.Workspace) -> dict[str, Any]:
    name, number = wanted.name, wanted.optout_number
    with within(FIELD):
        window = merchant.quiet_hours(wanted.quiet_from, wanted.quiet_until)
        name = name if name == stored.name else merchant.shop_name(name)
        number = number if number == stored.optout_number else merchant.optout_number(number)
    return {"name": name, "optout_number": number, "quiet_from": window.start, "quiet_until": window.end}

"""Reports: when one may be asked for, and how it is shown."""

from datetime import datetime
from typing import Any

from jeondan.v1 import campaign_pb2, types_pb2
from jeondan.v1 import report_pb2 as pb

from core import images
from core.db import access, campaigns
from core.db.session import Row
from core.db.tables import BUCKETS
from core.errors import WrongState
from core.rules import report
from core.rules.states import CampaignState
from server.campaign_view import funnel, reasons
from server.convert import enum, stamp
from server.rpc import Call

ENDED = (CampaignState.CANCELLED, CampaignState.FAILED)


def columns(call: Call, campaign: Row[Any]) -> dict[str, Any]:
    """What a new report is about: everybody selected, which is known once the plan is complete or will never be."""
    if campaign.launched_at is None or not (campaign.planned or campaign.state in ENDED):
        raise WrongState("발송 준비가 끝난 캠페인만 보고서를 만들 수 있습니다.", reason="REPORT_TOO_EARLY")
    people = campaigns.counters(call.tx, [campaign.id]).get(campaign.id, {}).get("selected", 0)
    seen = access.Access(call.actor, call.caller.origin, "CreateReport", f"campaign {campaign.id}", people)
    access.record(call.tx, call.workspace, seen, call.now)  # the file shows them all, masked (R-PII-5)
    return {"campaign_id": campaign.id, "rows_total": people, "created_by": call.actor}


def message(row: Row[Any], now: datetime) -> pb.Report:
    """A report with its sums, and the way to its file while there is one."""
    found = report.buckets(row.sums)
    made = pb.Report(
        id=str(row.id),
        campaign_id=str(row.campaign_id),
        state=enum(pb.Report.State, "STATE", row.state),
        failure=row.failure,
        progress=types_pb2.Progress(done=row.rows_done, total=row.rows_total),
        size_bytes=row.size_bytes,
        expire_time=stamp(row.expires_at),
        create_time=stamp(row.created_at),
    )
    if row.ended_at is not None:
        made.counters.CopyFrom(campaign_pb2.Counters(**{name: found.get(name, 0) for name in BUCKETS}))
        made.exclusions.extend(funnel(found["selected"], report.reasons(row.sums, "excluded")))
        made.failures.extend(reasons(report.reasons(row.sums, "failed")))
    if row.object_name and row.expires_at > now:
        made.download_url = images.storage().download_url(row.object_name, f"report-{row.created_at:%Y%m%d}.csv")
    return made

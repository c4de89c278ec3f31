"""ReportService: who got a campaign, who did not, and why."""

from typing import Any
from uuid import UUID

from jeondan.v1 import report_pb2 as pb
from jeondan.v1 import report_pb2_grpc, send_pb2

from core import jobs
from core.db import campaigns, reports
from core.db.recipients import Found, Wish
from core.errors import NotFound
from core.rules.states import MessageState
from server import recipients, reporting
from server.convert import enum_names
from server.explain import explained
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes

RECIPIENTS = Lists(
    fields={"state": Field(values=enum_names(send_pb2.Message.State, "STATE")), "reason": Field()},
    size=100,
    most=1000,
    newest_first=False,
)


class ReportService(report_pb2_grpc.ReportServiceServicer):
    """The people of a campaign."""

    @reads
    def ListRecipients(self, request: pb.ListRecipientsRequest, call: Call) -> pb.ListRecipientsResponse:
        campaign = _campaign(call, request.campaign_id)
        wanted = page(request, RECIPIENTS)
        named = dict(wanted.where)
        wish = Wish(MessageState[named["state"]] if "state" in named else None, named.get("reason"))
        both = len(named) < len(set(wanted.where))  # nobody is in two states, or there for two reasons
        found = Found() if both else recipients.page(call, campaign, wish, wanted)
        return pb.ListRecipientsResponse(
            recipients=recipients.shown(call, found.people),
            next_page_token=next_token(request, found.next),
            dry_run=recipients.is_before_launch(campaign),
        )

    @writes
    def CreateReport(self, request: pb.CreateReportRequest, call: Call) -> pb.CreateReportResponse:
        campaign = _campaign(call, request.campaign_id)
        row = reports.add(call.tx, call.workspace, reporting.columns(call, campaign), call.now)
        call.tx.after_commit(lambda: jobs.write_report(call.workspace, row.id))
        return pb.CreateReportResponse(report=reporting.message(row, call.now))

    @reads
    def GetReport(self, request: pb.GetReportRequest, call: Call) -> pb.GetReportResponse:
        row = reports.get(call.tx, UUID(request.report_id))
        return pb.GetReportResponse(report=reporting.message(row, call.now))

    @reads
    def ExplainRecipient(self, request: pb.ExplainRecipientRequest, call: Call) -> pb.ExplainRecipientResponse:
        campaign = _campaign(call, request.campaign_id)
        return pb.ExplainRecipientResponse(explanation=explained(call, campaign, request))


def _campaign(call: Call, campaign: str) -> Any:
    row = campaigns.get(call.tx, UUID(campaign))
    if row is None:
        raise NotFound("이런 캠페인이 없습니다.")
    return row

"""CampaignService: drafts, preview, launch and control."""

from typing import Any
from uuid import UUID

from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import campaign_pb2_grpc

from core import jobs
from core.db import campaigns, disk, events
from core.errors import NotFound
from core.rules.events import STARTED, of_move
from core.rules.price import to_won
from core.rules.states import CampaignState, check_move
from server import campaign_control as control
from server import campaign_drafts as drafts
from server import campaign_preview
from server import campaign_purpose as purposes
from server import campaign_retry as retry
from server import campaign_view as view
from server import preview as previews
from server.convert import check_etag, enum_names
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes
from server.updates import merged

SAMPLES = 5
LISTS = Lists(
    fields={
        "state": Field(values=enum_names(pb.Campaign.State, "STATE")),
        "purpose": Field(values=frozenset({"AD", "INFO"})),
        "name": Field(":"),
    },
    orders=("create_time", "name"),
)


class CampaignService(campaign_pb2_grpc.CampaignServiceServicer):
    """One text, one audience, one launch."""

    @writes
    def CreateCampaign(self, request: pb.CreateCampaignRequest, call: Call) -> pb.CreateCampaignResponse:
        values = drafts.columns(call.tx, request.campaign)
        campaign = campaigns.add(call.tx, call.workspace, values, call.now)
        return pb.CreateCampaignResponse(campaign=view.one(call.tx, campaign))

    @reads
    def GetCampaign(self, request: pb.GetCampaignRequest, call: Call) -> pb.GetCampaignResponse:
        return pb.GetCampaignResponse(campaign=view.one(call.tx, UUID(request.campaign_id)))

    @reads
    def ListCampaigns(self, request: pb.ListCampaignsRequest, call: Call) -> pb.ListCampaignsResponse:
        found = campaigns.page(call.tx, page(request, LISTS))
        return pb.ListCampaignsResponse(campaigns=view.many(call.tx, found.rows), next_page_token=next_token(request, found.next))

    @writes
    def UpdateCampaign(self, request: pb.UpdateCampaignRequest, call: Call) -> pb.UpdateCampaignResponse:
        row = _locked(call, request.campaign_id)
        check_etag(request.etag, view.etag_of(row))
        running = control.is_about_budget(request, row)
        if not running:
            drafts.check_is_draft(row)
        changed = merged(view.message(row), request.campaign, request.update_mask, field="campaign")
        values = control.raised(call, row, changed.budget_krw) if running else drafts.columns(call.tx, changed)
        campaigns.update(call.tx, row.id, values)
        return pb.UpdateCampaignResponse(campaign=view.one(call.tx, row.id))

    @writes
    def ArchiveCampaign(self, request: pb.ArchiveCampaignRequest, call: Call) -> pb.ArchiveCampaignResponse:
        row = _locked(call, request.campaign_id)
        drafts.check_is_not_running(row)
        if row.archived_at is None:
            campaigns.update(call.tx, row.id, {"archived_at": call.now})
        return pb.ArchiveCampaignResponse(campaign=view.one(call.tx, row.id))

    @reads
    def PreviewCampaign(self, request: pb.PreviewCampaignRequest, call: Call) -> pb.PreviewCampaignResponse:
        row = campaigns.get(call.tx, UUID(request.campaign_id))
        if row is None:
            raise NotFound("이런 캠페인이 없습니다.")
        return campaign_preview.answer(call.tx, row, request.sample_count or SAMPLES, call.now)

    @writes
    def LaunchCampaign(self, request: pb.LaunchCampaignRequest, call: Call) -> pb.LaunchCampaignResponse:
        row = _locked(call, request.campaign_id)
        check_etag(request.etag, view.etag_of(row))
        drafts.check_is_in_use(row)
        drafts.check_is_waiting(row)
        disk.refuse_when_full(call.tx)
        values = drafts.launched(call.tx, row, call.now)
        campaigns.update(call.tx, row.id, values)
        if values["state"] == CampaignState.PLANNING:
            events.tell(call.tx, STARTED, [row.id], call.now)
            call.tx.after_commit(lambda: jobs.plan_campaign(call.workspace, row.id))
        warnings = campaign_preview.late_optouts(call.tx, row, call.now)
        if row.budget_krw:
            warnings += control.over_budget(row, previews.forecast(call.tx, row, call.now))
        return pb.LaunchCampaignResponse(campaign=view.one(call.tx, row.id), warnings=view.problems(warnings))

    @writes
    def OverrulePurpose(self, request: pb.OverrulePurposeRequest, call: Call) -> pb.OverrulePurposeResponse:
        row = _locked(call, request.campaign_id)
        drafts.check_is_draft(row)
        campaigns.update(call.tx, row.id, purposes.asked(call, row, request.reason))
        return pb.OverrulePurposeResponse(campaign=view.one(call.tx, row.id))

    @writes
    def AgreeToPurpose(self, request: pb.AgreeToPurposeRequest, call: Call) -> pb.AgreeToPurposeResponse:
        row = _locked(call, request.campaign_id)
        check_etag(request.etag, view.etag_of(row))
        drafts.check_is_draft(row)
        campaigns.update(call.tx, row.id, purposes.agreed(call, row))
        return pb.AgreeToPurposeResponse(campaign=view.one(call.tx, row.id))

    @writes
    def UnscheduleCampaign(self, request: pb.UnscheduleCampaignRequest, call: Call) -> pb.UnscheduleCampaignResponse:
        drafts.check_is_scheduled(_locked(call, request.campaign_id))
        row = _moved(call, request.campaign_id, CampaignState.DRAFT, audience=None)
        return pb.UnscheduleCampaignResponse(campaign=view.one(call.tx, row.id))

    @writes
    def RescheduleCampaign(self, request: pb.RescheduleCampaignRequest, call: Call) -> pb.RescheduleCampaignResponse:
        row = _locked(call, request.campaign_id)
        drafts.check_is_scheduled(row)
        at = drafts.schedule(call.tx, row, request.schedule_time, call.now)
        campaigns.update(call.tx, row.id, {"scheduled_at": at})
        return pb.RescheduleCampaignResponse(campaign=view.one(call.tx, row.id))

    @writes
    def PauseCampaign(self, request: pb.PauseCampaignRequest, call: Call) -> pb.PauseCampaignResponse:
        row = _moved(call, request.campaign_id, CampaignState.PAUSED, paused_at=call.now)
        return pb.PauseCampaignResponse(campaign=view.one(call.tx, row.id))

    @writes
    def ResumeCampaign(self, request: pb.ResumeCampaignRequest, call: Call) -> pb.ResumeCampaignResponse:
        row = _locked(call, request.campaign_id)
        drafts.check_is_paused(row)
        drafts.check_goods(call.tx, row)
        state = CampaignState.SENDING if row.planned else CampaignState.PLANNING
        row = _moved(call, request.campaign_id, state, paused_at=None)
        control.space_out(call.tx, row, call.now)
        call.tx.after_commit(lambda: jobs.plan_campaign(call.workspace, row.id))
        return pb.ResumeCampaignResponse(campaign=view.one(call.tx, row.id))

    @writes
    def CancelCampaign(self, request: pb.CancelCampaignRequest, call: Call) -> pb.CancelCampaignResponse:
        row = _moved(call, request.campaign_id, CampaignState.CANCELLED, ended_at=call.now)
        return pb.CancelCampaignResponse(campaign=view.one(call.tx, row.id))

    @writes
    def RetryFailed(self, request: pb.RetryFailedRequest, call: Call) -> pb.RetryFailedResponse:
        campaign = UUID(request.campaign_id)
        found = retry.again(call, campaign, request.reasons)
        cost = to_won(found.cost)
        return pb.RetryFailedResponse(campaign=view.one(call.tx, campaign), retried=found.people, cost_krw=cost)


def _locked(call: Call, campaign: str) -> Any:
    row = campaigns.get(call.tx, UUID(campaign), lock=True)
    if row is None:
        raise NotFound("이런 캠페인이 없습니다.")
    return row


def _moved(call: Call, campaign: str, state: CampaignState, **more: Any) -> Any:
    row = _locked(call, campaign)
    check_move(CampaignState(row.state), state)
    campaigns.update(call.tx, row.id, {"state": state, "waiting_for": "", **more})
    if kind := of_move(CampaignState(row.state), state):
        events.tell(call.tx, kind, [row.id], call.now)
    return row

"""From a Campaign message to what is stored, and from a draft to what a launch freezes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import types_pb2

from core.db import campaigns, goods, pictures, segments, selection, templates
from core.db.session import Row, Tx
from core.errors import InvalidInput, Violation, WrongState
from core.rules import draft as rules
from core.rules import schedule as schedules
from core.rules.goods import halted
from core.rules.schedule import ends, minute
from core.rules.states import KOREAN, CampaignState
from core.rules.template import problems
from core.rules.text import normalise
from server import campaign_control as control
from server import campaign_purpose as purposes
from server import preview as previews
from server.convert import enum_name, instant, optional_id


def columns(tx: Tx, campaign: pb.Campaign) -> dict[str, Any]:
    """The columns of a draft. A flyer or sender number of another workspace is no flyer or sender number."""
    wrong = []
    if campaign.flyer_id and pictures.flyer_state(tx, UUID(campaign.flyer_id)) == "MISSING":
        wrong.append(Violation("campaign.flyer_id", "이런 전단이 없습니다.", "NOT_FOUND"))
    if previews.sender_of(tx, optional_id(campaign.sender_number_id)) is None:
        wrong.append(Violation("campaign.sender_number_id", "등록된 발신번호가 아닙니다.", "SENDER_NOT_REGISTERED"))
    if campaign.audience.segment_id and not segments.usable(tx, UUID(campaign.audience.segment_id)):
        wrong.append(Violation("campaign.audience.segment_id", "이런 세그먼트가 없습니다.", "NOT_FOUND"))
    if campaign.template_id:
        wrong += _template_problems(tx, campaign)
    if wrong:
        raise InvalidInput("캠페인 내용을 확인해 주세요.", wrong)
    return {
        "name": campaign.name,
        "purpose": enum_name(types_pb2.Purpose, "PURPOSE", campaign.purpose),
        "body": normalise(campaign.body),
        "subject": normalise(campaign.subject),
        "flyer_id": optional_id(campaign.flyer_id),
        "template_id": optional_id(campaign.template_id),
        "fallback_body": normalise(campaign.fallback_body),
        "sender_number_id": optional_id(campaign.sender_number_id),
        "any_tags": list(campaign.audience.any_tags),
        "none_tags": list(campaign.audience.none_tags),
        "segment_id": optional_id(campaign.audience.segment_id),
        "expires_at": instant(campaign.expire_time) if campaign.HasField("expire_time") else None,
        "scheduled_at": minute(instant(campaign.schedule_time)) if campaign.HasField("schedule_time") else None,
        **control.columns(campaign),
        **purposes.columns(campaign),
    }


def _template_problems(tx: Tx, campaign: pb.Campaign) -> list[Violation]:
    """What no later change could mend: a template of somebody else, and advertising by template."""
    row = templates.get(tx, UUID(campaign.template_id))
    if row is None:
        return [Violation("campaign.template_id", "이런 알림톡 템플릿이 없습니다.", "NOT_FOUND")]
    ad = campaign.purpose == types_pb2.PURPOSE_AD
    return [one for one in problems(templates.as_template(row), ad=ad) if one.reason == "TEMPLATE_IS_INFO"]


def check_is_in_use(row: Row[Any]) -> None:
    """What was put away is neither changed nor launched."""
    if row.archived_at is not None:
        raise WrongState("보관한 캠페인입니다. 새 캠페인을 만들어 주세요.", facts={"state": "ARCHIVED"})


def check_is_draft(row: Row[Any]) -> None:
    """Only a draft can be changed."""
    check_is_in_use(row)
    if row.state != CampaignState.DRAFT:
        raise WrongState(f"‘{KOREAN[CampaignState(row.state)]}’ 상태인 캠페인은 고칠 수 없습니다.", facts={"state": row.state})


def check_is_waiting(row: Row[Any]) -> None:
    """What was launched is never launched again: its text and its audience stay as they were frozen."""
    if row.state not in (CampaignState.DRAFT, CampaignState.APPROVED):
        sentence = f"‘{KOREAN[CampaignState(row.state)]}’ 상태인 캠페인은 발송을 시작할 수 없습니다."
        raise WrongState(sentence, facts={"state": row.state})


def check_is_paused(row: Row[Any]) -> None:
    """Only what was launched and stopped goes on; a draft is launched, not resumed."""
    if row.state != CampaignState.PAUSED:
        sentence = f"‘{KOREAN[CampaignState(row.state)]}’ 상태인 캠페인은 다시 시작할 수 없습니다."
        raise WrongState(sentence, facts={"state": row.state})


def check_goods(tx: Tx, row: Row[Any]) -> None:
    """What may not be advertised any more goes no further (R-PRO-1)."""
    if sentence := halted(goods.of_campaign(tx, row).prohibited):
        raise WrongState(sentence, reason="PROHIBITED_GOODS")


def check_is_scheduled(row: Row[Any]) -> None:
    """Only what waits for its time can be given another one."""
    if row.state != CampaignState.SCHEDULED:
        sentence = f"‘{KOREAN[CampaignState(row.state)]}’ 상태인 캠페인에는 바꿀 예약이 없습니다."
        raise WrongState(sentence, facts={"state": row.state})


def check_is_not_running(row: Row[Any]) -> None:
    """What runs, or will by itself, cannot be put away."""
    if row.state in (*campaigns.RUNNING, CampaignState.PAUSED, CampaignState.SCHEDULED):
        raise WrongState("진행 중이거나 예약된 캠페인은 보관할 수 없습니다. 먼저 취소해 주세요.", facts={"state": row.state})


def schedule(tx: Tx, row: Row[Any], given: Timestamp, now: datetime) -> datetime:
    """The new minute of a scheduled campaign; refused when it cannot start then."""
    at = minute(instant(given))
    for found in schedules.problems(previews.schedule_of(tx, row, at, now)):
        place = "schedule_time" if found.field == schedules.FIELD else found.field
        raise InvalidInput(found.message, [Violation(place, found.message, found.reason)], reason=found.reason)
    return at


def launched(tx: Tx, row: Row[Any], now: datetime) -> dict[str, Any]:
    """Everything a launch freezes; refused with every problem named when the draft cannot go."""
    draft = previews.draft_of(tx, row, now)
    if found := rules.problems(draft):
        raise InvalidInput("이대로는 발송할 수 없습니다. 표시된 곳을 고쳐 주세요.", found, reason=found[0].reason)
    until, people = campaigns.audience_end(tx, row)
    if not campaigns.reaches_anybody(tx, row):
        message = "받을 수 있는 고객이 없습니다."
        raise InvalidInput(message, [Violation("campaign.audience", message, "EMPTY_AUDIENCE")], reason="EMPTY_AUDIENCE")
    control.check_pace(tx, row, now)
    return {
        **_begun(row, until, people, now),
        **purposes.frozen(tx, row),
        "frozen_body": rules.finished_body(draft),
        "frozen_fallback": normalise(draft.fallback) if draft.notice else "",
        "frozen_subject": rules.finished_subject(draft),
        "audience": selection.rule_of(tx, row.segment_id),
        "sender": previews.sender_of(tx, row.sender_number_id),
        "image_object": pictures.flyer_object(tx, row.flyer_id) if row.flyer_id else "",
        "routes": [route.frozen() for route in previews.routes_of(tx, row, draft)],
        "waiting_for": "",
    }


def _begun(row: Row[Any], until: int, people: int, now: datetime) -> dict[str, Any]:
    """At once, or later: who is selected, and until when, is then decided by workers/start.py."""
    if row.scheduled_at is not None:
        return {"state": CampaignState.SCHEDULED, "plan_total": people}  # of today, until it starts
    begun = {"state": CampaignState.PLANNING, "plan_until": until, "plan_total": people, "launched_at": now}
    return {**begun, "expires_at": ends(now, row.expires_at)}

"""Campaign control at both doors: later, slower, cheaper, stopped, tried again; every refusal is a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from core import clock
from deploy.local.demo import daytime_offset
from tests.flow import doors, files, stubs


@pytest.fixture(scope="module")
def people(channel: grpc.Channel, shop: dict[str, str]) -> str:
    by_stub = stubs.Caller(channel, ("x-api-key", shop["api_key"]))
    assert stubs.customers(by_stub, files.agreed(files.numbers(3_700_000, 3)), name="셋.csv", tag="셋").created_count == 3
    return "셋"


@pytest.fixture
def draft(shop: dict[str, str], people: str) -> dict[str, Any]:
    """Information, so that the hour of the day does not matter."""
    sender = shop["sender"]
    return {
        "name": "x",
        "purpose": "PURPOSE_INFO",
        "infoReason": "INFO_REASON_TRANSACTION",
        "body": "내일 쉽니다.",
        "senderNumberId": sender,
        "audience": {"anyTags": [people]},
    }


def after(**span: float) -> str:
    """So long after now, as the product's clock has it: it is day there."""
    now = clock.now()
    return (now + daytime_offset(now) + timedelta(**span)).strftime("%Y-%m-%dT%H:%M:00Z")


def made(door: doors.Door, draft: dict[str, Any], **more: Any) -> str:
    found: str = door("CreateCampaign", campaign={**draft, **more})["campaign"]["id"]
    return found


def test_later_taken_back_and_moved(door: doors.Door, draft: dict[str, Any]) -> None:
    at = after(hours=3)
    campaign = made(door, draft, scheduleTime=at)
    launched = door("LaunchCampaign", campaignId=campaign, requestId=str(uuid4()))["campaign"]
    assert (launched["state"], launched["scheduleTime"]) == ("STATE_SCHEDULED", at)
    again = door.refused("LaunchCampaign", campaignId=campaign)
    assert (again.reason, "예약" in again.message) == ("WRONG_STATE", True)
    moved = door("RescheduleCampaign", campaignId=campaign, scheduleTime=after(hours=5), requestId=str(uuid4()))["campaign"]
    assert moved["scheduleTime"] != launched["scheduleTime"]
    late = door.refused("RescheduleCampaign", campaignId=campaign, scheduleTime=after(hours=-1))
    assert late.fields == {"scheduleTime": {"SCHEDULE_PAST": "예약 시각이 이미 지났습니다. 지금보다 뒤의 시각을 골라 주세요."}}
    back = door("UnscheduleCampaign", campaignId=campaign, requestId=str(uuid4()))["campaign"]
    assert back["state"] == "STATE_DRAFT"
    assert door.refused("UnscheduleCampaign", campaignId=campaign).reason == "WRONG_STATE"


def test_an_advertisement_at_night_is_told_the_next_minute(door: doors.Door, draft: dict[str, Any]) -> None:
    night = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT12:30:00Z")  # 21:30 in Korea
    campaign = made(door, draft, purpose="PURPOSE_AD", scheduleTime=night)
    refused = door.refused("LaunchCampaign", campaignId=campaign)
    assert refused.reason == "SCHEDULE_AT_NIGHT"
    [sentence] = refused.fields["campaign.scheduleTime"].values()
    assert sentence.startswith("광고는 20:50부터 다음 날 08:00까지") and sentence.endswith("08:00입니다.")


def test_slower_and_with_a_cap(door: doors.Door, draft: dict[str, Any]) -> None:
    campaign = made(door, draft, pace={"people": 1, "duration": "3600s"}, budgetKrw=10)
    seen = door("PreviewCampaign", campaignId=campaign)
    assert seen["expectedEndTime"] > after(minutes=110)
    assert [one["reason"] for one in seen["warnings"]] == ["OVER_BUDGET"]
    launched = door("LaunchCampaign", campaignId=campaign)
    assert launched["campaign"]["pace"] == {"people": 1, "duration": "3600s"}
    assert launched["campaign"]["expectedEndTime"] > after(minutes=110)
    assert "예산 10원을 넘습니다" in launched["warnings"][0]["message"]
    raised = door("UpdateCampaign", campaignId=campaign, campaign={"budgetKrw": 100}, updateMask="budgetKrw")["campaign"]
    assert raised["budgetKrw"] == 100
    assert door.refused("UpdateCampaign", campaignId=campaign, campaign={"name": "y"}, updateMask="name").reason == "WRONG_STATE"
    assert door("PauseCampaign", campaignId=campaign)["campaign"]["state"] == "STATE_PAUSED"
    assert door("ResumeCampaign", campaignId=campaign)["campaign"]["state"] in ("STATE_PLANNING", "STATE_SENDING")
    assert door("CancelCampaign", campaignId=campaign)["campaign"]["state"] == "STATE_CANCELLED"


def test_a_pace_that_is_none_and_one_that_is_too_slow(door: doors.Door, draft: dict[str, Any]) -> None:
    wrong = {**draft, "pace": {"people": 0, "duration": "5s"}}
    refused = door.refused("CreateCampaign", campaign=wrong)
    assert all(sentence for reasons in refused.fields.values() for sentence in reasons.values())
    assert {name.rpartition(".")[2] for name in refused.fields} <= {"people", "duration"}
    campaign = made(door, draft, pace={"people": 1, "duration": "604800s"})
    slow = door.refused("LaunchCampaign", campaignId=campaign)
    assert slow.reason == "PACE_BEYOND_EXPIRE" and "속도를 높이거나" in slow.message


def test_what_failed_is_tried_again_only_when_it_may(door: doors.Door, draft: dict[str, Any]) -> None:
    campaign = made(door, draft)
    assert door.refused("RetryFailed", campaignId=campaign).reason == "WRONG_STATE"
    door("LaunchCampaign", campaignId=campaign)
    refused = door.refused("RetryFailed", campaignId=campaign, reasons=["OPTED_OUT"])
    assert refused.fields == {"reasons[0]": {"NOT_RETRYABLE": "‘수신거부’(으)로 실패한 메시지는 다시 보낼 수 없습니다."}}
    answer = door("RetryFailed", campaignId=campaign, requestId=str(uuid4()))
    assert (answer["retried"], answer["costKrw"]) == (0, 0)

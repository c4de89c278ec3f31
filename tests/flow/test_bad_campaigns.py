"""Campaigns that cannot go: the preview names the problem, the launch refuses with the same, the draft is untouched."""

from typing import Any
from uuid import uuid4

import pytest

from tests.flow import doors, files, stubs
from tests.flow.unchanged import nothing_stays


@pytest.fixture(scope="module")
def people(by_stub: stubs.Caller) -> str:
    """The tag of three customers who may get advertising."""
    assert stubs.customers(by_stub, files.agreed(files.numbers(3_100_000, 3)), name="셋.csv", tag="셋").created_count == 3
    return "셋"


@pytest.fixture
def draft(shop: dict[str, str], people: str) -> dict[str, Any]:
    """A campaign that could go."""
    body = "내일부터 책을 할인합니다."
    sender = shop["sender"]
    return {"name": "x", "purpose": "PURPOSE_AD", "body": body, "senderNumberId": sender, "audience": {"anyTags": [people]}}


def cannot_go(door: doors.Door, draft: dict[str, Any], reason: str, field: str) -> str:
    """Preview names the problem, launch refuses with the same, and the draft is untouched; the sentence."""
    campaign = door("CreateCampaign", campaign=draft)["campaign"]
    problems = door("PreviewCampaign", campaignId=campaign["id"])["problems"]
    assert (reason, f"campaign.{field}") in {(one["reason"], one["field"]) for one in problems}, problems
    found = door.refused("LaunchCampaign", campaignId=campaign["id"])
    assert found.reason in {one["reason"] for one in problems}
    where = {name.removeprefix("campaign."): why for name, why in found.fields.items()}
    assert door("GetCampaign", campaignId=campaign["id"])["campaign"] == campaign
    assert not door("ListMessages", campaignId=campaign["id"])["messages"]
    return where[field][reason]


def test_characters_that_cannot_travel_are_named_with_what_to_write_instead(door: doors.Door, draft: dict[str, Any]) -> None:
    draft["body"] = "원두 ₩12,000 → 9,900원 😀 “할인” café ✨"
    sentence = cannot_go(door, draft, "UNSUPPORTED_CHARACTERS", "body")
    assert "₩" in sentence and "‘원’" in sentence or "‘￦’" in sentence
    assert "😀" in sentence and "삭제" in sentence and "‘e’" in sentence
    assert "“" not in sentence and "→ 9" not in sentence  # these travel


@pytest.mark.parametrize(
    "label", ["(광 고)", "[광고]", "（광고）", "(광.고)", "<광고>", "( 광고 )", "(홍보광고)", "(광\u200b고)"]
)
def test_a_disguised_label_is_refused(door: doors.Door, draft: dict[str, Any], label: str) -> None:
    draft["body"] = f"{label} {draft['body']}"
    reason = "UNSUPPORTED_CHARACTERS" if "\u200b" in label else "LABEL_VARIANT"
    cannot_go(door, draft, reason, "body")


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"body": "할인 (광고) 합니다"}, "LABEL_NOT_FIRST", "body"),
        ({"body": "할인합니다 무료거부0801234567 어서 오세요"}, "OPTOUT_NOT_LAST", "body"),
        ({"body": "할인합니다 수신거부 02-123-4567"}, "OPTOUT_NOT_FREE", "body"),
        ({"body": "   "}, "TEXT_REQUIRED", "body"),
        ({"body": "#{이름 할인"}, "BAD_VARIABLE", "body"),
        ({"subject": "아주 긴 제목입니다 아주 긴 제목입니다 아주 긴"}, "SUBJECT_TOO_LONG", "subject"),
        ({"audience": {"anyTags": ["아무도 없는 태그"]}}, "EMPTY_AUDIENCE", "audience"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_would_break_the_law_or_reach_nobody_stays_a_draft(
    door: doors.Door, draft: dict[str, Any], change: dict[str, Any], reason: str, field: str
) -> None:
    cannot_go(door, {**draft, **change}, reason, field)


def test_too_long_for_anybody_is_told_before_the_launch(door: doors.Door, draft: dict[str, Any]) -> None:
    cannot_go(door, {**draft, "body": "가" * 1001}, "BODY_TOO_LONG", "body")


def test_people_who_said_no_are_not_an_audience(door: doors.Door, by_stub: stubs.Caller, draft: dict[str, Any]) -> None:
    refusing = files.csv([("거절", number, "N", "", "") for number in files.numbers(3_200_000, 2)])
    stubs.customers(by_stub, refusing, name="거절.csv", tag="거절한 사람")
    cannot_go(door, {**draft, "audience": {"anyTags": ["거절한 사람"]}}, "EMPTY_AUDIENCE", "audience")


def test_a_sender_number_that_is_not_ours_is_refused(door: doors.Door, rest: doors.Rest, draft: dict[str, Any]) -> None:
    with nothing_stays(rest):
        for sender in (str(uuid4()), ""):
            found = door.refused("CreateCampaign", campaign={**draft, "senderNumberId": sender})
            assert found.codes == {"INVALID_ARGUMENT"} or found.codes == doors.STATUS[400]
            assert "senderNumberId" in found.fields
    campaign = door("CreateCampaign", campaign=draft)["campaign"]
    change = {"campaign": {"senderNumberId": str(uuid4())}, "updateMask": "senderNumberId"}
    assert "senderNumberId" in door.refused("UpdateCampaign", campaignId=campaign["id"], **change).fields
    assert door("GetCampaign", campaignId=campaign["id"])["campaign"] == campaign


def test_a_campaign_is_launched_once_and_then_left_alone(
    door: doors.Door, by_stub: stubs.Caller, sandbox: Any, draft: dict[str, Any]
) -> None:
    sent = sandbox.stats()["accepted_messages"]
    name = f"한 번만 {door.name}"
    campaign = door("CreateCampaign", campaign={**draft, "name": name, "body": f"{name} 할인"})["campaign"]
    stale = door.refused("LaunchCampaign", campaignId=campaign["id"], etag="not-this-one")
    assert stale.reason == "ETAG_MISMATCH"
    with sandbox.fault("latency", path="/send*", delay=1):
        door("LaunchCampaign", campaignId=campaign["id"])
        change = {"campaign": {"body": "바꿔치기"}, "updateMask": "body"}
        for rpc, more in (("LaunchCampaign", {}), ("UpdateCampaign", change), ("ArchiveCampaign", {}), ("ResumeCampaign", {})):
            assert door.refused(rpc, campaignId=campaign["id"], **more).reason == "WRONG_STATE", rpc
    assert stubs.follow(by_stub, campaign["id"]).counters.selected == 3
    for rpc, more in (("LaunchCampaign", {}), ("UpdateCampaign", change), ("PauseCampaign", {}), ("CancelCampaign", {})):
        assert door.refused(rpc, campaignId=campaign["id"], **more).reason == "WRONG_STATE", rpc
    assert sandbox.stats()["accepted_messages"] - sent == 3
    assert door("ArchiveCampaign", campaignId=campaign["id"])["campaign"]["archiveTime"]
    assert len(door("ListMessages", campaignId=campaign["id"])["messages"]) == 3


def test_what_was_put_away_is_not_sent(door: doors.Door, draft: dict[str, Any]) -> None:
    campaign = door("CreateCampaign", campaign=draft)["campaign"]
    door("ArchiveCampaign", campaignId=campaign["id"])
    change = {"campaign": {"name": "다시"}, "updateMask": "name"}
    for rpc, more in (("LaunchCampaign", {}), ("UpdateCampaign", change)):
        assert door.refused(rpc, campaignId=campaign["id"], **more).reason == "WRONG_STATE"


def test_a_campaign_that_ends_before_it_begins_is_refused(door: doors.Door, draft: dict[str, Any]) -> None:
    campaign = door("CreateCampaign", campaign={**draft, "expireTime": "2020-01-01T00:00:00Z"})["campaign"]
    assert door.refused("LaunchCampaign", campaignId=campaign["id"]).reason == "EXPIRE_TIME_PAST"
    assert door("GetCampaign", campaignId=campaign["id"])["campaign"] == campaign

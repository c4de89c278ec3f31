"""Segments at both doors: a rule within rules as JSON and as a message, its count, a campaign to it, refusals at their place."""

from typing import Any
from uuid import uuid4

import grpc
import pytest

from tests.flow import doors, files, stubs

TAG = "묶음"


@pytest.fixture(scope="module")
def people(channel: grpc.Channel, shop: dict[str, str]) -> str:
    by_stub = stubs.Caller(channel, ("x-api-key", shop["api_key"]))
    assert stubs.customers(by_stub, files.agreed(files.numbers(3_900_000, 4)), name="넷.csv", tag=TAG).created_count == 4
    return TAG


def tagged(*tags: str) -> dict[str, Any]:
    return {"tag": {"tags": list(tags)}}


def test_a_rule_is_counted_saved_and_sent_to(door: doors.Door, shop: dict[str, str], people: str) -> None:
    rule = {"all": {"rules": [tagged(people), {"none": {"rules": [tagged("직원"), {"age": {"atMost": 10}}]}}]}}
    assert door("PreviewSegment", rule=rule)["people"] == 4
    saved = door("CreateSegment", segment={"name": "넷", "rule": rule}, requestId=str(uuid4()))["segment"]
    assert saved["rule"]["all"]["rules"][0] == tagged(people)
    assert door("GetSegment", segmentId=saved["id"])["segment"] == saved
    assert saved["id"] in [one["id"] for one in door("ListSegments")["segments"]]
    changed = door(
        "UpdateSegment", segmentId=saved["id"], segment={"rule": tagged(people)}, updateMask="rule", etag=saved["etag"]
    )
    assert changed["segment"]["rule"] == tagged(people)
    draft = {
        "name": "넷에게",
        "purpose": "PURPOSE_INFO",
        "infoReason": "INFO_REASON_TRANSACTION",
        "body": "내일 쉽니다.",
        "senderNumberId": shop["sender"],
        "audience": {"segmentId": saved["id"]},
    }
    campaign = door("CreateCampaign", campaign=draft)["campaign"]["id"]
    assert door("PreviewCampaign", campaignId=campaign)["selected"] == 4
    launched = door("LaunchCampaign", campaignId=campaign, requestId=str(uuid4()))["campaign"]
    assert launched["audience"]["rule"] == tagged(people)
    door("ArchiveSegment", segmentId=saved["id"])


def test_a_refusal_names_the_place_in_the_rule(door: doors.Door) -> None:
    wrong = {"any": {"rules": [tagged("x"), {"attribute": {"name": "등급", "test": "TEST_AT_LEAST", "values": ["1"]}}]}}
    found = door.refused("CreateSegment", segment={"name": "x", "rule": wrong})
    sentence = "‘등급’은(는) 글자 항목이라 이렇게 비교할 수 없습니다."
    assert found.fields == {"rule.any.rules[1].attribute": {"SEGMENT_TEST_INVALID": sentence}}
    assert door.refused("PreviewSegment").fields == {"rule": {"REQUIRED": "세그먼트를 고르거나 조건을 적어 주세요."}}


def test_tags_and_attributes_are_seen(door: doors.Door, people: str) -> None:
    assert {"name": people, "people": 4} in door("ListTags")["tags"]
    typed = door("SetAttributeType", name=f"수-{door.name}", kind="ATTRIBUTE_KIND_NUMBER")["attribute"]
    assert typed in door("ListAttributes")["attributes"]


def test_guests_are_kept_masked(door: doors.Door) -> None:
    guest = door("AddGuest", phone="010-0000-4321")["guest"]
    assert guest["maskedPhone"] == "010-****-4321"
    listed = door("ListGuests")
    assert (guest in listed["guests"], listed["trial"]) == (True, False)
    assert door("DeleteGuest", guestId=guest["id"])["guest"] == guest

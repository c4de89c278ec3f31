"""Solapi's Alimtalk on the wire: values instead of texts, never a fallback of Solapi's, templates page by page."""

import json

import pytest

from core.rules.channel import Channel
from core.rules.states import MessageState, TemplateState
from core.rules.template import Button
from tests.workers.providers import notices
from tests.workers.providers.cases import says, stage
from tests.workers.providers.solapi_shop import (
    GROUP,
    NUMBERS,
    OPENED,
    PENDING,
    SENDER,
    STARTED,
    WITHDRAWN,
    adapter,
    filled,
    group,
    listing,
    outcome_of,
    row,
)
from workers.providers import Accepted, Busy, Cause, Refused

TEMPLATE = notices.template("KA01TP0412", "KA01PF1")
PARCEL = notices.parcel(TEMPLATE, SENDER, NUMBERS)


def test_what_leaves() -> None:
    with stage(OPENED, says(filled(kind="ATA")), STARTED) as scene:
        accepted = adapter(scene.url).send(PARCEL)
    assert accepted == Accepted(GROUP, 3, 0, Channel.ALIMTALK)
    messages = json.loads(scene.requests[1].body)["messages"]
    assert messages[1] == {
        "to": NUMBERS[1],
        "from": SENDER,
        "type": "ATA",
        "autoTypeDetect": False,
        "kakaoOptions": {
            "pfId": "KA01PF1",
            "templateId": "KA01TP0412",
            "disableSms": True,
            "variables": {"#{고객명}": "고객1", "#{주문번호}": "A-1"},
        },
    }
    assert [one["to"] for one in messages] == list(NUMBERS)


@pytest.mark.parametrize("code", ["1041", "1042", "1043", "1046", "1053"])
def test_what_is_wrong_with_the_template_is_the_messages_fault(code: str) -> None:
    with stage(OPENED, says(filled(code, code, code, kind="ATA")), WITHDRAWN) as scene:
        outcome = outcome_of(lambda: adapter(scene.url).send(PARCEL))
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.cause) == (code, Cause.MESSAGE)


def test_a_group_that_went_is_adopted_as_alimtalk() -> None:
    charge = {"sms": {}, "ata": {"82": 3}}
    with stage(says(group("COMPLETE", countForCharge=charge))) as scene:
        assert adapter(scene.url).status(GROUP) == Accepted(GROUP, 3, 0, Channel.ALIMTALK)
    with stage(PENDING, WITHDRAWN, WITHDRAWN) as scene:
        assert adapter(scene.url).status(GROUP) is None


@pytest.mark.parametrize("code", ["3101", "3102", "3103", "3104", "3105", "3106", "3107"])
def test_every_failure_of_kakao_is_known(code: str) -> None:
    with stage(says(listing([row(NUMBERS[0], code, type="ATA")]))) as scene:
        [result] = adapter(scene.url).results(GROUP).results
    assert (result.state, result.known, result.code) == (MessageState.FAILED, True, code)
    assert result.text


def shown(code: str = "KA01TP1", **changes: object) -> dict[str, object]:
    button = {"buttonName": "주문 보기", "buttonType": "WL", "linkMo": "https://m", "linkPc": None}
    more = {"emphasizeType": "NONE", "emphasizeTitle": None, "buttons": [button], "comments": []}
    return {
        "templateId": code,
        "channelId": "KA01PF1",
        "name": "주문",
        "content": "가\n#{나}",
        "status": "APPROVED",
        **more,
        **changes,
    }


def page(*rows: object, following: str | None = None):
    return says({"templateList": list(rows), "startKey": None, "nextKey": following, "limit": 100})


def test_templates_are_read_page_by_page() -> None:
    titled = shown("KA01TP2", emphasizeType="TEXT", emphasizeTitle="#{나}", buttons=[], status="INSPECTING")
    rejected = shown("KA01TP3", status="REJECTED", comments=[{"isAdmin": True, "content": "반려합니다."}])
    with stage(page(shown(), titled, following="K"), page(rejected)) as scene:
        found = adapter(scene.url).templates()
    assert [(one.code, one.state) for one in found] == [
        ("KA01TP1", TemplateState.APPROVED),
        ("KA01TP2", TemplateState.IN_REVIEW),
        ("KA01TP3", TemplateState.REJECTED),
    ]
    assert (found[0].channel_key, found[0].content, found[0].emphasis_title) == ("KA01PF1", "가\n#{나}", "")
    assert found[0].buttons == (Button("WL", "주문 보기", mobile="https://m"),)
    assert (found[1].emphasis_title, found[1].buttons, found[2].comment) == ("#{나}", (), "반려합니다.")
    assert [request.path for request in scene.requests] == [
        "/kakao/v2/templates?limit=100",
        "/kakao/v2/templates?limit=100&startKey=K",
    ]


@pytest.mark.parametrize("answer", [says(b"", 500), says({"templateList": {}}), says({}), page(shown(""))])
def test_half_an_answer_is_no_list(answer) -> None:
    with stage(answer) as scene, pytest.raises(Busy):
        adapter(scene.url).templates()

"""Aligo Kakao on the wire: what leaves field by field, what every answer means, and that nothing secret is ever said."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from core.rules.channel import Channel
from core.rules.states import MessageState, TemplateState
from core.rules.template import Button
from tests.workers.providers import notices
from tests.workers.providers.aligo_shop import CUT, KEY, NOON, NUMBERS, PAGE, SENDER, USER
from tests.workers.providers.cases import (
    EVERY_PROVIDER,
    PATIENT,
    Case,
    Request,
    assert_quiet,
    attempt,
    hangs,
    judge,
    leaves,
    resets,
    says,
    sends,
    slams,
    stage,
    wire,
)
from workers import http
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Provider, Refused, Result, Unknown
from workers.providers.aligo import adapter as aligo

TEMPLATE = notices.template("TX_0412", "ab12")
PARCEL = notices.parcel(TEMPLATE, SENDER, NUMBERS)
ALL = Accepted("AT31200455", 3, 0, Channel.ALIMTALK)
LOST = b'{"code":0,"message":"x","info":{"mid":"312'


def adapter(url: str, waiting: http.Timeout = PATIENT, test_mode: bool = False) -> Provider:
    account = Account("aligo", "http://127.0.0.1:9", {"key": KEY, "user_id": USER}, test_mode, kakao_url=url)
    return aligo.Adapter(account, sending=waiting, reading=waiting)


def taken(code: object = 0, **changes: object) -> dict[str, object]:
    info = {"type": "AT", "mid": "31200455", "current": 48211.5, "unit": 6.5, "total": 19.5, "scnt": 3, "fcnt": 0, **changes}
    return {"code": code, "message": "성공적으로 전송요청 하였습니다.", "info": info}


def refused(message: str, code: int = -99):
    return says({"code": code, "message": message})


CASES = (
    Case("accepted", says(taken()), ALL),
    Case("accepted, a bare id", says(taken(mid=31200455, scnt="3", fcnt="0")), ALL),
    Case("accepted, a quoted code", says(taken("0")), ALL),
    Case("partly refused", says(taken(scnt=2, fcnt=1)), Accepted("AT31200455", 2, 1, Channel.ALIMTALK)),
    Case("all refused", says(taken(scnt=0, fcnt=3, mid="")), Cause.MESSAGE),
    Case("another channel than asked", says(taken(type="FT")), ALL),  # "-": it names no other
    Case("wrong key", refused("등록되지 않은 인증키 입니다."), Cause.AUTH, "-99"),
    Case("wrong key, other words", refused("인증오류입니다."), Cause.AUTH, "-99"),
    Case("wrong key, other number", refused("error", -101), Cause.AUTH, "-101"),
    Case("a token is wanted", refused("토큰(=token) 파라메더가 전달되지 않았습니다.", -10), Cause.AUTH, "-10"),
    Case("a token is stale", refused("사용할수 없는 토큰 입니다.", -107), Cause.AUTH, "-107"),
    Case("address not allowed", refused("인증되지 않는 서버 IP로 부터의 호출 입니다."), Cause.IP, "-99"),
    Case("no balance", refused("포인트가 부족합니다."), Cause.BALANCE, "-99"),
    Case("sender not registered", refused("등록되지 않은 발신번호 입니다."), Cause.SENDER, "-99"),
    Case("refused for a reason nobody knows", refused("형식이 다릅니다."), Cause.MESSAGE, "-99"),
    Case("a field is missing", refused("tpl_code 파라메더 정보가 전달되지 않았습니다."), Cause.MESSAGE, "-99"),
    Case("template trouble", refused("승인되지 않은 템플릿 입니다."), Cause.MESSAGE, "-99"),
    Case("channel trouble", refused("채널 상태를 확인해 주세요.", 509), Cause.MESSAGE, "509"),
    Case("asked to come later", refused("시스템 점검 중입니다. 잠시 후 이용해 주세요."), Busy),
    Case("throttled", says(PAGE % b"slow down", 429), Busy),
    Case("throttled with a time", says(b"", 429, "Retry-After: 7\r\n"), Busy, retry_seconds=7.0),
    Case("nobody listens", None, Busy),
    Case("blocked at the edge", says(PAGE % b"Forbidden", 403), Cause.EDGE, "HTTP 403"),
    Case("redirected", says(PAGE % b"Moved", 301, "Location: /\r\n"), Cause.EDGE, "HTTP 301"),
    Case("request too large", says(PAGE % b"Too Large", 413), Cause.EDGE, "HTTP 413"),
    Case("closed before reading", slams, Unknown),
    Case("closed after reading", leaves, Unknown),
    Case("reset after reading", resets, Unknown),
    Case("no answer in time", hangs, Unknown),
    Case("server error", says(PAGE % b"Internal Server Error", 500), Unknown),
    Case("bad gateway", says(PAGE % b"Bad Gateway", 502), Unknown),
    Case("unavailable", says(PAGE % b"Unavailable", 503), Unknown),
    Case("empty answer", says(b""), Unknown),
    Case("page instead of an answer", says(PAGE % b"hello"), Unknown),
    Case("answer cut short", sends(wire(LOST + b" " * 40)[:-40]), Unknown),
    Case("answer cut short but well framed", says(CUT), Unknown),
    Case("answer without a reference", says({"code": 0, "message": "x"}), Unknown),
    Case("answer of another shape", says([1, 2]), Unknown),
    Case("answer with the success of the other host", says({**taken(1), "result_code": 1}), Unknown),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_outcome_of_a_send(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    judge(case, adapter, PARCEL, (KEY, USER), caplog)


def test_no_case_is_missing() -> None:
    assert {case.name for case in CASES} >= set(EVERY_PROVIDER)


def sent(parcel: Parcel, test_mode: bool = False) -> Request:
    with stage(says(taken(scnt=len(parcel.receivers)))) as scene:
        adapter(scene.url, test_mode=test_mode).send(parcel)
    [request] = scene.requests
    return request


def test_what_leaves_field_by_field() -> None:
    request = sent(replace(PARCEL, receivers=NUMBERS[:1], texts=PARCEL.texts[:1], written=PARCEL.written[:1]))
    assert request.line == "POST /akv10/alimtalk/send/ HTTP/1.1"
    fields = request.fields()
    button = json.loads(fields.pop("button_1"))
    assert fields == {
        "apikey": KEY,
        "userid": USER,
        "senderkey": "ab12",
        "tpl_code": "TX_0412",
        "sender": SENDER,
        "failover": "N",
        "testMode": "N",
        "receiver_1": NUMBERS[0],
        "subject_1": "주문접수",
        "message_1": "고객0님,\r\n주문번호 A-0 접수되었습니다.",
    }
    link = "https://shop.example/o/A-0"
    shown = {"name": "주문 보기", "linkType": "WL", "linkTypeName": "웹링크", "linkMo": link, "linkPc": link}
    assert button == {"button": [shown]}


def test_a_title_leaves_and_a_test_is_a_test() -> None:
    titled = replace(TEMPLATE, emphasis_title="#{주문번호}", buttons=())
    fields = sent(notices.parcel(titled, SENDER, NUMBERS), test_mode=True).fields()
    assert [fields[f"emtitle_{place}"] for place in (1, 2, 3)] == ["A-0", "A-1", "A-2"]
    assert fields["testMode"] == "Y"
    assert not [name for name in fields if name.startswith("button")]


IMPOSSIBLE = {
    "nobody": replace(PARCEL, receivers=(), texts=(), written=()),
    "too many": notices.parcel(TEMPLATE, SENDER, ["01011110001"] * 501),
    "no template": replace(PARCEL, template=None),
    "more numbers than notices": replace(PARCEL, written=PARCEL.written[:2]),
    "texts that are not the template's": replace(
        PARCEL, texts=["다른 글"] * 3, written=[replace(one, text="다른 글") for one in PARCEL.written]
    ),
    "texts that are not those of the notices": replace(PARCEL, texts=["다른 글"] * 3),
    "buttons that are not the template's": replace(
        PARCEL, written=[replace(one, buttons=(Button("WL", "다른 것"),)) for one in PARCEL.written]
    ),
    "a list of numbers as a number": replace(PARCEL, receivers=["01011110001,01011110002", *NUMBERS[1:]]),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_aligo_would_take_and_never_deliver_never_leaves(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with stage(says(taken())) as scene:
        outcome = attempt(adapter(scene.url), IMPOSSIBLE[name])
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.cause, scene.visits) == ("LOCAL", Cause.MESSAGE, 0)
    assert outcome.message
    assert_quiet(outcome, (KEY, USER, *NUMBERS), caplog)


def test_an_account_without_a_kakao_address_offers_none() -> None:
    made = aligo.Adapter(Account("aligo", "http://127.0.0.1:9", {"key": KEY, "user_id": USER}, False))
    assert made.batch_limit(Channel.ALIMTALK) == 0
    assert made.templates() == ()
    assert isinstance(attempt(made, PARCEL), Refused)
    assert adapter("http://127.0.0.1:9").batch_limit(Channel.ALIMTALK) == 500


# Results


def row(**changes: object) -> dict[str, object]:
    shown = {"msgid": "77812001", "type": "AT", "sender": SENDER, "phone": NUMBERS[0], "status": "3", "rslt": "0"}
    return {**shown, "rslt_message": "", "rsltdate": "2026-10-12 09:31:09", "smid": "0", **changes}


def listing(*rows: object, total: object = "1", page: str = "1") -> dict[str, object]:
    return {"code": 0, "message": "x", "list": list(rows), "currentPage": page, "totalPage": total, "totalCount": "1"}


DELIVERED, FAILED = MessageState.DELIVERED, MessageState.FAILED
RESULTS = [
    (row(), DELIVERED, True, ""),
    (row(rslt=0), DELIVERED, True, ""),
    (row(msgid="Q77812001", rslt="", rsltdate=""), None, True, ""),
    (row(rslt="", rsltdate=""), None, True, ""),
    (row(rslt="U", rslt_message="메시지가 템플릿과 일치하지않음"), FAILED, True, "메시지가 템플릿과 일치하지않음"),
    (row(rslt="U"), FAILED, True, "rslt U"),
    (row(rslt="K", rslt_message="카카오톡 미사용자"), FAILED, True, "카카오톡 미사용자"),
    (row(rslt="K", rslt_message="카카오톡 미사용자", rsltdate=""), None, False, "카카오톡 미사용자"),
    (row(rslt="P"), None, False, "rslt P"),
    (row(rslt="P", rslt_message="성공"), None, False, "성공"),
    (row(status="2", rslt=""), FAILED, True, "수신번호 인식 불가"),
]


@pytest.mark.parametrize(("shown", "state", "known", "text"), RESULTS)
def test_every_result(shown: dict[str, object], state: MessageState | None, known: bool, text: str) -> None:
    with stage(says(listing(shown))) as scene:
        report = adapter(scene.url).results("AT31200455")
    assert report.complete
    assert report.results == [Result(NUMBERS[0], state, text, str(shown["msgid"]), known, str(shown["rslt"]))]
    fields = scene.requests[0].fields()
    assert (fields["mid"], fields["page"], fields["limit"]) == ("31200455", "1", "500")


def test_results_over_several_pages_and_half_of_them() -> None:
    with stage(says(listing(row(), total="2")), says(listing(row(phone=NUMBERS[1]), total=2, page="2"))) as scene:
        report = adapter(scene.url).results("AT1")
    assert ([one.receiver for one in report.results], report.complete) == ([NUMBERS[0], NUMBERS[1]], True)
    with stage(says(listing(row(), total="2")), says(b"", 500)) as scene:
        report = adapter(scene.url).results("AT1")
    assert ([one.receiver for one in report.results], report.complete) == ([NUMBERS[0]], False)
    with stage(says(b"", 500)) as scene, pytest.raises(Busy):
        adapter(scene.url).results("AT1")


def test_a_list_without_an_end_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.providers.aligo.kakao._PAGES_MAX", 2)
    with stage(*[says(listing(row(), total="9"))] * 2) as scene:
        assert not adapter(scene.url).results("AT1").complete
    assert scene.visits == 2


# Sightings


def listed(mid: str, at: str, **changes: object) -> dict[str, object]:
    return {"mid": mid, "type": "AT", "sender": SENDER, "msg_count": "3", "mbody": PARCEL.texts[0], "regdate": at, **changes}


def test_sightings_are_those_of_the_sender_in_that_time() -> None:
    rows = (
        listed("1", "2026-10-12 12:00:05"),
        listed("2", "2026-10-12 11:50:00"),
        listed("3", "2026-10-12 12:00:06", sender="0299999999"),
        listed("4", "2026-10-12 12:00:07", type="FT"),
        {**listed("5", "x"), "regdate": None, "reg_date": "2026-10-12 12:00:01"},
    )
    with stage(says(listing(*rows))) as scene:
        found = adapter(scene.url).sightings(
            sender=SENDER, since=NOON - timedelta(minutes=1), until=NOON + timedelta(minutes=1), channel=Channel.ALIMTALK
        )
    assert [(one.reference, one.channel, one.count, one.text) for one in found] == [
        (f"AT{mid}", Channel.ALIMTALK, 3, PARCEL.texts[0]) for mid in ("5", "1")
    ]
    fields = scene.requests[0].fields()
    assert (fields["startdate"], fields["enddate"]) == ("20261012", "20261012")


def test_around_midnight_both_days_are_asked() -> None:
    midnight = NOON.replace(hour=0)
    with stage(says(listing()), says(listing())) as scene:
        adapter(scene.url).sightings(
            sender=SENDER, since=midnight - timedelta(minutes=1), until=midnight, channel=Channel.ALIMTALK
        )
    assert [request.fields()["startdate"] for request in scene.requests] == ["20261011", "20261012"]


@pytest.mark.parametrize("wrong", [{"mid": ""}, {"msg_count": "?"}, {"regdate": "yesterday"}])
def test_half_a_row_must_not_look_like_no_row(wrong: dict[str, object]) -> None:
    with stage(says(listing({**listed("1", "2026-10-12 12:00:00"), **wrong}))) as scene, pytest.raises(Busy):
        adapter(scene.url).sightings(sender=SENDER, since=NOON, until=NOON, channel=Channel.ALIMTALK)


# Templates


BUTTONS = [
    {"ordering": "2", "name": "문의", "linkType": "MD", "linkMo": "", "linkPc": "", "linkIos": "", "linkAnd": ""},
    {"ordering": "1", "name": "주문 보기", "linkType": "WL", "linkMo": "https://m", "linkPc": "https://p"},
]


def kept(code: str = "TX_0412", **changes: object) -> dict[str, object]:
    shown = {"senderKey": "ab12", "templtCode": code, "templtName": "주문접수", "templtContent": "가\r\n#{나}"}
    shown |= {"templateEmType": "NONE", "templtTitle": "", "status": "A", "inspStatus": "APR", "comments": [], "buttons": BUTTONS}
    return {**shown, **changes}


def templates(*rows: dict[str, object]):
    channels = {"code": 0, "list": [{"senderKey": "ab12", "name": "봄날커피"}]}
    with stage(says(channels), says({"code": 0, "list": list(rows)})) as scene:
        found = adapter(scene.url).templates()
    assert [request.path for request in scene.requests] == ["/akv10/profile/list/", "/akv10/template/list/"]
    assert scene.requests[1].fields()["senderkey"] == "ab12"
    return found


def test_a_template_is_read_with_its_buttons_in_order() -> None:
    [found] = templates(kept())
    assert (found.code, found.channel_key, found.name, found.content) == ("TX_0412", "ab12", "주문접수", "가\r\n#{나}")
    assert found.buttons == (Button("WL", "주문 보기", mobile="https://m", pc="https://p"), Button("MD", "문의"))
    [titled] = templates(kept(templateEmType="TEXT", templtTitle="#{나}"))
    assert titled.emphasis_title == "#{나}"


STATES = [
    ("A", "APR", TemplateState.APPROVED),
    ("R", "APR", TemplateState.IN_REVIEW),
    ("S", "APR", TemplateState.STOPPED),
    ("R", "REG", TemplateState.REGISTERED),
    ("R", "REQ", TemplateState.IN_REVIEW),
    ("R", "REJ", TemplateState.REJECTED),
    ("A", "???", TemplateState.IN_REVIEW),
]


@pytest.mark.parametrize(("status", "inspection", "state"), STATES)
def test_only_normal_and_approved_is_approved(status: str, inspection: str, state: TemplateState) -> None:
    [found] = templates(kept(status=status, inspStatus=inspection, comments=[{"content": "변수가 많습니다."}]))
    assert (found.state, found.comment) == (state, "변수가 많습니다.")


def test_no_channel_no_templates_and_half_an_answer_is_none() -> None:
    with stage(says({"code": 0, "list": []})) as scene:
        assert adapter(scene.url).templates() == []
    for half in (says(b"", 500), says({"code": 0, "list": [kept("")]})):
        with stage(says({"code": 0, "list": [{"senderKey": "ab12"}]}), half) as scene, pytest.raises(Busy):
            adapter(scene.url).templates()


@pytest.mark.parametrize("code", [0, 1])
def test_a_reservation_is_taken_back_at_its_host(code: int) -> None:
    with stage(says({"code": code, "message": "x"})) as scene:
        adapter(scene.url).cancel("AT31200455")
    assert scene.requests[0].line == "POST /akv10/cancel/ HTTP/1.1"
    assert scene.requests[0].fields()["mid"] == "31200455"

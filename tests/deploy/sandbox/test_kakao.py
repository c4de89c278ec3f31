"""Aligo Kakao on the wire: taken whatever the text, judged later; templates that come and go; what a phone shows."""

import json
from typing import Any

import pytest

from tests.deploy.sandbox.conftest import Sandbox

LOGIN = {"apikey": "sandbox-key", "userid": "sandbox"}
CHANNEL = "ab12cd34ef56ab12cd34ef56ab12cd34ef56ab12"
LINK = "https://shop.example/o/A-1"
BUTTON = json.dumps({"button": [{"name": "주문 보기", "linkType": "WL", "linkMo": LINK, "linkPc": LINK}]}, ensure_ascii=False)
TEXT = "김하나님,\r\n주문번호 A-1 접수되었습니다."


@pytest.fixture(autouse=True)
def templates(sandbox: Sandbox) -> None:
    sandbox.http.delete("/__sandbox/templates")


def ask(sandbox: Sandbox, path: str, **fields: Any) -> dict[str, Any]:
    form = {name: str(value) for name, value in (LOGIN | fields).items() if value is not None}
    answer: dict[str, Any] = sandbox.http.post(f"/akv10/{path}/", data=form).json()
    return answer


def send(sandbox: Sandbox, *receivers: str, text: str = TEXT, button: str = BUTTON, **fields: Any) -> dict[str, Any]:
    form: dict[str, Any] = {"senderkey": CHANNEL, "tpl_code": "TX_0412", "sender": "0212345678", "failover": "N"}
    for place, receiver in enumerate(receivers or ("01011110001",), 1):
        form |= {
            f"receiver_{place}": receiver,
            f"subject_{place}": "주문접수",
            f"message_{place}": text,
            f"button_{place}": button,
        }
    return ask(sandbox, "alimtalk/send", **form | fields)


def detail(sandbox: Sandbox, mid: str, **fields: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask(sandbox, "history/detail", mid=mid, **fields)["list"]
    return rows


def test_a_send_is_answered_as_documented(sandbox: Sandbox) -> None:
    answer = sandbox.http.post("/akv10/alimtalk/send/", data=LOGIN)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert answer.json() == {"code": -99, "message": "senderkey 파라메더 정보가 전달되지 않았습니다."}
    taken = send(sandbox)
    info = taken["info"]
    assert taken["code"] == 0
    assert (info["type"], info["unit"], info["total"], info["scnt"], info["fcnt"]) == ("AT", 6.5, 6.5, 1, 0)
    assert isinstance(info["mid"], str) and isinstance(info["current"], float)


REFUSED = [
    ({"apikey": "another"}, "등록되지 않은 인증키 입니다."),
    ({"userid": "another"}, "등록되지 않은 인증키 입니다."),
    ({"apikey": None}, "apikey 파라메더 정보가 전달되지 않았습니다."),
    ({"senderkey": "another"}, "유효하지 않은 발신프로필키 입니다."),
    ({"tpl_code": "TX_9999"}, "존재하지 않는 템플릿 입니다."),
    ({"tpl_code": "TX_0414"}, "승인되지 않은 템플릿 입니다."),
    ({"sender": "0299999999"}, "등록되지 않은 발신번호 입니다."),
    ({"receiver_1": None}, "receiver_1 파라메더 정보가 전달되지 않았습니다."),
    ({"message_1": None}, "message_1 파라메더 정보가 전달되지 않았습니다."),
    ({"subject_1": None}, "subject_1 파라메더 정보가 전달되지 않았습니다."),
    ({"senddate": "20200101000000"}, "예약일시가 올바르지 않습니다."),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=str)
def test_nearly_every_refusal_is_minus_99(sandbox: Sandbox, fields: dict[str, Any], message: str) -> None:
    assert send(sandbox, **fields) == {"code": -99, "message": message}
    assert sandbox.get("/stats")["accepted_messages"] == 0


@pytest.mark.parametrize(
    ("kind", "words"), [("ip_blocked", "서버 IP"), ("no_balance", "포인트가 부족"), ("sender_unregistered", "발신번호")]
)
def test_refusals_by_script(sandbox: Sandbox, kind: str, words: str) -> None:
    sandbox.fault(kind)
    assert words in send(sandbox)["message"]


def test_results_ripen(sandbox: Sandbox) -> None:
    mid = send(sandbox, "01011110001", "01011119007", "01011119004", "01011119005")["info"]["mid"]
    young = detail(sandbox, mid)
    assert {row["rslt"] for row in young} == {""}
    assert all(row["msgid"].startswith("Q") and not row["rsltdate"] for row in young)
    sandbox.move_clock(61)
    ripe = {row["phone"]: row for row in detail(sandbox, mid)}
    assert (ripe["01011110001"]["rslt"], ripe["01011110001"]["smid"]) == ("0", "0")
    assert ripe["01011119007"]["rslt"] not in ("0", "U", "")
    assert ripe["01011119007"]["rslt_message"] == "카카오톡 미사용자"
    assert ripe["01011119004"]["rslt"] == ""
    assert ripe["01011119005"]["rslt_message"] == "알림톡 수신 차단"


DIFFERENT = [
    {"text": "김하나님,\r\n주문번호 A-1 접수됐습니다."},
    {"text": "김하나님,\n주문번호 A-1 접수되었습니다."},
    {"button": ""},
    {"button": "{"},
    {"button": BUTTON.replace("shop.example", "other.example")},
    {"button": BUTTON.replace("주문 보기", "보기")},
    {"emtitle_1": "제목"},
]


@pytest.mark.parametrize("fields", DIFFERENT, ids=str)
def test_a_text_unlike_its_template_is_taken_and_fails_later(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    taken = send(sandbox, **fields)
    assert (taken["code"], taken["info"]["scnt"]) == (0, 1)
    sandbox.move_clock(61)
    [row] = detail(sandbox, taken["info"]["mid"])
    assert (row["rslt"], row["rslt_message"]) == ("U", "메시지가 템플릿과 일치하지않음")
    assert sandbox.get("/messages")["messages"][0]["shown"] is False


def test_a_number_that_is_none_is_counted_and_listed(sandbox: Sandbox) -> None:
    info = send(sandbox, "01011110001", "01011119008", "02-123")["info"]
    assert (info["scnt"], info["fcnt"]) == (1, 2)
    assert [row["status"] for row in detail(sandbox, info["mid"])] == ["3", "2", "2"]
    nobody = send(sandbox, "01011119008")["info"]
    assert (nobody["scnt"], nobody["fcnt"], nobody["mid"]) == (0, 1, "")


def test_calls_are_listed_by_day(sandbox: Sandbox) -> None:
    mid = send(sandbox, "01011110001", "01011110002")["info"]["mid"]
    today = sandbox.get("/clock")["now"][:10].replace("-", "")
    found = ask(sandbox, "history/list", startdate=today, enddate=today, page=1, limit=500)
    assert (found["currentPage"], found["totalPage"], found["totalCount"]) == ("1", "1", "1")
    [row] = found["list"]
    assert (row["mid"], row["type"], row["msg_count"], row["mbody"]) == (mid, "AT", "2", TEXT)
    assert ask(sandbox, "history/list", startdate="20200101", enddate="20200101")["list"] == []
    past = ask(sandbox, "history/list", startdate=today, enddate=today, page=2)
    assert (past["list"], past["totalCount"]) == ([], "1")


def test_both_hosts_list_but_do_not_answer_for_each_other(sandbox: Sandbox) -> None:
    mid = send(sandbox)["info"]["mid"]
    text = sandbox.mass([("01011110001", "글")])["msg_id"]
    assert {row["type"] for row in sandbox.ask("/list/")["list"]} == {"AT", "SMS"}
    assert sandbox.ask("/sms_list/", mid=mid)["result_code"] < 0
    assert ask(sandbox, "history/detail", mid=text)["code"] == -99


def test_templates_come_change_and_go_by_script(sandbox: Sandbox) -> None:
    [channel] = ask(sandbox, "profile/list")["list"]
    assert channel["senderKey"] == CHANNEL

    def listed() -> dict[str, Any]:
        return {row["templtCode"]: row for row in ask(sandbox, "template/list", senderkey=CHANNEL)["list"]}

    first = listed()
    assert {code: (row["status"], row["inspStatus"]) for code, row in first.items()} == {
        "TX_0412": ("A", "APR"), "TX_0413": ("A", "APR"), "TX_0414": ("R", "REQ"),
    }  # fmt: skip
    assert "\r\n" in first["TX_0412"]["templtContent"]
    assert first["TX_0412"]["buttons"][0]["linkMo"] == "https://shop.example/o/#{주문번호}"
    assert (first["TX_0413"]["templateEmType"], first["TX_0413"]["templtTitle"]) == ("TEXT", "#{만료일} 소멸")
    new = {"provider": "aligo", "code": "TX_1", "name": "배송", "content": "#{이름}님, 출발했습니다."}
    assert sandbox.http.post("/__sandbox/templates", json=new).status_code == 201
    changed = {"provider": "aligo", "code": "TX_0414", "state": "REJECTED", "comment": "변수가 너무 많습니다."}
    sandbox.http.post("/__sandbox/templates", json=changed)
    assert sandbox.http.delete("/__sandbox/templates/aligo/TX_0413").status_code == 204
    after = listed()
    assert set(after) == {"TX_0412", "TX_0414", "TX_1"}
    assert (after["TX_0414"]["inspStatus"], after["TX_0414"]["comments"]) == ("REJ", [{"content": "변수가 너무 많습니다."}])
    for wrong in ({"provider": "other", "code": "X"}, {"provider": "aligo", "code": "X", "state": "?"}, {"colour": 1}):
        assert sandbox.http.post("/__sandbox/templates", json=wrong).status_code == 400


def test_a_phone_shows_title_text_and_buttons(sandbox: Sandbox) -> None:
    send(sandbox)
    sandbox.move_clock(61)
    [message] = sandbox.get("/messages")["messages"]
    assert (message["type"], message["template"], message["text"], message["shown"]) == ("AT", "TX_0412", TEXT, True)
    assert message["kakao"]["channel"] == "봄날커피"
    assert message["kakao"]["buttons"][0]["linkMo"] == LINK


def test_a_lost_answer_was_taken(sandbox: Sandbox) -> None:
    sandbox.fault("truncated", count=1)
    with pytest.raises(json.JSONDecodeError):
        send(sandbox)
    assert sandbox.get("/stats")["by_type"] == {"AT": 1}


def test_results_may_be_late_by_rule(sandbox: Sandbox) -> None:
    mid = send(sandbox)["info"]["mid"]
    sandbox.move_clock(61)
    rule = sandbox.fault("results_late", delay=3600)
    assert detail(sandbox, mid)[0]["rslt"] == ""
    sandbox.http.delete(f"/__sandbox/faults/{rule['id']}")
    assert detail(sandbox, mid)[0]["rslt"] == "0"


def test_what_is_left_and_taking_back(sandbox: Sandbox) -> None:
    left = ask(sandbox, "heartinfo")["list"]
    assert set(left) == {"SMS_CNT", "LMS_CNT", "MMS_CNT", "ALT_CNT"}
    assert set(sandbox.ask("/remain/")) == {"result_code", "message", "SMS_CNT", "LMS_CNT", "MMS_CNT"}
    booked = sandbox.get("/clock")["now"][:10].replace("-", "")
    day = str(int(booked) + 10000) + "120000"
    mid = send(sandbox, senddate=day)["info"]["mid"]
    assert ask(sandbox, "cancel", mid=mid)["code"] == 1
    assert ask(sandbox, "cancel", mid=mid)["code"] == -99
    assert ask(sandbox, "cancel", mid=send(sandbox)["info"]["mid"])["code"] == -99


def test_what_was_taken_survives_a_restart(launch: Any) -> None:
    sandbox = launch("--ripen", "0")
    mid = send(sandbox, text="다른 글")["info"]["mid"]
    sandbox.kill()
    sandbox.start()
    assert detail(sandbox, mid)[0]["rslt"] == "U"
    assert sandbox.get("/messages")["messages"][0]["template"] == "TX_0412"

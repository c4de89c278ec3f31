"""Aligo's wire facts, one table: what is sent, what comes back, to the type."""

import json
from typing import Any

import httpx
import pytest

ONE = "01011112222"


def test_success_is_http_200_html_with_ascii_json_and_observed_types(sandbox: Any) -> None:
    answer = sandbox.call("/send/", receiver=f"{ONE},01033334444", msg="안녕하세요")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert answer.content.isascii()
    body = answer.json()
    assert body.pop("msg_id").isdigit()
    assert json.dumps(body, sort_keys=True) == json.dumps(
        {"result_code": "1", "message": "success", "success_cnt": 2, "error_cnt": 0, "msg_type": "SMS"}, sort_keys=True
    )


def test_failure_has_an_int_code_and_escaped_korean(sandbox: Any) -> None:
    answer = sandbox.call("/send/", key="wrong", receiver=ONE, msg="x")
    assert answer.status_code == 200
    assert answer.content == rb'{"result_code":-101,"message":"\uc778\uc99d\uc624\ub958\uc785\ub2c8\ub2e4."}'


@pytest.mark.parametrize("path", ["/send", "/send_mass", "/list", "/sms_list", "/remain", "/cancel"])
def test_a_path_without_its_slash_is_moved(sandbox: Any, path: str) -> None:
    answer = sandbox.call(path)
    assert (answer.status_code, answer.headers["location"]) == (301, path + "/")


@pytest.mark.parametrize("path", ["/send/", "/send_mass/", "/list/", "/sms_list/", "/remain/", "/cancel/"])
def test_get_is_answered_with_a_json_failure(sandbox: Any, path: str) -> None:
    answer = sandbox.http.get(path, params={"key": "sandbox-key", "user_id": "sandbox"})
    assert answer.status_code == 200
    assert answer.json()["result_code"] < 0


def test_remain_counts_are_alternatives_of_one_balance_and_zero_on_failure(sandbox: Any) -> None:
    full = {"result_code": 1, "message": "success", "SMS_CNT": 1187648, "LMS_CNT": 385059, "MMS_CNT": 166251}
    assert sandbox.ask("/remain/") == full
    sandbox.ask("/send/", receiver=ONE, msg="가" * 100)
    after = sandbox.ask("/remain/")
    assert (after["LMS_CNT"], after["SMS_CNT"]) == (385058, 1187645)
    sandbox.fault("ip_blocked", path="/remain/")
    assert sandbox.ask("/remain/") == {
        "result_code": -101, "message": "인증오류입니다.-IP", "SMS_CNT": 0, "LMS_CNT": 0, "MMS_CNT": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"key": None, "user_id": "nobody"}, -101),
        ({"user_id": None}, -102),
        ({"user_id": "nobody", "sender": "1"}, -101),
        ({"sender": "0299999999", "receiver": ""}, -103),
        ({"sender": None}, -103),
        ({"receiver": "", "msg": ""}, -301),
        ({"receiver": ",".join(["01011112222"] * 1001)}, -302),
        ({"msg": "", "rdate": "bad"}, -311),
        ({"msg": "가" * 1001, "rdate": "bad"}, -312),
        ({"msg_type": "FAX"}, -313),
        ({"msg_type": "LMS", "title": "가" * 23}, -314),
        ({"msg_type": "MMS"}, -321),
        ({"rdate": "20261301", "rtime": "1030"}, -331),
        ({"rdate": "20991201"}, -331),
        ({"rdate": "20991201", "rtime": "2560"}, -331),
        ({"rdate": "20200101", "rtime": "1030"}, -332),
    ],
)
def test_the_first_wrong_thing_in_the_order_of_checks_decides(sandbox: Any, fields: dict[str, str], code: int) -> None:
    answer = sandbox.ask("/send/", **{"receiver": ONE, "msg": "x"} | fields)
    assert answer["result_code"] == code
    assert "msg_id" not in answer
    assert sandbox.get("/stats")["accepted_messages"] == 0


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"cnt": None}, -303),
        ({"cnt": "0"}, -303),
        ({"cnt": "501"}, -303),
        ({"msg_type": None}, -313),
        ({"msg_1": ""}, -311),
        ({"rec_1": ""}, -301),
    ],
)
def test_send_mass_needs_its_count_type_and_pairs(sandbox: Any, fields: dict[str, str], code: int) -> None:
    assert sandbox.mass([(ONE, "x")], **fields)["result_code"] == code


def test_missing_key_text(sandbox: Any) -> None:
    assert sandbox.ask("/list/", key=None)["message"] == "API 키가 입력되지 않았습니다."


@pytest.mark.parametrize(
    ("msg", "wanted", "used"),
    [
        ("가" * 45, None, "SMS"),
        ("가" * 45 + "a", None, "LMS"),
        ("가" * 44 + "\n", "SMS", "SMS"),
        ("가" * 44 + "\na", "SMS", "LMS"),
        ("뷁" * 45, "SMS", "SMS"),
        ("😀" * 90, "SMS", "SMS"),
        ("가" * 46, "SMS", "LMS"),
        ("short", "LMS", "LMS"),
        ("short", "sms", "SMS"),
        ("가" * 1000, "SMS", "LMS"),
    ],
)
def test_the_type_follows_the_cp949_bytes(sandbox: Any, msg: str, wanted: str | None, used: str) -> None:
    assert sandbox.ask("/send/", receiver=ONE, msg=msg, msg_type=wanted)["msg_type"] == used


def test_one_long_text_promotes_the_whole_mass(sandbox: Any) -> None:
    assert sandbox.mass([(ONE, "x"), ("01033334444", "가" * 46)])["msg_type"] == "LMS"


def test_send_mass_counts_bad_receivers_and_keeps_pairs_together(sandbox: Any) -> None:
    answer = sandbox.mass([("0212345678", "a"), (ONE, "b"), ("010-1234-567", "c"), ("010-3333-4444", "d"), ("01055559008", "e")])
    assert (answer["result_code"], answer["success_cnt"], answer["error_cnt"]) == ("1", 2, 3)
    got = {(message["receiver"], message["text"]) for message in sandbox.get("/messages")["messages"]}
    assert got == {(ONE, "b"), ("01033334444", "d")}


def test_pairs_beyond_the_count_are_ignored(sandbox: Any) -> None:
    assert sandbox.mass([(ONE, "a"), ("01033334444", "b")], cnt=1)["success_cnt"] == 1


@pytest.mark.parametrize("style", ["urlencoded", "multipart", "query", "userid"])
def test_every_way_to_send_parameters(sandbox: Any, style: str) -> None:
    fields = {"key": "sandbox-key", "user_id": "sandbox", "sender": "02-1234-5678", "receiver": ONE, "msg": "가 + & = % 나"}
    if style == "userid":
        fields["userid"] = fields.pop("user_id")
    ways: dict[str, dict[str, Any]] = {
        "urlencoded": {"data": fields},
        "userid": {"data": fields},
        "query": {"params": fields},
        "multipart": {"files": {name: (None, value) for name, value in fields.items()}},
    }
    assert sandbox.http.post("/send/", **ways[style]).json()["result_code"] == "1"
    assert sandbox.get("/messages")["messages"][0]["text"] == "가 + & = % 나"


def test_a_thousand_receivers_in_one_call(sandbox: Any) -> None:
    receivers = ",".join(f"0102222{place:04}" for place in range(1000))
    assert sandbox.ask("/send/", receiver=receivers, msg="x")["success_cnt"] == 1000
    assert sandbox.get("/stats")["distinct_receivers"] == 1000


def test_names_are_put_in_and_may_promote(sandbox: Any) -> None:
    answer = sandbox.ask(
        "/send/",
        receiver=f"{ONE},01033334444",
        msg="%고객명%님" + "가" * 41,
        destination="010-1111-2222|홍길동,01033334444|남궁민수",
    )
    assert answer["msg_type"] == "LMS"
    texts = {message["text"] for message in sandbox.get("/messages")["messages"]}
    assert texts == {"홍길동님" + "가" * 41, "남궁민수님" + "가" * 41}


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xff\xd8\xff" + b"x" * 300 * 1024, -323), (b"<svg>", -322), (b"BM bitmap", -322)],
)
def test_pictures_that_carriers_refuse(sandbox: Any, data: bytes, code: int) -> None:
    files = {"image1": ("a.jpg", data, "image/jpeg")}
    assert sandbox.ask("/send/", files=files, receiver=ONE, msg="x")["result_code"] == code


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0rest", b"\x89PNG\r\n\x1a\nrest", b"GIF89arest"])
@pytest.mark.parametrize("name", ["image", "image1", "image3"])
def test_any_picture_makes_it_mms_and_is_kept_as_it_was(sandbox: Any, name: str, data: bytes) -> None:
    files = {name: ("flyer.jpg", data, "image/jpeg")}
    assert sandbox.ask("/send/", files=files, receiver=ONE, msg="x", msg_type="SMS")["msg_type"] == "MMS"
    picture = sandbox.get("/messages")["messages"][0]["images"][0]
    assert picture["bytes"] == len(data)
    assert sandbox.http.get(picture["url"]).content == data


def test_a_file_field_left_empty_is_no_picture(sandbox: Any) -> None:
    files = {"image1": ("", b"", "application/octet-stream")}
    assert sandbox.ask("/send/", files=files, receiver=ONE, msg="x")["msg_type"] == "SMS"


def test_without_a_title_the_first_line_is_used(sandbox: Any) -> None:
    sandbox.ask("/send/", receiver=ONE, msg="첫 줄\n둘째 줄", msg_type="LMS")
    assert sandbox.get("/messages")["messages"][0]["title"] == "첫 줄"


def test_balance_is_refused_when_short_and_nothing_is_taken(sandbox: Any) -> None:
    account = {"user": "poor", "key": "k", "senders": ["0212345678"], "balance_won": 20}
    sandbox.http.post("/__sandbox/accounts", json=account).raise_for_status()
    poor = {"user_id": "poor", "key": "k"}
    refused = sandbox.ask("/send/", receiver=f"{ONE},01033334444,01033334445", msg="x", **poor)
    assert (refused["result_code"], refused["message"]) == (-201, "보유건수 부족입니다.")
    assert sandbox.ask("/remain/", **poor)["SMS_CNT"] == 2
    assert sandbox.ask("/send/", receiver=ONE, msg="x", testmode_yn="Y", **poor)["result_code"] == "1"
    assert sandbox.ask("/remain/", **poor)["SMS_CNT"] == 2
    assert sandbox.ask("/send/", receiver=ONE, msg="x", **poor)["result_code"] == "1"
    assert sandbox.ask("/remain/", **poor)["SMS_CNT"] == 1


def test_an_account_may_be_tied_to_addresses(sandbox: Any) -> None:
    account = {"user": "tied", "key": "k", "senders": ["0212345678"], "balance_won": 20, "ips": ["203.0.113.7"]}
    sandbox.http.post("/__sandbox/accounts", json=account).raise_for_status()
    assert sandbox.ask("/list/", user_id="tied", key="k")["message"] == "인증오류입니다.-IP"


def test_the_answer_carries_the_sandbox_date(sandbox: Any) -> None:
    sandbox.http.post("/__sandbox/clock", json={"now": "2030-01-02T03:04:05+09:00"}).raise_for_status()
    answer: httpx.Response = sandbox.call("/remain/")
    assert answer.headers["date"].startswith("Tue, 01 Jan 2030 18:04:")

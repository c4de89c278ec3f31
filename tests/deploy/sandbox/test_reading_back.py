"""Lists, results, reservations and cancelling, as Aligo shows them over time."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

ONE = "01011112222"
KST = timezone(timedelta(hours=9))


def in_minutes(minutes: float) -> dict[str, str]:
    at = datetime.now(KST) + timedelta(minutes=minutes)
    return {"rdate": at.strftime("%Y%m%d"), "rtime": at.strftime("%H%M")}


def states(sandbox: Any, reference: str) -> dict[str, str]:
    rows = sandbox.ask("/sms_list/", mid=reference, page_size=500)["list"]
    return {row["receiver"]: row["sms_state"] for row in rows}


def test_a_row_of_the_list_has_strings_for_numbers(sandbox: Any) -> None:
    reference = sandbox.mass([(ONE, "첫째"), ("01033334444", "둘째")])["msg_id"]
    answer = sandbox.ask("/list/")
    row = answer["list"][0]
    datetime.strptime(row.pop("reg_date"), "%Y-%m-%d %H:%M:%S")
    assert row == {
        "mid": reference, "type": "SMS", "sender": "0212345678", "sms_count": "2", "reserve_state": "", "msg": "첫째",
        "fail_count": "0", "reserve": "",
    }  # fmt: skip
    assert (answer["result_code"], answer["message"], answer["next_yn"]) == (1, "success", "N")


def test_numbers_may_be_switched_to_ints(launch: Any) -> None:
    sandbox = launch("--list-ints")
    reference = sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]
    assert sandbox.ask("/list/")["list"][0]["mid"] == int(reference)


def test_a_row_of_the_results(sandbox: Any) -> None:
    reference = sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]
    row = sandbox.ask("/sms_list/", mid=reference)["list"][0]
    assert list(row) == ["mdid", "type", "sender", "receiver", "sms_state", "reg_date", "send_date", "reserve_date"]
    assert row["mdid"].isdigit()
    assert (row["receiver"], row["sms_state"], row["send_date"]) == (ONE, "전송중", "")
    sandbox.move_clock(61)
    row = sandbox.ask("/sms_list/", mid=reference)["list"][0]
    assert row["sms_state"] == "발송완료"
    assert datetime.fromisoformat(row["send_date"]) - datetime.fromisoformat(row["reg_date"]) == timedelta(minutes=1)


def test_newest_first_in_pages_of_30_to_500(sandbox: Any) -> None:
    references = [sandbox.ask("/send/", receiver=ONE, msg=str(place))["msg_id"] for place in range(65)][::-1]
    pages = [sandbox.ask("/list/", page=page, page_size=size) for page, size in ((1, 1), (2, 30), (3, 30), (4, 30), (1, 900))]
    assert [row["mid"] for page in pages[:3] for row in page["list"]] == references
    assert [page["next_yn"] for page in pages] == ["Y", "Y", "N", "N", "N"]
    assert pages[3]["list"] == []
    assert len(pages[4]["list"]) == 65


def test_the_list_is_cut_by_korean_days(sandbox: Any) -> None:
    sandbox.http.post("/__sandbox/clock", json={"now": "2031-05-01T23:59:30"}).raise_for_status()
    late = sandbox.ask("/send/", receiver=ONE, msg="late")["msg_id"]
    sandbox.http.post("/__sandbox/clock", json={"now": "2031-05-02T00:00:30"}).raise_for_status()
    early = sandbox.ask("/send/", receiver=ONE, msg="early")["msg_id"]

    def found(**window: Any) -> list[str]:
        return [row["mid"] for row in sandbox.ask("/list/", **window)["list"]]

    assert found(start_date="20310501", limit_day=1) == [late]
    assert found(start_date="20310502", limit_day=1) == [early]
    assert found(start_date="20310502", limit_day=2) == [early, late]
    assert found(start_date="20310503", limit_day=1) == []
    assert found() == [early, late]


def test_receivers_decide_how_a_message_ends(sandbox: Any) -> None:
    receivers = [f"0101234{ending}" for ending in (9001, 9002, 9003, 9004, 9005, 9006, 9007, 9008)]
    answer = sandbox.ask("/send/", receiver=",".join(receivers), msg="x")
    assert (answer["success_cnt"], answer["error_cnt"]) == (7, 1)
    assert set(states(sandbox, answer["msg_id"]).values()) == {"전송중"}
    sandbox.move_clock(61)
    assert list(states(sandbox, answer["msg_id"]).values()) == [
        "발송완료", "결번", "전원꺼짐", "전송중", "수신거부", "스팸차단", "발송완료",
    ]  # fmt: skip
    assert sandbox.ask("/list/")["list"][0]["fail_count"] == "4"
    shown = {message["receiver"][-4:] for message in sandbox.get("/messages")["messages"] if message["shown"]}
    assert shown == {"9001", "9007"}


def test_about_97_percent_arrive_and_always_the_same(sandbox: Any) -> None:
    receivers = ",".join(f"0104567{place:04}" for place in range(1000))
    ends = []
    for _ in range(2):
        reference = sandbox.ask("/send/", receiver=receivers, msg="x")["msg_id"]
        sandbox.move_clock(61)
        ends.append(
            [
                row["sms_state"]
                for page in (1, 2)
                for row in sandbox.ask("/sms_list/", mid=reference, page=page, page_size=500)["list"]
            ]
        )
        sandbox.move_clock(0)
    assert ends[0] == ends[1]
    assert 950 <= ends[0].count("발송완료") <= 990
    assert len(set(ends[0])) == 4


def test_a_reservation_waits_can_be_cancelled_and_is_refunded(sandbox: Any) -> None:
    before = sandbox.ask("/remain/")
    booked = sandbox.ask("/send/", receiver=ONE, msg="x", **in_minutes(15))
    assert (booked["result_code"], booked["message"]) == ("1", "reserved")
    assert sandbox.ask("/remain/")["SMS_CNT"] == before["SMS_CNT"] - 1
    assert states(sandbox, booked["msg_id"]) == {ONE: "예약대기"}
    assert sandbox.ask("/list/")["list"][0]["reserve_state"] == "예약대기"
    cancelled = sandbox.ask("/cancel/", mid=booked["msg_id"])
    assert (cancelled["result_code"], cancelled["message"]) == (1, "success")
    datetime.strptime(cancelled["cancel_date"], "%Y-%m-%d %H:%M:%S")
    assert sandbox.ask("/remain/") == before
    assert sandbox.ask("/list/")["list"][0]["reserve"] == "취소완료"
    sandbox.move_clock(3600)
    assert sandbox.get("/messages")["messages"][0]["shown"] is False
    assert sandbox.get("/stats")["accepted_messages"] == 0


def test_a_reservation_goes_out_at_its_time(sandbox: Any) -> None:
    at = in_minutes(15)
    booked = sandbox.ask("/send/", receiver=ONE, msg="x", **at)
    due = datetime.strptime(at["rdate"] + at["rtime"], "%Y%m%d%H%M").replace(tzinfo=KST)  # its minute began up to 59 s before
    sandbox.move_clock(int((due - datetime.now(KST)).total_seconds()) + 5)
    assert states(sandbox, booked["msg_id"]) == {ONE: "전송중"}
    sandbox.move_clock(17 * 60)
    assert states(sandbox, booked["msg_id"]) == {ONE: "발송완료"}


@pytest.mark.parametrize(("minutes_later", "code"), [(0, 1), (12, -804), (16, -805)])
def test_cancelling_ends_five_minutes_before(sandbox: Any, minutes_later: int, code: int) -> None:
    booked = sandbox.ask("/send/", receiver=ONE, msg="x", **in_minutes(15))
    sandbox.move_clock(minutes_later * 60)
    assert sandbox.ask("/cancel/", mid=booked["msg_id"])["result_code"] == code


def test_what_cannot_be_cancelled(sandbox: Any) -> None:
    sent = sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]
    booked = sandbox.ask("/send/", receiver=ONE, msg="x", **in_minutes(15))["msg_id"]
    sandbox.ask("/cancel/", mid=booked)
    codes = [sandbox.ask("/cancel/", mid=mid)["result_code"] for mid in (None, "abc", "1", "9" * 5000, sent, booked)]
    assert codes == [-801, -802, -802, -802, -803, -809]


def test_testmode_is_shown_cancelled_free_and_on_no_handset(sandbox: Any) -> None:
    before = sandbox.ask("/remain/")
    answer = sandbox.ask("/send/", receiver=ONE, msg="x", testmode_yn="Y")
    assert answer["message"] == "success"
    sandbox.move_clock(61)
    assert sandbox.ask("/list/")["list"][0]["reserve"] == "취소완료"
    assert states(sandbox, answer["msg_id"]) == {ONE: "취소완료"}
    assert sandbox.ask("/remain/") == before
    assert sandbox.get("/phones")["phones"] == []
    assert sandbox.get("/stats")["not_for_handsets"] == 1


def test_an_account_sees_only_its_own(sandbox: Any) -> None:
    account = {"user": "other", "key": "k", "senders": ["0212345678"], "balance_won": 1000}
    sandbox.http.post("/__sandbox/accounts", json=account).raise_for_status()
    mine = sandbox.ask("/send/", receiver=ONE, msg="x")["msg_id"]
    other = {"user_id": "other", "key": "k"}
    assert sandbox.ask("/list/", **other)["list"] == []
    assert sandbox.ask("/sms_list/", mid=mine, **other)["result_code"] < 0
    assert sandbox.ask("/cancel/", mid=mine, **other)["result_code"] == -802

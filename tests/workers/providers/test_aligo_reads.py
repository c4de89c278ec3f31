"""What Aligo says became of the messages, of the money, and of a reservation that is taken back."""

import logging
from collections.abc import Callable

import pytest

from core.rules.states import MessageState
from tests.workers.providers.aligo_shop import (
    CUT,
    KEY,
    NOON,
    NUMBERS,
    PAGE,
    SENDER,
    USER,
    adapter,
    listing,
    refused,
)
from tests.workers.providers.cases import (
    HASTY,
    PATIENT,
    Step,
    assert_quiet,
    hangs,
    nobody,
    resets,
    says,
    stage,
)
from workers.providers import (
    Balance,
    Busy,
    Cause,
    Provider,
    Refused,
    Report,
    Result,
    Unknown,
)
from workers.providers.aligo import adapter as aligo


def row(receiver: str, state: str, mdid: str | int = "915000331") -> dict[str, object]:
    return {"mdid": mdid, "type": "SMS", "sender": SENDER, "receiver": receiver, "sms_state": state,
            "reg_date": "2026-10-12 09:31:07", "send_date": "2026-10-12 09:31:11", "reserve_date": ""}  # fmt: skip


DONE, LOST = (MessageState.DELIVERED, True), (MessageState.FAILED, True)
WAITING, STRANGE = (None, True), (None, False)
STATES = {
    **dict.fromkeys(("성공", "전송성공", "발송성공", "전송완료", "발송완료", " 발송완료 "), DONE),
    **dict.fromkeys(("", "전송중", "발송중", "대기", "접수", "접수완료", "예약", "예약대기"), WAITING),
    **dict.fromkeys(("전송실패", "수신거부", "번호없음", "발송불가", "결번", "횟수초과", "시간만료", "취소완료"), LOST),
    **dict.fromkeys(("시스템오류", "착신제한", "스팸차단", "전원꺼짐", "음영지역 전송실패"), LOST),
    **dict.fromkeys(("예약취소", "접수 실패"), STRANGE),
    **dict.fromkeys(("확인요망", "OK", "발송완료?", "미확인"), STRANGE),
}


@pytest.mark.parametrize("text", STATES)
def test_every_word_for_a_state(text: str) -> None:
    with stage(says(listing([row("010-1111-0001", text, 915000331)]))) as scene:
        report = adapter(scene.url).results("700100201")
    state, known = STATES[text]
    assert report == Report([Result("01011110001", state, text.strip(), "915000331", known)], complete=True)


def test_results_are_asked_for_as_documented() -> None:
    with stage(says(listing([]))) as scene:
        assert adapter(scene.url).results("700100201") == Report([], complete=True)
    [request] = scene.requests
    assert request.line == "POST /sms_list/ HTTP/1.1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.fields() == {"key": KEY, "user_id": USER, "mid": "700100201", "page": "1", "page_size": "500"}


def test_every_page_is_read() -> None:
    pages = [says(listing([row(number, "발송완료")], more)) for number, more in zip(NUMBERS, "YYN", strict=True)]
    with stage(*pages) as scene:
        report = adapter(scene.url).results("700100201")
    assert [result.receiver for result in report.results] == list(NUMBERS)
    assert report.complete
    assert [request.fields()["page"] for request in scene.requests] == ["1", "2", "3"]


@pytest.mark.parametrize("second", [resets, says(b"", 500), refused(-900, "잠시 후 이용해 주세요."), says(b"<html>")])
def test_what_was_read_before_a_page_failed_is_kept(second: Step) -> None:
    with stage(says(listing([row(NUMBERS[0], "발송완료")], "Y")), second) as scene:
        report = adapter(scene.url).results("700100201")
    assert [result.receiver for result in report.results] == [NUMBERS[0]]
    assert not report.complete


def test_a_list_that_does_not_end_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligo, "_PAGES_MAX", 3)
    with stage(*[says(listing([row(NUMBERS[0], "전송중")], "Y"))] * 4) as scene:
        report = adapter(scene.url).results("700100201")
    assert (len(report.results), report.complete, scene.visits) == (3, False, 3)


def test_a_full_page_that_does_not_say_whether_more_follows_is_followed() -> None:
    rows = [row(NUMBERS[0], "발송완료")]
    silent = {"result_code": 1, "list": rows * 500}
    with stage(says(silent), says({"result_code": "1", "list": rows})) as scene:
        assert len(adapter(scene.url).results("700100201").results) == 501


# Reading in general


READS: dict[str, Callable[[Provider], object]] = {
    "results": lambda provider: provider.results("700100201"),
    "sightings": lambda provider: provider.sightings(sender=SENDER, since=NOON, until=NOON),
    "balance": lambda provider: provider.balance(),
}
LATER: dict[str, Step | None] = {
    "nobody listens": None,
    "no answer": hangs,
    "reset": resets,
    "server error": says(PAGE % b"error", 500),
    "throttled": says(b"", 429),
    "page": says(PAGE % b"hello"),
    "cut": says(CUT),
    "rows of another shape": says({"result_code": 1, "list": ["a"], "next_yn": "N"}),
    "list of another shape": says({"result_code": 1, "list": {"a": 1}, "next_yn": "N", "SMS_CNT": "many"}),
}


@pytest.mark.parametrize("trouble", LATER)
@pytest.mark.parametrize("read", READS)
def test_reading_without_an_answer_is_only_busy(read: str, trouble: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    step = LATER[trouble]
    with stage(*([step] if step else [])) as scene, pytest.raises(Busy) as caught:
        READS[read](adapter(scene.url if step else nobody(), HASTY if step is hangs else PATIENT))
    assert_quiet(caught.value, (KEY, USER, SENDER), caplog)


@pytest.mark.parametrize("read", READS)
def test_reading_with_a_wrong_address_is_refused(read: str, caplog: pytest.LogCaptureFixture) -> None:
    zero = {"result_code": -101, "message": "인증오류입니다.-IP", "SMS_CNT": 0, "LMS_CNT": 0, "MMS_CNT": 0}
    with stage(says(zero)) as scene, pytest.raises(Refused) as caught:
        READS[read](adapter(scene.url))
    assert (caught.value.cause, caught.value.code) == (Cause.IP, "-101")
    assert_quiet(caught.value, (KEY, USER, SENDER), caplog)


def test_the_balance_is_three_alternatives() -> None:
    with stage(says({"result_code": 1, "message": "success", "SMS_CNT": 5936, "LMS_CNT": "1925", "MMS_CNT": 831})) as scene:
        assert adapter(scene.url).balance() == Balance(5936, 1925, 831)
    assert scene.requests[0].line == "POST /remain/ HTTP/1.1"
    assert scene.requests[0].fields() == {"key": KEY, "user_id": USER}


# Cancelling


def test_a_reservation_is_cancelled() -> None:
    with stage(says({"result_code": 1, "message": "success", "cancel_date": "2026-10-12 09:40:02"})) as scene:
        adapter(scene.url).cancel("700100200")
    assert scene.requests[0].line == "POST /cancel/ HTTP/1.1"
    assert scene.requests[0].fields() == {"key": KEY, "user_id": USER, "mid": "700100200"}


@pytest.mark.parametrize("code", [-801, -802, -803, -804, -805, -809])
def test_a_cancellation_that_is_too_late_or_wrong_is_refused(code: int) -> None:
    with stage(says({"result_code": code, "message": ""})) as scene, pytest.raises(Refused) as caught:
        adapter(scene.url).cancel("700100200")
    assert (caught.value.code, caught.value.cause) == (str(code), Cause.MESSAGE)


def test_a_cancellation_without_an_answer_is_unknown() -> None:
    with stage(hangs) as scene, pytest.raises(Unknown):
        adapter(scene.url, HASTY).cancel("700100200")

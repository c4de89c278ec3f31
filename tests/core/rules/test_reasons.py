"""Reasons: a provider's words become one, two become the stronger one, and each has a Korean label."""

import re
from itertools import permutations

import pytest

from core.db import law
from core.rules import reasons


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("결번", "NO_SUBSCRIBER"),
        ("없는 번호", "NO_SUBSCRIBER"),
        ("서비스 미가입자", "NO_SUBSCRIBER"),
        ("전원꺼짐", "POWER_OFF"),
        ("단말기 전원 꺼짐", "POWER_OFF"),
        ("스팸차단", "BLOCKED"),
        ("발신 제한", "BLOCKED"),
        ("수신거부", "OPTED_OUT"),
        ("080 수신거부", "OPTED_OUT"),
        ("수신 거부 번호로 차단", "OPTED_OUT"),
        ("스팸 차단 (수신거부)", "BLOCKED"),
        ("알림톡 수신거부", "NO_KAKAO"),
        ("착신 거부", "REFUSED_BY_RECEIVER"),
        ("수신 거절", "REFUSED_BY_RECEIVER"),
        ("전송시간 초과", "TIMED_OUT"),
        ("기한 만료", "TIMED_OUT"),
        ("음영지역 전송실패", "DELIVERY_FAILED"),
        ("", "DELIVERY_FAILED"),
    ],
)
def test_words_become_a_reason_with_a_label(words: str, reason: str) -> None:
    assert reasons.failure(words) == reason
    assert reasons.label(reason) != reason


def test_a_new_reason_is_its_own_label() -> None:
    assert reasons.label("SOMETHING_NEW") == "SOMETHING_NEW"
    assert reasons.why("SOMETHING_NEW") == reasons.Why("SOMETHING_NEW", "", "")
    assert reasons.order("SOMETHING_NEW") > max(map(reasons.order, reasons.REASONS))


@pytest.mark.parametrize("reason", reasons.REASONS)
def test_every_reason_has_a_label_and_a_sentence_in_korean_and_a_rule_of_the_list_or_none(reason: str) -> None:
    why = reasons.why(reason)
    assert re.search("[가-힣]", why.label) and len(why.label) <= 30
    assert re.fullmatch(r"[^.]*[가-힣][^.]*\.( [^.]+\.)?", why.sentence), why.sentence
    assert re.fullmatch(r"(R-[A-Z]{3}-\d+)?", why.rule)


def test_every_reason_that_the_database_finds_is_in_the_table_in_the_same_order() -> None:
    found = list(dict.fromkeys(re.findall(r"THEN '([A-Z_]+)'", law.REASON)))
    assert {"ARCHIVED", "OPTED_OUT", "NO_CONSENT", "MINOR", "FREQUENCY_CAP"} <= set(found)
    assert [reason for reason in reasons.REASONS if reason in found] == found


def test_the_law_names_its_rules() -> None:
    rules = {reason: reasons.why(reason).rule for reason in ("NO_CONSENT", "OPTED_OUT", "TXN_EXPIRED", "MINOR", "FREQUENCY_CAP")}
    assert rules == {
        "NO_CONSENT": "R-CON-1",
        "OPTED_OUT": "R-CON-4",
        "TXN_EXPIRED": "R-CON-3",
        "MINOR": "R-CON-6",
        "FREQUENCY_CAP": "",
    }


def test_the_stronger_of_two_does_not_depend_on_their_order() -> None:
    known = [*reasons.LABELS, "NEW_ONE", "NEW_TWO"]
    for one, two in permutations(known, 2):
        assert reasons.stronger(one, two) == reasons.stronger(two, one) in (one, two)
    for trio in permutations(["NO_SUBSCRIBER", "NOT_TAKEN", "NEW_ONE"]):
        first, second, third = trio
        assert reasons.stronger(reasons.stronger(first, second), third) == "NO_SUBSCRIBER"


@pytest.mark.parametrize(("one", "two", "stays"), [("", "NOT_TAKEN", "NOT_TAKEN"), ("BLOCKED", "", "BLOCKED"), ("", "", "")])
def test_an_empty_reason_is_none(one: str, two: str, stays: str) -> None:
    assert reasons.stronger(one, two) == stays


def test_what_was_said_outweighs_what_was_concluded() -> None:
    assert reasons.stronger("NOT_TAKEN", "DELIVERY_FAILED") == "DELIVERY_FAILED"
    assert reasons.stronger("DELIVERY_FAILED", "POWER_OFF") == "POWER_OFF"

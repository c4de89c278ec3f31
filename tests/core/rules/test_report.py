"""A report: a line a person in words, and sums that are the lines'."""

from collections import Counter
from datetime import UTC, datetime

from core.rules import inert, report
from core.rules.report import HEADERS, Line
from core.rules.states import MESSAGE_KOREAN, MessageState

SENT = datetime(2026, 11, 25, 3, 4, 5, tzinfo=UTC)


def test_a_line_says_where_the_person_is_by_which_rule_and_in_words() -> None:
    cells = dict(zip(HEADERS, Line(7, "010-****-0007", MessageState.EXCLUDED, "NO_CONSENT").cells(), strict=True))
    assert (cells["고객"], cells["휴대폰"], cells["상태"]) == ("7", "010-****-0007", "제외")
    assert (cells["사유"], cells["규칙"]) == ("광고 수신동의 없음", "R-CON-1") and cells["설명"].endswith(".")
    sent = Line(8, "", MessageState.DELIVERED, "", "b-0", "aligo", "SMS", SENT).cells()
    assert sent == ("8", "", "도착", "", "", "", "b-0", "aligo", "SMS", "2026-11-25 12:04:05", "")


def test_every_state_has_its_word() -> None:
    assert {Line(1, "", state).cells()[2] for state in MessageState} == set(MESSAGE_KOREAN.values())


def test_words_of_a_provider_calculate_nothing() -> None:
    line = Line(1, "010-****-0001", MessageState.FAILED, "DELIVERY_FAILED", words='=HYPERLINK("http://x")')
    (written,) = inert.lines([line.cells()]).splitlines()
    assert written.endswith(""","'=HYPERLINK(""http://x"")\"""")


def test_the_sums_are_of_the_lines() -> None:
    """R-OPT-8: selected is the sum of the buckets, and each bucket of its reasons."""
    sums = Counter[tuple[str, str]]()
    states = [MessageState.DELIVERED] * 3 + [MessageState.EXCLUDED] * 2
    report.count(sums, [Line(at, "", state, "OPTED_OUT" if state == 9 else "") for at, state in enumerate(states)])
    report.count(sums, [Line(9, "", MessageState.EXCLUDED, "NO_CONSENT"), Line(10, "", MessageState.FAILED, "POWER_OFF")])
    kept = report.stored(sums)
    assert report.buckets(kept) == {"delivered": 3, "excluded": 3, "failed": 1, "selected": 7}
    assert dict(report.reasons(kept, "excluded")) == {"OPTED_OUT": 2, "NO_CONSENT": 1}
    assert report.reasons(kept, "failed") == [("POWER_OFF", 1)] and report.reasons(kept, "delivered") == []
    assert report.buckets([]) == {"selected": 0}

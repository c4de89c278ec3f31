"""When people are told what the law wants them to be told: the Korean calendar, by day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import label, notice
from core.rules.channel import Channel
from core.rules.direct import check
from core.rules.notice import Kind, Scope, Shop
from core.rules.states import MessageState as S
from core.rules.text import channel_for

KST = timezone(timedelta(hours=9))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def kst(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=KST)  # type: ignore[arg-type,misc]


def test_a_result_is_told_within_fourteen_days() -> None:
    """R-NTC-1: said on 2026-11-23, told on the 7th of December at the latest, an incident from the 3rd on."""
    for said in (kst(2026, 11, 23), kst(2026, 11, 23, 23, 59, 59)):
        assert notice.deadline(said) == kst(2026, 12, 8)
        assert notice.deadline(said) - notice.ALARM == kst(2026, 12, 3)
    assert notice.deadline(kst(2026, 11, 24)) == kst(2026, 12, 9)


def test_a_result_is_due_three_days_later_by_day() -> None:
    """R-NTC-1: from 09:00 to 20:00, never before now."""
    said = kst(2026, 11, 23, 14)
    assert notice.due(said, said) == kst(2026, 11, 26, 14)
    assert notice.due(kst(2026, 11, 23, 20), said) == kst(2026, 11, 27, 9)
    assert notice.due(kst(2026, 11, 23, 3), said) == kst(2026, 11, 26, 9)
    assert notice.due(said, kst(2026, 12, 1, 19, 59, 59)) == kst(2026, 12, 1, 19, 59, 59)
    assert notice.due(said, kst(2026, 12, 1, 20)) == kst(2026, 12, 2, 9)


@given(MOMENTS, st.timedeltas(timedelta(), timedelta(days=9)))
def test_whatever_is_recorded_in_time_is_due_in_time(said: datetime, later: timedelta) -> None:
    """R-NTC-1 for every instant: due before the alarm, by day, and the first such instant."""
    due = notice.due(said, said + later)
    assert said + later <= due < notice.deadline(said)
    assert notice.OPENS <= due.astimezone(KST).time() < notice.CLOSES
    assert notice.by_day(due) == due


def test_a_day_is_a_korean_day() -> None:
    assert notice.day(datetime(2026, 11, 22, 15, tzinfo=UTC)) == date(2026, 11, 23)
    assert notice.beginning(date(2026, 11, 23)) == datetime(2026, 11, 22, 15, tzinfo=UTC)


# --- the words ----------------------------------------------------------------------------------------------------

SHOP = Shop("봄날커피", "0801234567", "0212345678")


@pytest.mark.parametrize(
    ("kind", "scope", "text"),
    [
        (Kind.REFUSED, Scope.ADS, "[봄날커피] 2026.11.23 문자 광고 수신거부가 처리되었습니다."),
        (Kind.GRANTED, Scope.ADS_AND_NIGHT, "[봄날커피] 2026.11.23 문자 광고(야간 포함) 수신동의가 처리되었습니다."),
        (Kind.WITHDRAWN, Scope.NIGHT, "[봄날커피] 2026.11.23 야간(21~08시) 문자 광고 수신동의 철회가 처리되었습니다."),
    ],
)
def test_a_result_says_who_when_and_what_and_nothing_else(kind: Kind, scope: Scope, text: str) -> None:
    """R-NTC-1: sender name, the day of the expression, the result; short enough for an SMS."""
    said = kst(2026, 11, 23, 23, 59)
    assert notice.words(kind, scope, said, notice.deadline(said), SHOP) == text
    assert channel_for(text) is Channel.SMS


def test_a_confirmation_says_what_was_agreed_to_and_how_to_keep_or_end_it() -> None:
    """R-NTC-2: and where silence ends a consent, by when to speak."""
    said, until = kst(2024, 11, 23, 9), kst(2026, 11, 23)
    assert notice.words(Kind.RECONFIRM, Scope.ADS, said, until, SHOP) == (
        "[봄날커피] 2024.11.23 문자 광고 수신에 동의하셨습니다. 유지를 원하시면 그대로 두시고, 철회는 무료 080-123-4567"
    )
    lapsing = notice.words(Kind.RECONFIRM, Scope.ADS, said, until, replace(SHOP, lapses=True))
    assert "2026.11.22까지 02-1234-5678로 알려 주세요" in lapsing and lapsing.endswith("철회는 무료 080-123-4567")


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("scope", list(Scope))
def test_no_notice_is_an_advertisement(kind: Kind, scope: Scope) -> None:
    """R-PUR-5, R-NTC-1: every text can be sent as it is, and does not begin with the label."""
    text = notice.words(kind, scope, kst(2026, 11, 23), kst(2026, 12, 8), replace(SHOP, lapses=True))
    assert check("01012345678", text, "").text == text
    assert text.startswith("[봄날커피]") and not label.opens_with_label(text)


# --- the two years, and the end -----------------------------------------------------------------------------------


def test_the_clock_begins_anew_with_the_anniversary() -> None:
    """R-NTC-2: not with the day of the notice; of several that were missed, with the last."""
    due = kst(2026, 11, 23)
    assert notice.anniversary(due, kst(2026, 10, 24, 12)) == due
    assert notice.anniversary(due, kst(2027, 5, 1)) == due
    assert notice.anniversary(kst(2021, 5, 1), kst(2026, 11, 23)) == kst(2025, 5, 1)
    assert notice.anniversary(kst(2024, 2, 29), kst(2026, 3, 1)) == kst(2026, 2, 28)


@given(MOMENTS, MOMENTS)
def test_a_confirmation_never_reaches_more_than_two_years_ahead(deadline: datetime, now: datetime) -> None:
    """R-NTC-2 for every instant: the new clock begins at most thirty days after now, when the notice was in time."""
    begins = notice.anniversary(notice.beginning(notice.day(deadline)), now)
    assert begins >= notice.beginning(notice.day(deadline))
    assert begins <= max(now, deadline)
    assert now - begins < timedelta(days=732)


def test_a_notice_ends_with_its_message() -> None:
    """R-NTC-1: delivered, or accepted long ago; three tries for who cannot be reached; a day that was too short is none."""
    done, due, failed = notice.State.DONE, notice.State.DUE, notice.State.FAILED
    expected = {S.DELIVERED: done, S.ACCEPTED: None, S.UNKNOWN: None, S.PLANNED: None, S.EXPIRED: due, S.CANCELLED: due}
    assert {state: notice.outcome(state, 3, long_ago=False) for state in expected} == expected
    assert notice.outcome(S.ACCEPTED, 1, long_ago=True) is done
    assert notice.outcome(S.UNKNOWN, 1, long_ago=True) is None
    assert [notice.outcome(S.FAILED, tries, long_ago=False) for tries in (1, 2, 3)] == [due, due, failed]

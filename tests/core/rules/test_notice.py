"""When people are told what the law wants them to be told: the Korean calendar, by day."""

from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from core.rules import notice

KST = timezone(timedelta(hours=9))
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def kst(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=KST)  # type: ignore[arg-type,misc]


def test_a_result_is_told_within_fourteen_days() -> None:
    """R-NTC-1: said on 2026-11-23, told on the 7th of December at the latest, an incident from the 3rd on."""
    for said in (kst(2026, 11, 23), kst(2026, 11, 23, 23, 59, 59)):
        assert notice.deadline(said) == kst(2026, 12, 8)
        assert notice.alarm(said) == kst(2026, 12, 3)
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

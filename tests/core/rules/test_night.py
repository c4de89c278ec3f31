"""Quiet hours, to the second, on the Korean wall clock."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import KST
from core.errors import InvalidInput
from core.rules.night import DEFAULT, STATUTORY, Window, may_leave, next_open

instants = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))
windows = st.builds(
    Window,
    st.times(min_value=time(12), max_value=time(21)),
    st.times(min_value=time(8), max_value=time(11, 59)),
)


def at(clock: str, day: int = 23) -> datetime:
    return datetime.combine(datetime(2026, 11, day), time.fromisoformat(clock), KST)


@pytest.mark.parametrize(
    ("clock", "allowed"),
    [("20:59:59", True), ("21:00:00", False), ("00:00:00", False), ("07:59:59", False), ("08:00:00", True)],
)
def test_the_window_of_the_law(clock: str, allowed: bool) -> None:
    assert may_leave(at(clock), night_consent=False, window=STATUTORY) is allowed


@pytest.mark.parametrize(
    ("clock", "allowed"),
    [("20:49:59", True), ("20:50:00", False), ("23:30:00", False), ("07:59:59.999999", False), ("08:00:00", True)],
)
def test_the_default_keeps_ten_minutes_of_margin(clock: str, allowed: bool) -> None:
    assert may_leave(at(clock), night_consent=False) is allowed


def test_night_consent_opens_the_night() -> None:
    assert may_leave(at("23:00"), night_consent=True)
    assert may_leave(at("12:00"), night_consent=True)


def test_it_is_the_korean_clock_that_counts() -> None:
    assert not may_leave(datetime(2026, 11, 23, 12, 0, tzinfo=UTC), night_consent=False)
    assert may_leave(datetime(2026, 11, 23, 0, 0, tzinfo=UTC), night_consent=False)
    new_york = timezone(timedelta(hours=-5))
    assert not may_leave(datetime(2026, 11, 23, 7, 0, tzinfo=new_york), night_consent=False)


@pytest.mark.parametrize(
    ("clock", "opens"),
    [
        ("22:30", at("08:00", 24)),
        ("20:50", at("08:00", 24)),
        ("23:59:59", at("08:00", 24)),
        ("00:00", at("08:00")),
        ("03:00", at("08:00")),
        ("07:59:59", at("08:00")),
        ("08:00", at("08:00")),
        ("14:00", at("14:00")),
    ],
)
def test_what_must_wait_waits_until_the_next_morning(clock: str, opens: datetime) -> None:
    found = next_open(at(clock))
    assert found == opens
    assert found.tzinfo is UTC


def test_a_retry_that_slides_into_the_night_waits() -> None:
    retry = at("20:48") + timedelta(minutes=4)
    assert not may_leave(retry, night_consent=False)
    assert next_open(retry) == at("08:00", 24)


def test_the_last_day_of_the_year_ends_in_the_next() -> None:
    assert next_open(datetime(2026, 12, 31, 22, tzinfo=KST)) == datetime(2027, 1, 1, 8, tzinfo=KST)


@pytest.mark.parametrize(
    ("start", "end"),
    [("21:01", "08:00"), ("20:50", "07:59"), ("22:00", "07:00"), ("08:00", "21:00"), ("12:00", "12:00")],
)
def test_a_window_is_never_narrower_than_the_law_and_opens_once_a_day(start: str, end: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Window(time.fromisoformat(start), time.fromisoformat(end))
    assert caught.value.reason == "NIGHT_WINDOW_INVALID"


def test_a_window_may_be_wider() -> None:
    wide = Window(time(19), time(9))
    assert not may_leave(at("19:00"), night_consent=False, window=wide)
    assert next_open(at("08:30"), wide) == at("09:00")


def test_an_instant_without_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        may_leave(datetime(2026, 11, 23, 12), night_consent=False)
    with pytest.raises(ValueError, match="time zone"):
        next_open(datetime(2026, 11, 23, 12))


@given(instants, windows)
def test_the_next_opening_is_open_and_the_moment_before_is_not(instant: datetime, window: Window) -> None:
    opens = next_open(instant, window)
    assert may_leave(opens, night_consent=False, window=window)
    assert instant <= opens <= instant + timedelta(days=1)
    if opens != instant:
        assert not may_leave(opens - timedelta(microseconds=1), night_consent=False, window=window)
        assert not may_leave(instant, night_consent=False, window=window)


@given(instants, windows)
def test_no_window_ever_lets_an_ad_out_in_the_night_of_the_law(instant: datetime, window: Window) -> None:
    if may_leave(instant, night_consent=False, window=window):
        assert may_leave(instant, night_consent=False, window=STATUTORY)


def test_the_default_is_wider_than_the_law() -> None:
    assert (DEFAULT.start, DEFAULT.end) == (time(20, 50), time(8))

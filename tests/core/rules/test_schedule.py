"""Starting later: to the minute, in the future, and for advertising never in the night."""

from datetime import datetime, time, timedelta

import pytest

from core.clock import KST
from core.rules.night import Window
from core.rules.schedule import FARTHEST, LIFETIME, Schedule, ends, minute, problems


def at(clock: str, day: int = 26) -> datetime:
    return datetime.combine(datetime(2026, 11, day), time.fromisoformat(clock), KST)


NOW = at("15:30", 25)


def found(wished: datetime, *, ad: bool = True, expires_at: datetime | None = None) -> list[tuple[str, str]]:
    return [(one.field, one.reason) for one in problems(Schedule(wished, NOW, ad, expires_at))]


@pytest.mark.parametrize(
    ("clock", "allowed"),
    [("20:49", True), ("20:50", False), ("20:51", False), ("00:00", False), ("07:59", False), ("08:00", True)],
)
def test_advertising_is_not_planned_into_the_night_and_information_may_be(clock: str, allowed: bool) -> None:
    """R-NGT-4: a slot inside the window is refused at scheduling."""
    assert found(at(clock)) == ([] if allowed else [("campaign.schedule_time", "SCHEDULE_AT_NIGHT")])
    assert found(at(clock), ad=False) == []


@pytest.mark.parametrize(("clock", "next_one"), [("20:51", "11월 27일 08:00"), ("03:00", "11월 26일 08:00")])
def test_the_refusal_names_the_next_minute(clock: str, next_one: str) -> None:
    [problem] = problems(Schedule(at(clock), NOW, ad=True))
    assert problem.message == f"광고는 20:50부터 다음 날 08:00까지 보낼 수 없습니다. 보낼 수 있는 다음 시각은 {next_one}입니다."


def test_a_merchant_who_rests_longer_is_asked_for_its_own_hours() -> None:
    """R-NGT-2, R-NGT-4: at scheduling the wider window of the merchant counts."""
    quiet = Window(time(19), time(9, 30))
    [problem] = problems(Schedule(at("19:00"), NOW, ad=True, quiet=quiet))
    assert (
        problem.message == "광고는 19:00부터 다음 날 09:30까지 보낼 수 없습니다. 보낼 수 있는 다음 시각은 11월 27일 09:30입니다."
    )
    assert list(problems(Schedule(at("18:59"), NOW, ad=True, quiet=quiet))) == []


def test_the_past_and_the_far_future_are_refused_whatever_the_hour() -> None:
    for wished in (NOW, NOW - timedelta(minutes=1), at("23:00", 24)):
        assert found(wished) == [("campaign.schedule_time", "SCHEDULE_PAST")]
    assert found(NOW + timedelta(minutes=1)) == found(NOW + FARTHEST) == []
    assert found(NOW + FARTHEST + timedelta(minutes=1)) == [("campaign.schedule_time", "SCHEDULE_TOO_FAR")]


def test_what_ends_before_it_starts_is_refused() -> None:
    wished = at("10:00")
    for expires_at in (wished, wished - timedelta(hours=1)):
        assert found(wished, expires_at=expires_at) == [("campaign.expire_time", "EXPIRES_BEFORE_START")]
    assert found(wished, expires_at=wished + timedelta(minutes=1)) == []


def test_minutes_know_no_seconds_and_two_days_are_the_default() -> None:
    assert minute(at("10:00:59.5")) == at("10:00")
    assert ends(NOW, None) == NOW + LIFETIME
    assert ends(NOW, at("16:00")) == at("16:00")

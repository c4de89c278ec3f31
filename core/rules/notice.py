"""What the law wants a person to be told: that a yes or no was taken (R-NTC-1), and every two years that it stands (R-NTC-2)."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

_KST = timezone(timedelta(hours=9), "KST")
OPENS, CLOSES = time(9), time(20)  # notices are read by day
PAUSE = timedelta(days=3)  # nobody who says no gets a message for it within the hour
ALARM_DAYS, TERM_DAYS = 10, 14


class Kind(StrEnum):
    """What a notice is about."""

    GRANTED = "GRANTED"
    WITHDRAWN = "WITHDRAWN"
    REFUSED = "REFUSED"
    RECONFIRM = "RECONFIRM"


class Scope(StrEnum):
    """What was agreed to or refused."""

    ADS = "ADS"
    NIGHT = "NIGHT"  # only the nights
    ADS_AND_NIGHT = "ADS_AND_NIGHT"

    @classmethod
    def of(cls, ads: bool, night: bool) -> "Scope":
        """Advertising, its nights, or both."""
        return cls.ADS_AND_NIGHT if ads and night else cls.ADS if ads else cls.NIGHT


class State(StrEnum):
    """Where a notice is."""

    DUE = "DUE"
    SENDING = "SENDING"
    DONE = "DONE"
    FAILED = "FAILED"  # tried, and it did not arrive
    DROPPED = "DROPPED"  # there is nobody to tell, or nothing to tell any more


def day(instant: datetime) -> date:
    """The Korean day of an instant."""
    return instant.astimezone(_KST).date()


def beginning(of: date, at: time = time()) -> datetime:
    """The instant at which a Korean day begins, or a time of it; UTC."""
    return datetime.combine(of, at, _KST).astimezone(UTC)


def due(said_at: datetime, now: datetime) -> datetime:
    """When the result of a yes or no is told: three days later, by day; not before now."""
    return by_day(max(said_at + PAUSE, now))


def deadline(said_at: datetime) -> datetime:
    """The first instant that is too late: 2026-11-23 -> the end of 2026-12-07."""
    return beginning(day(said_at) + timedelta(days=TERM_DAYS + 1))


def alarm(said_at: datetime) -> datetime:
    """From when on a notice that still waits is an incident."""
    return beginning(day(said_at) + timedelta(days=ALARM_DAYS))


def by_day(instant: datetime) -> datetime:
    """The first instant, not before this one, at which a notice may leave; UTC."""
    local = instant.astimezone(_KST)
    if local.time() < OPENS:
        return beginning(local.date(), OPENS)
    if local.time() >= CLOSES:
        return beginning(local.date() + timedelta(days=1), OPENS)
    return instant.astimezone(UTC)

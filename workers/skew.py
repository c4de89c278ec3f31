"""Whether the clock of this machine is right: held against the database's at every beat. Law goes by the clock."""

from datetime import UTC, datetime, timedelta

from core import telemetry

MOST = timedelta(seconds=60)  # beyond that no advertising leaves this process

_log = telemetry.log("skew")
_seconds = 0.0


def begin() -> datetime:
    """The machine's own time, before the database is asked for its."""
    return _machine()


def measure(asked_at: datetime, told: datetime) -> None:
    """What the database said, between `asked_at` and now: by how many seconds this machine is ahead of it."""
    global _seconds
    was_off, asked = off(), (_machine() - asked_at) / 2 + asked_at
    _seconds = (asked - told).total_seconds()
    if off() and not was_off:
        _log.error("clock_is_wrong", seconds=round(_seconds))


def seconds() -> int:
    """How far this machine is ahead of the database; negative: behind."""
    return round(_seconds)


def off() -> bool:
    """Too far for advertising: nobody here can say whether it is night."""
    return abs(_seconds) > MOST.total_seconds()


def _machine() -> datetime:
    return datetime.now(UTC)

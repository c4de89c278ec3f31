"""Whether the clock of this machine is right: held against the database's at every beat. Law goes by the clock.

A process whose machine is wrong sends no advertising, and keeps its books (leases, signs of life, when to ask again) by the
database's time: one that lags behind would be taken for dead in the middle of a call, and its call for settled.
"""

from datetime import datetime, timedelta

from core import clock, telemetry

MOST = timedelta(seconds=60)  # beyond that no advertising leaves this process

_log = telemetry.log("skew")
_seconds = 0.0


def begin() -> datetime:
    """The machine's own time, before the database is asked for its."""
    return clock.machine()


def measure(asked_at: datetime, told: datetime) -> None:
    """What the database said, between `asked_at` and now: by how many seconds this machine is ahead of it."""
    global _seconds
    was_off, asked = off(), (clock.machine() - asked_at) / 2 + asked_at
    _seconds = (asked - told).total_seconds()
    clock.correct(-timedelta(seconds=_seconds) if off() else timedelta(0))
    if off() and not was_off:
        _log.error("clock_is_wrong", seconds=round(_seconds))


def seconds() -> int:
    """How far this machine is ahead of the database; negative: behind."""
    return round(_seconds)


def off() -> bool:
    """Too far for advertising: nobody here can say whether it is night."""
    return abs(_seconds) > MOST.total_seconds()

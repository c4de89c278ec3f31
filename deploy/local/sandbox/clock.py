"""The sandbox's own time: real time plus an offset that tests may move; dates are Korean."""

import time
from datetime import datetime, timedelta, timezone

KST = timezone(timedelta(hours=9), "KST")


class Clock:
    """Seconds since 1970 as the sandbox sees them."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        return time.time() + self.offset


def stamp(at: float) -> str:
    """`YYYY-MM-DD HH:MM:SS` in Korea; nothing for no time."""
    return datetime.fromtimestamp(at, KST).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def day(text: str) -> float | None:
    """The first second of `YYYYMMDD` in Korea, or nothing when that is no date."""
    return _read(text, "%Y%m%d", 8)


def minute(date: str, time_of_day: str) -> float | None:
    """The instant of `YYYYMMDD` and `HHMM` in Korea, or nothing when that is none."""
    return _read(date + time_of_day, "%Y%m%d%H%M", 12)


def second(text: str) -> float | None:
    """The instant of `YYYYMMDDHHMMSS` in Korea, or nothing when that is none."""
    return _read(text, "%Y%m%d%H%M%S", 14)


def _read(text: str, form: str, length: int) -> float | None:
    if len(text) != length or not text.isdigit():
        return None
    try:
        return datetime.strptime(text, form).replace(tzinfo=KST).timestamp()
    except ValueError:
        return None

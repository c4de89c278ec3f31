"""What time it is: UTC inside, KST for people and for the law. Tests and the demo may shift it; production may not."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

KST = ZoneInfo("Asia/Seoul")

_offset = timedelta(0)
_correction = timedelta(0)


def shift(offset: timedelta) -> None:
    """Move this process's clock (settings.CLOCK_OFFSET_SECONDS; refused in production)."""
    global _offset
    _offset = offset


def correct(by: timedelta) -> None:
    """Keep the books by the database's time, where this machine's is known to be wrong. The law is not decided by it."""
    global _correction
    _correction = by


def machine() -> datetime:
    """What this machine believes."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present instant, aware, UTC."""
    return machine() + _offset + _correction


def kst(instant: datetime) -> datetime:
    """The same instant on a Korean wall clock."""
    return instant.astimezone(KST)

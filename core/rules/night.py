"""When an advertisement may leave: quiet hours on the Korean wall clock, judged at the instant of hand-over."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache

from core.errors import InvalidInput

# Korea keeps no summer time, so a fixed offset is exact and needs no time zone data.
KST = timezone(timedelta(hours=9), "KST")
_NOON = time(12)


@dataclass(frozen=True)
class Window:
    """Quiet from `start` until, not including, `end` next morning: never narrower than the law, open before noon."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if not (_NOON <= self.start <= time(21) and time(8) <= self.end < _NOON):
            message = "야간 제한은 낮 12시에서 21시 사이에 시작하고, 다음 날 8시 이후 낮 12시 전에 끝나야 합니다."
            raise InvalidInput(message, reason="NIGHT_WINDOW_INVALID")

    def covers(self, local: time) -> bool:
        """This time of day is quiet."""
        return local >= self.start or local < self.end


@lru_cache(maxsize=256)
def quiet(quiet_from: time, quiet_until: time) -> Window:
    """The quiet hours that a merchant has set, as every locked batch brings them."""
    return Window(quiet_from, quiet_until)


STATUTORY = Window(time(21), time(8))

# Queues drain slowly and Kakao stops at 20:50: ten minutes of margin.
DEFAULT = Window(time(20, 50), time(8))


def may_leave(instant: datetime, *, night_consent: bool, window: Window = DEFAULT) -> bool:
    """An advertisement to this person may be handed over at this instant."""
    return night_consent or not window.covers(_local(instant).time())


def next_open(instant: datetime, window: Window = DEFAULT, zone: tzinfo = KST) -> datetime:
    """The first instant, not before this one, at which an advertisement may leave without night consent; UTC."""
    local = _local(instant, zone)
    if not window.covers(local.time()):
        return instant.astimezone(UTC)
    morning = local.date() + timedelta(days=local.time() >= window.start)
    return datetime.combine(morning, window.end, zone).astimezone(UTC)


def next_close(instant: datetime, window: Window = DEFAULT) -> datetime:
    """When the next night begins, seen from an open instant; UTC."""
    local = _local(instant)
    evening = local.date() + timedelta(days=local.time() >= window.start)
    return datetime.combine(evening, window.start, KST).astimezone(UTC)


def spoken(instant: datetime) -> str:
    """11월 26일 08:00, as the merchant's clock shows it."""
    local = _local(instant)
    return f"{local.month}월 {local.day}일 {local:%H:%M}"


def _local(instant: datetime, zone: tzinfo = KST) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs its time zone")
    return instant.astimezone(zone)

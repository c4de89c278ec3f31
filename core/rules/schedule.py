"""When a campaign that starts later may start: to the minute, not in the past, for advertising not at night."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import Violation
from core.rules import night
from core.rules.night import Window

FARTHEST = timedelta(days=365)
LIFETIME = timedelta(days=2)  # after its start, unless the merchant says otherwise
FIELD = "campaign.schedule_time"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A wish to start at a minute, seen at an instant."""

    at: datetime
    now: datetime
    ad: bool
    expires_at: datetime | None = None
    quiet: Window = night.DEFAULT


def minute(instant: datetime) -> datetime:
    """The minute an instant lies in: schedules know no seconds."""
    return instant.replace(second=0, microsecond=0)


def ends(started_at: datetime, expires_at: datetime | None) -> datetime:
    """After which instant nothing leaves any more."""
    return expires_at or started_at + LIFETIME


def problems(wish: Schedule) -> Iterator[Violation]:
    """What is wrong with it; the first thing only, because the others follow from the same time."""
    if wish.at <= wish.now:
        reason = "SCHEDULE_PAST"
        yield Violation(FIELD, "예약 시각이 이미 지났습니다. 지금보다 뒤의 시각을 골라 주세요.", reason)
    elif wish.at > wish.now + FARTHEST:
        reason = "SCHEDULE_TOO_FAR"
        yield Violation(FIELD, f"예약은 {FARTHEST.days}일 뒤까지 할 수 있습니다.", reason)
    elif wish.ad and not night.may_leave(wish.at, night_consent=False, window=wish.quiet):
        reason = "SCHEDULE_AT_NIGHT"
        yield Violation(FIELD, _at_night(wish.at, wish.quiet), reason)
    elif wish.expires_at is not None and wish.expires_at <= wish.at:
        reason = "EXPIRES_BEFORE_START"
        yield Violation("campaign.expire_time", f"마감 시각이 예약 시각({night.spoken(wish.at)})보다 뒤여야 합니다.", reason)


def _at_night(at: datetime, window: Window) -> str:
    return (
        f"광고는 {window.start:%H:%M}부터 다음 날 {window.end:%H:%M}까지 보낼 수 없습니다."
        f" 보낼 수 있는 다음 시각은 {night.spoken(night.next_open(at, window))}입니다."
    )

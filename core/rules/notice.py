"""What the law wants a person to be told: that a yes or no was taken (R-NTC-1), and every two years that it stands (R-NTC-2)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

from core.rules import phone
from core.rules.law import KR, add_months
from core.rules.states import MessageState

_KST = timezone(timedelta(hours=9), "KST")
OPENS, CLOSES = time(9), time(20)  # notices are read by day
PAUSE = timedelta(days=3)  # nobody who says no gets a message for it within the hour
ALARM = timedelta(days=5)  # so long before the deadline a notice that still waits is an incident: day 10 of 14
LEAD = timedelta(days=30)  # from when on before the two years are over people are told that their consent stands
PATIENCE = timedelta(days=3)  # what was accepted and never heard of again has arrived, as far as anybody knows
TRIES = 3


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
    return beginning(day(said_at) + timedelta(days=KR.result_days + 1))


def by_day(instant: datetime) -> datetime:
    """The first instant, not before this one, at which a notice may leave; UTC."""
    local = instant.astimezone(_KST)
    if local.time() < OPENS:
        return beginning(local.date(), OPENS)
    if local.time() >= CLOSES:
        return beginning(local.date() + timedelta(days=1), OPENS)
    return instant.astimezone(UTC)


def closing(instant: datetime) -> datetime:
    """When notices stop leaving on the day of this instant."""
    return beginning(day(instant), CLOSES)


def anniversary(deadline_at: datetime, now: datetime) -> datetime:
    """Where the clock of a confirmed consent begins anew: the day that was due, or the last one since (R-NTC-2)."""
    begins = day(deadline_at)
    while (later := add_months(begins, KR.reconfirm_months)) <= day(now):
        begins = later
    return beginning(begins)


def outcome(state: MessageState, tries: int, *, long_ago: bool) -> State | None:
    """What became of a notice by what became of its message; None while nobody knows. `tries` counts this one."""
    if state is MessageState.DELIVERED or (long_ago and state is MessageState.ACCEPTED):
        return State.DONE
    if state in (MessageState.EXPIRED, MessageState.CANCELLED):
        return State.DUE
    if state in (MessageState.FAILED, MessageState.EXCLUDED):
        return State.FAILED if tries >= TRIES else State.DUE
    return None


@dataclass(frozen=True, slots=True)
class Shop:
    """Who tells."""

    name: str
    optout_number: str
    sender: str
    lapses: bool = False  # a consent that is not renewed ends


_WHAT = {Scope.ADS: "문자 광고", Scope.NIGHT: "야간(21~08시) 문자 광고", Scope.ADS_AND_NIGHT: "문자 광고(야간 포함)"}
_RESULT = {Kind.GRANTED: "수신동의가", Kind.WITHDRAWN: "수신동의 철회가", Kind.REFUSED: "수신거부가"}


def words(kind: Kind, scope: Scope, said_at: datetime, deadline_at: datetime, shop: Shop) -> str:
    """The whole text: who tells, what was said on which day, and what came of it. Nothing else, or it were advertising."""
    opening = f"[{shop.name}] {day(said_at):%Y.%m.%d} {_WHAT[scope]}"
    if kind is not Kind.RECONFIRM:
        return f"{opening} {_RESULT[kind]} 처리되었습니다."
    keep = "유지를 원하시면 그대로 두시고"
    if shop.lapses:
        last = day(deadline_at) - timedelta(days=1)
        keep = (
            f"유지를 원하시면 {last:%Y.%m.%d}까지 {phone.format(shop.sender)}로 알려 주세요. 알려 주지 않으시면 동의가 끝납니다"
        )
    free = phone.format(shop.optout_number)
    return f"{opening} 수신에 동의하셨습니다. {keep}{'.' if shop.lapses else ','} 철회는 무료 {free}"

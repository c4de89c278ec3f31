"""Which days a month is compared by: as many of the month before. In its first week a month says nothing yet."""

from dataclasses import dataclass
from datetime import date, timedelta

YOUNG = 7


@dataclass(frozen=True, slots=True)
class Span:
    """Korean days, the last included."""

    first: date
    last: date
    whole: bool

    @property
    def month(self) -> str:
        """`2026-11`."""
        return f"{self.first:%Y-%m}"

    @property
    def label(self) -> str:
        """`2026-11`, or `2026-11 (25일까지)` when it is only a part."""
        return self.month if self.whole else f"{self.month} ({self.last.day}일까지)"


def compared(today: date) -> tuple[Span, Span]:
    """This month until today and the same days of the one before; in the first week the two whole months before this one."""
    if today.day <= YOUNG:
        last = whole_before(today)
        return last, whole_before(last.first)
    before = whole_before(today)
    same = min(today.day, before.last.day)
    return Span(today.replace(day=1), today, False), Span(before.first, before.first.replace(day=same), False)


def whole_before(day: date) -> Span:
    """The last month that was over on this day."""
    last = day.replace(day=1) - timedelta(days=1)
    return Span(last.replace(day=1), last, True)

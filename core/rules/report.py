"""A report about a campaign: a line a person, and sums that everybody selected stands in exactly once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from core.rules.reasons import why
from core.rules.states import MESSAGE_KOREAN, MessageState

LASTS = timedelta(hours=24)
HEADERS = ("고객", "휴대폰", "상태", "사유", "규칙", "설명", "메시지", "발송사", "유형", "보낸 시각", "발송사의 답")

_KST = timezone(timedelta(hours=9))

Sums = list[list[str | int]]  # bucket, reason, people: as they are stored


@dataclass(frozen=True, slots=True)
class Line:
    """One person; the number is masked, and there is no name."""

    contact: int
    phone: str
    state: MessageState
    reason: str = ""
    message: str = ""
    provider: str = ""
    channel: str = ""
    sent_at: datetime | None = None
    words: str = ""

    def cells(self) -> tuple[str, ...]:
        """By HEADERS."""
        known = why(self.reason)
        said = (known.label, known.rule, known.sentence) if self.reason else ("", "", "")
        sent = f"{self.sent_at.astimezone(_KST):%Y-%m-%d %H:%M:%S}" if self.sent_at else ""
        state = MESSAGE_KOREAN[self.state]
        return (str(self.contact), self.phone, state, *said, self.message, self.provider, self.channel, sent, self.words)


def count(sums: Counter[tuple[str, str]], lines: Iterable[Line]) -> None:
    """Add these people."""
    sums.update((line.state.name.lower(), line.reason) for line in lines)


def stored(sums: Mapping[tuple[str, str], int]) -> Sums:
    """As a column keeps them."""
    return [[bucket, reason, people] for (bucket, reason), people in sorted(sums.items())]


def buckets(sums: Sequence[Sequence[str | int]]) -> dict[str, int]:
    """People by bucket; `selected` is their sum."""
    found = Counter[str]()
    for bucket, _, people in sums:
        found[str(bucket)] += int(people)
    return {**found, "selected": found.total()}


def reasons(sums: Sequence[Sequence[str | int]], bucket: str) -> list[tuple[str, int]]:
    """(reason, people) of one bucket."""
    return [(str(reason), int(people)) for name, reason, people in sums if name == bucket and reason]

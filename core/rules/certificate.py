"""The transmission certificate of a provider: advertising leaves only by one that has it, valid and checked within a year."""

from dataclasses import dataclass
from datetime import date, timedelta

from core.errors import InvalidInput, Violation

FRESH = timedelta(days=365)  # so long a check of it counts (R-SND-5)
SOON = timedelta(days=30)  # so long before its end people are told


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a merchant wrote down about its provider; `until`: its last day, None when it has none."""

    number: str
    checked_on: date
    until: date | None = None

    @property
    def last_day(self) -> date:
        """The last day on which advertising may leave by it."""
        fresh = self.checked_on + FRESH
        return min(fresh, self.until) if self.until else fresh


def usable(certificate: Certificate | None, today: date) -> bool:
    """Whether advertising may leave by this provider on this Korean day."""
    return certificate is not None and bool(certificate.number) and today <= certificate.last_day


def checked(number: str, checked_on: str, until: str, today: date) -> Certificate:
    """A certificate from what was typed; refused when its days cannot be."""
    made = Certificate(number.strip(), _day("check_date", checked_on), _day("valid_until", until) if until else None)
    if not made.number:
        raise _wrong("number", "전송자격인증 번호를 입력해 주세요.", "REQUIRED")
    if made.checked_on > today:
        raise _wrong("check_date", "확인한 날이 아직 오지 않았습니다. 실제로 확인한 날을 입력해 주세요.")
    if made.until is not None and made.until < made.checked_on:
        raise _wrong("valid_until", "유효기간이 확인한 날보다 먼저 끝납니다. 만료된 인증은 쓸 수 없습니다.")
    return made


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _wrong(field, "날짜를 2026-11-25처럼 입력해 주세요.") from None


def _wrong(field: str, sentence: str, reason: str = "CERTIFICATE_INVALID") -> InvalidInput:
    return InvalidInput(sentence, [Violation(field, sentence, reason)], reason=reason)

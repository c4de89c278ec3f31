"""A single message as a program gives it: number and finished text checked, and what it will go as."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.errors import InvalidInput, Violation
from core.rules import label, phone, purpose, template
from core.rules.channel import SUBJECT_LIMIT, Channel
from core.rules.personalise import MissingValue
from core.rules.text import UnsupportedText, byte_length, channel_for, find_unsupported, normalise

LONGEST_NUMBER, LONGEST_REFERENCE = 40, 100
MOST_VARIABLES, LONGEST_VALUE = 40, 1000
LIFETIME = timedelta(hours=24)  # from the moment it could leave first
FARTHEST = timedelta(days=30)  # how far ahead it may be scheduled, and how long it may wait then

_AD = "광고는 단건 발송으로 보낼 수 없습니다. 수신동의와 수신거부를 확인하는 캠페인으로 보내 주세요."


@dataclass(frozen=True, slots=True)
class Direct:
    """One message that can be sent; the number in digits, the text as it leaves."""

    phone: str = field(repr=False)
    text: str = field(repr=False)
    reference: str
    size: int
    channel: Channel
    variables: Mapping[str, str] | None = field(default=None, repr=False)  # with a template; the text is its fallback


def check(
    to: str,
    text: str,
    reference: str,
    variables: Mapping[str, str] | None = None,
    by: template.Template | None = None,
    *,
    shop: str = "",
) -> Direct:
    """The message of this shop, or why it cannot be sent: one violation, which names its field.

    `by` a template: the variables must fill it, and the text is for whom it does not reach, or empty.
    """
    number = _number(to)
    body = normalise(text)
    if variables and by is None:
        raise _wrong("variables", "변수는 알림톡 템플릿과 함께만 쓸 수 있습니다.", "FALLBACK_WITHOUT_TEMPLATE")
    values = _filling(by, variables or {}) if by else None
    if not body.strip():
        if by is None:
            raise _wrong("text", "본문이 비어 있습니다.", "TEXT_REQUIRED")
        return Direct(number, "", _reference(reference), 0, Channel.ALIMTALK, values)
    _check_carried("text", body)
    if label.opens_with_label(body):
        raise _wrong("text", _AD, "AD_NEEDS_CAMPAIGN")
    if found := purpose.marks(body, shop=shop):
        raise _wrong("text", purpose.sentence(found), "PURPOSE_LINT", {"marks": ", ".join(found)})
    size = byte_length(body)
    try:
        channel = channel_for(body, byte_count=size)
    except InvalidInput as refusal:
        raise _wrong("text", refusal.message, refusal.reason, refusal.facts) from None
    return Direct(number, body, _reference(reference), size, Channel.ALIMTALK if by else channel, values)


def check_purpose(given: str) -> None:
    """Information only: an advertisement needs everything that a campaign checks."""
    if given != "INFO":
        raise _wrong("purpose", _AD, "AD_NEEDS_CAMPAIGN")


def check_subject(subject: str) -> str:
    """The title as it leaves."""
    title = normalise(subject).strip()
    _check_carried("subject", title)
    if label.opens_with_label(title):
        raise _wrong("subject", _AD, "AD_NEEDS_CAMPAIGN")
    if found := purpose.marks(title):
        raise _wrong("subject", purpose.sentence(found), "PURPOSE_LINT", {"marks": ", ".join(found)})
    if (size := byte_length(title)) > SUBJECT_LIMIT:
        sentence = f"제목이 {size}바이트입니다. {SUBJECT_LIMIT}바이트까지 쓸 수 있습니다."
        raise _wrong("subject", sentence, "SUBJECT_TOO_LONG")
    return title


def window(now: datetime, schedule: datetime | None, expire: datetime | None) -> tuple[datetime, datetime]:
    """From when and until when it may be handed over."""
    begin = max(schedule or now, now)
    end = expire or begin + LIFETIME
    if end <= now:
        raise _wrong("expire_time", "마감 시각이 이미 지났습니다.", "EXPIRE_TIME_PAST")
    if begin > now + FARTHEST:
        raise _wrong("schedule_time", f"예약은 {FARTHEST.days}일 뒤까지 할 수 있습니다.", "SCHEDULE_TIME_INVALID")
    if begin >= end:
        raise _wrong("schedule_time", "예약 시각이 마감 시각보다 늦습니다.", "SCHEDULE_TIME_INVALID")
    if end > begin + FARTHEST:
        raise _wrong("expire_time", f"마감은 발송할 수 있는 때부터 {FARTHEST.days}일 안이어야 합니다.", "OUT_OF_RANGE")
    return begin, end


def _reference(given: str) -> str:
    if len(given) > LONGEST_REFERENCE:
        sentence = f"참조 번호는 {LONGEST_REFERENCE}자까지 쓸 수 있습니다."
        raise _wrong("client_reference", sentence, "CLIENT_REFERENCE_TOO_LONG")
    return given


def _filling(by: template.Template, variables: Mapping[str, str]) -> dict[str, str]:
    """The values this template needs, and no other; every one there, none of them advertising, the whole not too long."""
    if len(variables) > MOST_VARIABLES or any(len(value) > LONGEST_VALUE for value in variables.values()):
        sentence = f"변수는 {MOST_VARIABLES}개, 값은 {LONGEST_VALUE:,}자까지 쓸 수 있습니다."
        raise _wrong("variables", sentence, "OUT_OF_RANGE")
    if strange := sorted(set(variables) - set(template.names(by))):
        raise _wrong("variables", f"템플릿에 이런 변수가 없습니다: {', '.join(strange)[:100]}", "BAD_VARIABLE")
    if any(purpose.hides_marks(value) for value in variables.values()):
        raise _wrong("variables", "변수에 넣을 값에 광고 표현이 있습니다.", "PURPOSE_LINT")
    try:
        template.write(by, variables)
    except (MissingValue, InvalidInput) as refusal:
        raise _wrong("variables", refusal.message, refusal.reason) from None
    return dict(variables)


def _number(to: str) -> str:
    if len(to) > LONGEST_NUMBER:
        raise _wrong("to", "휴대전화 번호의 형식이 아닙니다.", "PHONE_INVALID")
    try:
        return phone.normalise(to)
    except phone.BadPhone as refusal:
        raise _wrong("to", refusal.message, refusal.reason) from None


def _check_carried(place: str, text: str) -> None:
    if found := find_unsupported(text):
        refusal = UnsupportedText(found)
        raise _wrong(place, refusal.message, refusal.reason, refusal.facts)


def _wrong(place: str, message: str, reason: str, facts: Mapping[str, str] | None = None) -> InvalidInput:
    return InvalidInput(message, [Violation(place, message, reason)], reason=reason, facts=facts)

"""What the law wants of personal data: how it is shown, when people are answered, what is kept how long, and from how many on."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

ANSWER_WITHIN = timedelta(days=10)  # R-PII-10
ALARM_AFTER = timedelta(days=7)
UNMASKED_A_DAY = 100  # numbers in clear for one caller

EXPORT_LASTS = timedelta(hours=24)
DOWNLOAD_SECONDS = 300
CUSTOMER_FILE_LASTS = timedelta(days=7)  # an uploaded customer file, once it is read
ARCHIVED_LASTS = timedelta(days=365)  # an archived customer
REQUEST_LASTS = timedelta(days=3 * 365 + 1)
ACCESS_LOG_LASTS = timedelta(days=2 * 365 + 1)
DECISIONS_LAST = timedelta(days=5 * 365 + 2)
PROOF_LASTS = timedelta(days=5 * 365 + 2)  # consents, notices and orders of somebody erased

_KST = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Duty:
    """What has to be done from so many people on."""

    from_people: int
    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something is kept, and by which law."""

    record: str
    kept: str
    basis: str


# R-PII-13, R-PII-5
DUTIES = (
    Duty(10_000, "개인정보 내부 관리계획을 세우고 시행해야 합니다. 서식: deploy/privacy/internal-plan.ko.md", "R-PII-13"),
    Duty(50_000, "접속기록을 2년 이상 보관해야 합니다. 전단은 규모와 관계없이 2년 보관합니다.", "R-PII-5"),
    Duty(1_000_000, "암호 키 관리 절차와 재해·재난 대응 절차를 마련해야 합니다. 서식의 7장과 8장.", "R-PII-13"),
)

# Section 13
RETENTIONS = (
    Retention("동의·수신거부·통지 기록", "거래 관계 동안, 삭제한 뒤 5년(분리 보관)", "질서위반행위규제법 제19조"),
    Retention("발송 판단 기록(규칙 판, 사유, 문안 해시)", "5년", "질서위반행위규제법 제19조"),
    Retention("주문 기록", "거래가 끝난 뒤 5년(삭제하면 분리 보관)", "전자상거래법 시행령 제6조"),
    Retention("개인정보 요청과 답변", "3년", "전자상거래법 시행령 제6조"),
    Retention("개인정보 접속기록", "2년", "개인정보의 안전성 확보조치 기준 제8조"),
    Retention("단건 메시지의 번호와 문안", "3개월", "개인정보 보호법 제21조"),
    Retention("보관 처리한 고객", "1년 뒤 삭제", "개인정보 보호법 제21조"),
    Retention("올린 고객 파일", "읽은 뒤 7일", "개인정보 보호법 제21조"),
    Retention("내보낸 고객 파일", "24시간", "개인정보의 안전성 확보조치 기준 제7조"),
    Retention("수신거부 번호의 해시", "기한 없음(다시 보내지 않기 위해)", "정보통신망법 제50조 제2항"),
)


def masked_name(name: str) -> str:
    """김하나 -> 김*나; one letter stays alone."""
    if len(name) <= 2:
        return name[:1] + "*" * (len(name) - 1)
    return name[0] + "*" * (len(name) - 2) + name[-1]


def level(people: int) -> int:
    """How many of the duties apply."""
    return sum(people >= duty.from_people for duty in DUTIES)


def month(text: str) -> tuple[datetime, datetime]:
    """`2026-10` -> the first instants of that Korean month and of the next."""
    begin = date.fromisoformat(f"{text}-01")
    end = date(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
    return _midnight(begin), _midnight(end)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_KST)

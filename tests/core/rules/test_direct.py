"""A single message: what may be sent to whom, told by field; from when and until when."""

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import InvalidInput
from core.rules import direct
from core.rules.channel import Channel

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def refused(to: str = "01012345678", text: str = "주문이 접수되었습니다.", reference: str = "") -> tuple[str, str]:
    with pytest.raises(InvalidInput) as raised:
        direct.check(to, text, reference)
    (violation,) = raised.value.violations
    assert (violation.reason, violation.message) == (raised.value.reason, raised.value.message)
    assert violation.message.endswith(".") or violation.reason == "UNSUPPORTED_CHARACTERS"
    return violation.field, violation.reason


@pytest.mark.parametrize(
    "to", ["01012345678", "010-1234-5678", "+82 10 1234 5678", "0082-10-1234-5678", "１０12345678", "10 1234 5678"]
)
def test_a_number_may_be_written_in_any_korean_form(to: str) -> None:
    assert direct.check(to, "가", "").phone == "01012345678"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to": ""}, ("to", "PHONE_EMPTY")),
        ({"to": "02-123-4567"}, ("to", "PHONE_LANDLINE")),
        ({"to": "1588-0000"}, ("to", "PHONE_LANDLINE")),
        ({"to": "070-1234-5678"}, ("to", "PHONE_LANDLINE")),
        ({"to": "+1 212 555 0100"}, ("to", "PHONE_INVALID")),
        ({"to": "0" * 41}, ("to", "PHONE_INVALID")),
        ({"to": " " * 1_000_000}, ("to", "PHONE_INVALID")),
        ({"text": ""}, ("text", "TEXT_REQUIRED")),
        ({"text": " \n "}, ("text", "TEXT_REQUIRED")),
        ({"text": "축하 🎉"}, ("text", "UNSUPPORTED_CHARACTERS")),
        ({"text": "벨\x07"}, ("text", "UNSUPPORTED_CHARACTERS")),
        ({"text": "가" * 1001}, ("text", "BODY_TOO_LONG")),
        ({"text": "a" * 1999 + "\n"}, ("text", "BODY_TOO_LONG")),
        ({"text": "(광고) 원두 20% 할인"}, ("text", "AD_NEEDS_CAMPAIGN")),
        ({"text": " \n(광고)[봄날커피] 할인"}, ("text", "AD_NEEDS_CAMPAIGN")),
        ({"text": "（ 광 고 ）원두"}, ("text", "AD_NEEDS_CAMPAIGN")),
        ({"text": "[광고] 원두"}, ("text", "AD_NEEDS_CAMPAIGN")),
        ({"reference": "x" * 101}, ("client_reference", "CLIENT_REFERENCE_TOO_LONG")),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_field(changes: dict[str, str], expected: tuple[str, str]) -> None:
    assert refused(**changes) == expected


def test_a_refusal_never_repeats_the_number() -> None:
    for to in ("02-123-4567", "010-12", "0" * 41):
        with pytest.raises(InvalidInput) as raised:
            direct.check(to, "가", "")
        assert to not in raised.value.message and not raised.value.facts


def test_an_unsupported_character_is_named_with_what_to_write_instead() -> None:
    with pytest.raises(InvalidInput, match="U\\+1F389"):
        direct.check("01012345678", "축하 🎉", "")


@pytest.mark.parametrize(
    ("text", "size", "channel"),
    [
        ("a" * 90, 90, Channel.SMS),
        ("가" * 45, 90, Channel.SMS),
        ("가" * 45 + "a", 91, Channel.LMS),
        ("가" * 44 + "\n", 90, Channel.SMS),
        ("가" * 44 + "\r\n", 90, Channel.SMS),
        ("가" * 44 + "a\n", 91, Channel.LMS),
        ("가" * 1000, 2000, Channel.LMS),
        ("\u1100\u1161" * 45, 90, Channel.SMS),  # decomposed, as a Mac writes it
    ],
)
def test_the_channel_follows_from_the_bytes(text: str, size: int, channel: Channel) -> None:
    found = direct.check("01012345678", text, "A-1")
    assert (found.size, found.channel, found.reference) == (size, channel, "A-1")


def test_nothing_in_a_text_is_replaced() -> None:
    text = "번호 #{이름} 사용, 안내(광고)는 없습니다. 무료거부는 아래\n끝"
    assert direct.check("01012345678", text, "").text == text


def test_number_and_text_stay_out_of_what_is_printed() -> None:
    shown = repr(direct.check("01012345678", "비밀번호 0000", "A-1"))
    assert "01012345678" not in shown and "비밀번호" not in shown and "A-1" in shown


def test_only_information_is_sent() -> None:
    direct.check_purpose("INFO")
    for purpose in ("AD", ""):
        with pytest.raises(InvalidInput, match="캠페인") as raised:
            direct.check_purpose(purpose)
        assert (raised.value.reason, raised.value.violations[0].field) == ("AD_NEEDS_CAMPAIGN", "purpose")


@pytest.mark.parametrize(
    ("subject", "reason"),
    [("가" * 21, "SUBJECT_TOO_LONG"), ("🎉", "UNSUPPORTED_CHARACTERS"), ("(광고) 할인", "AD_NEEDS_CAMPAIGN")],
)
def test_a_title_is_checked_to_the_byte(subject: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        direct.check_subject(subject)
    assert (raised.value.reason, raised.value.violations[0].field) == (reason, "subject")


def test_a_title_that_fits_leaves_without_blanks_around_it() -> None:
    assert direct.check_subject(f" {'가' * 20} ") == "가" * 20
    assert direct.check_subject("") == ""


@pytest.mark.parametrize(
    ("schedule", "expire", "expected"),
    [
        (None, None, (NOW, NOW + DAY)),
        (NOW - HOUR, None, (NOW, NOW + DAY)),
        (NOW + HOUR, None, (NOW + HOUR, NOW + HOUR + DAY)),
        (None, NOW + HOUR, (NOW, NOW + HOUR)),
        (NOW + HOUR, NOW + 2 * HOUR, (NOW + HOUR, NOW + 2 * HOUR)),
        (NOW + 30 * DAY, None, (NOW + 30 * DAY, NOW + 31 * DAY)),
    ],
)
def test_it_waits_a_day_at_most_unless_told_otherwise(
    schedule: datetime | None, expire: datetime | None, expected: tuple[datetime, datetime]
) -> None:
    assert direct.window(NOW, schedule, expire) == expected


@pytest.mark.parametrize(
    ("schedule", "expire", "field", "reason"),
    [
        (None, NOW, "expire_time", "EXPIRE_TIME_PAST"),
        (NOW + HOUR, NOW + HOUR, "schedule_time", "SCHEDULE_TIME_INVALID"),
        (NOW + 2 * HOUR, NOW + HOUR, "schedule_time", "SCHEDULE_TIME_INVALID"),
        (NOW + 31 * DAY, None, "schedule_time", "SCHEDULE_TIME_INVALID"),
        (None, NOW + 31 * DAY, "expire_time", "OUT_OF_RANGE"),
    ],
)
def test_times_that_make_no_sense_are_refused(
    schedule: datetime | None, expire: datetime | None, field: str, reason: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        direct.window(NOW, schedule, expire)
    assert (raised.value.violations[0].field, raised.value.reason) == (field, reason)

"""A row of a merchant's file becomes a customer, or says why not."""

import unicodedata
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import cells
from core.rules.attributes import Kind
from core.rules.columns import attribute_columns
from core.rules.customers import Customer, RowError, Terms, check, forbidden_columns, guess_mapping

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
HEADERS = ("이름", "휴대폰", "광고수신동의", "동의일시", "동의경로", "야간수신동의", "태그", "등급", "메모")
GOOD = ("김하나", "010-0123-4567", "Y", "2026-03-02 14:00", "매장 신청서", "N", "단골, 원두", "골드", "")


def read(changed: dict[str, str], headers: tuple[str, ...] = HEADERS) -> Customer | tuple[RowError, ...]:
    """The good row with some columns changed."""
    row = dict(zip(HEADERS, GOOD, strict=True)) | changed
    return check(tuple(row.values()), guess_mapping(headers), headers, sheet="고객", number=7, terms=Terms(NOW))


def customer(**changed: str) -> Customer:
    found = read(changed)
    assert isinstance(found, Customer), found
    return found


def error(**changed: str) -> RowError:
    found = read(changed)
    assert isinstance(found, tuple), found
    (only,) = found
    return only


def test_a_good_row_is_a_customer_with_proven_consent() -> None:
    assert customer() == Customer(
        phone="01001234567",
        name="김하나",
        consent=True,
        consent_at=datetime(2026, 3, 2, 5, 0, tzinfo=UTC),
        consent_source="매장 신청서",
        night_consent=False,
        tags=("단골", "원두"),
        attributes={"등급": "골드"},
    )
    assert customer().consent_proven


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("휴대폰", "phone"), ("핸드폰 번호", "phone"), ("휴대전화번호(필수)", "phone"), ("연락처", "phone"), ("HP", "phone"),
        ("전화번호", "phone"), ("Mobile No.", "phone"), ("Phone Number", "phone"), ("ＨＰ", "phone"), ("*수신번호", "phone"),
        ("이름", "name"), ("성 명", "name"), ("고객명", "name"), ("회원이름", "name"), ("Name", "name"),
        ("광고수신동의", "consent"), ("SMS 수신동의 여부", "consent"), ("문자수신여부", "consent"), ("마케팅 동의", "consent"),
        ("광고성 정보 수신동의(Y/N)", "consent"), ("동의일시", "consent_at"),
        ("수신동의일자", "consent_at"), ("동의 날짜", "consent_at"),
        ("동의경로", "consent_source"), ("수신동의 방법", "consent_source"), ("야간수신동의", "night_consent"),
        ("야간 광고 수신동의 여부", "night_consent"), ("수신거부", "refused"),
        ("문자 수신거부 여부", "refused"), ("태그", "tags"),
        ("고객그룹", "tags"),
    ],
)  # fmt: skip
def test_the_words_people_write_above_a_column_are_known(header: str, field: str) -> None:
    assert guess_mapping((header,)) == {field: 0}


@pytest.mark.parametrize(
    "header",
    ["이메일 수신동의", "앱푸시 수신동의", "카카오톡 수신동의", "개인정보 수집이용 동의", "메모", "주소", "", "   ", "생일"],
)
def test_consent_for_another_channel_is_no_consent_for_text_messages(header: str) -> None:
    """R-CON-1: a mapping by mistake would make advertising unlawful."""
    assert guess_mapping((header,)) == {}


def test_a_mobile_column_wins_over_a_land_line_column() -> None:
    assert guess_mapping(("전화번호", "휴대폰", "연락처"))["phone"] == 1


def test_a_column_serves_one_field() -> None:
    mapping = guess_mapping(("고객명", "고객명", "연락처", "연락처", "동의", "야간 수신동의"))
    assert mapping == {"name": 0, "phone": 2, "consent": 4, "night_consent": 5}


@pytest.mark.parametrize(
    "written",
    [
        "01001234567", "010 0123 4567", "010.0123.4567", "+82 10-0123-4567", "+821001234567",
        "1001234567", "1001234567.0",
        "０１０－０１２３－４５６７", "\u00a0010-0123-4567\u200b", "'01001234567", '="01001234567"',
        "1.001234567E+09", "(010)0123-4567",
    ],
)  # fmt: skip
def test_one_number_however_it_is_written(written: str) -> None:
    assert customer(휴대폰=written).phone == "01001234567"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "PHONE_EMPTY"), ("  ", "PHONE_EMPTY"), ("-", "PHONE_EMPTY"), ("02-312-0000", "PHONE_LANDLINE"),
        ("010-0123-456", "PHONE_INVALID"), ("없음", "PHONE_INVALID"),
        ("010-0123-4567 / 010-0123-4568", "PHONE_INVALID"),
        ("1.00123E+09", "PHONE_PRECISION_LOST"), ("1E+10", "PHONE_PRECISION_LOST"),
        ("8.21001E+11", "PHONE_PRECISION_LOST"),
        ("#N/A", "CELL_ERROR"), (cells.FORMULA_WITHOUT_VALUE, "CELL_ERROR"),
        ("010-\ufffd123-4567", "CELL_UNREADABLE"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_used_says_why(written: str, reason: str) -> None:
    found = error(휴대폰=written)
    assert (found.sheet, found.row, found.column, found.reason) == ("고객", 7, "휴대폰", reason)
    assert found.message.endswith(".")


@pytest.mark.parametrize(
    "word",
    ["Y", "y", "예", "네", "동의", "동의함", "O", "o", "ㅇ", "○", "1", "1.0", "true", "TRUE", "Ｙ", " 수신 동의 ", "✓", "V"],
)
def test_words_that_mean_yes(word: str) -> None:
    assert customer(광고수신동의=word).consent


@pytest.mark.parametrize(
    "word", ["N", "아니오", "아니요", "거부", "X", "×", "0", "0.0", "false", "미동의", "동의 안함", "", "-", "수신거부"]
)
def test_words_that_mean_no(word: str) -> None:
    found = customer(광고수신동의=word)
    assert not found.consent
    assert not found.consent_proven


@pytest.mark.parametrize("word", ["?", "Y/N", "확인중", "2", "2026-03-02", "동의?"])
def test_a_word_of_consent_that_can_mean_both_is_an_error(word: str) -> None:
    assert error(광고수신동의=word).reason == "CONSENT_UNREADABLE"
    assert error(야간수신동의=word).column == "야간수신동의"


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-03-02", "2026-03-01T15:00"), ("2026.3.2", "2026-03-01T15:00"), ("2026. 3. 2.", "2026-03-01T15:00"),
        ("2026/03/02 14:00", "2026-03-02T05:00"), ("20260302", "2026-03-01T15:00"),
        ("2026-03-02 14:00:30", "2026-03-02T05:00:30"),
        ("2026년 3월 2일", "2026-03-01T15:00"), ("2026-03-02 오후 2:05", "2026-03-02T05:05"),
        ("2026-03-02 오전 12:05", "2026-03-01T15:05"),
        ("2026년 3월 2일 14시 5분", "2026-03-02T05:05"), ("2026-03-02T14:00:00+09:00", "2026-03-02T05:00"),
        ("2026-03-02T05:00:00Z", "2026-03-02T05:00"), ("20260302140000", "2026-03-02T05:00"),
        ("46083", "2026-03-01T15:00"),
        ("46083.583333333336", "2026-03-02T05:00"), ("２０２６－０３－０２", "2026-03-01T15:00"),
        ("2026.3.2 (월) 2:05 PM", "2026-03-02T05:05"),
    ],
)  # fmt: skip
def test_many_ways_to_write_one_korean_instant(written: str, instant: str) -> None:
    assert customer(동의일시=written).consent_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "written", ["2026-13-45", "03/02/26", "26.3.2", "작년", "1", "2026-02-30", "2026-03-02 25:00", "9" * 40, "2026"]
)
def test_a_date_that_is_none_or_means_two_days_is_an_error(written: str) -> None:
    assert error(동의일시=written).reason == "CONSENT_DATE_UNREADABLE"


def test_consent_cannot_be_given_tomorrow() -> None:
    assert customer(동의일시="2026-11-23 12:00").consent_at == NOW
    assert error(동의일시="2026-11-23 12:01").reason == "CONSENT_DATE_FUTURE"


@pytest.mark.parametrize("missing", ["동의일시", "동의경로"])
def test_consent_without_its_proof_stays_but_is_not_proven(missing: str) -> None:
    """R-CON-5."""
    found = customer(**{missing: ""})
    assert found.consent
    assert not found.consent_proven


def test_a_refusal_in_the_file_beats_its_consent() -> None:
    """R-CON-4."""
    headers = (*HEADERS[:-1], "수신거부")
    found = read({"메모": "Y", "야간수신동의": "Y"}, headers)
    assert isinstance(found, Customer)
    assert (found.consent, found.night_consent) == (False, False)


def test_an_empty_name_is_fine_and_text_is_cleaned() -> None:
    assert customer(이름="").name == ""
    assert customer(이름=unicodedata.normalize("NFD", " 김\u200b하나\u00a0")).name == "김하나"
    assert customer(메모="두 줄\n메모").attributes["메모"] == "두 줄 메모"


def test_text_that_looks_like_a_formula_stays_text() -> None:
    assert customer(메모="=1+1").attributes["메모"] == "=1+1"
    assert customer(이름="@하나").name == "@하나"


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    found = read({"휴대폰": "02-312-0000", "광고수신동의": "?", "메모": "#REF!"})
    assert isinstance(found, tuple)
    assert {(wrong.column, wrong.reason) for wrong in found} == {
        ("휴대폰", "PHONE_LANDLINE"), ("광고수신동의", "CONSENT_UNREADABLE"), ("메모", "CELL_ERROR"),
    }  # fmt: skip


def test_errors_show_no_personal_data() -> None:
    assert error(휴대폰="010-0123-456").value == "**********56"
    assert error(광고수신동의="010-0123-4567").value == "010-****-4567"
    assert error(이름="김" * 59 + "하나").value == "김" + "*" * 20 + "나"
    assert error(광고수신동의="김하나?").value == "**나?"
    assert error(휴대폰="#N/A").value == "#N/A"
    assert (cells.masked_name("김하나"), cells.masked_name("김나"), cells.masked_name("김")) == ("김*나", "김*", "*")


def test_a_shifted_row_is_not_guessed_at() -> None:
    found = check((*GOOD, "넘침"), guess_mapping(HEADERS), HEADERS, sheet="고객", number=7, terms=Terms(NOW))
    assert isinstance(found, tuple)
    assert [wrong.reason for wrong in found] == ["COLUMN_COUNT"]
    blank = check((*GOOD, " ", ""), guess_mapping(HEADERS), HEADERS, sheet="고객", number=7, terms=Terms(NOW))
    assert isinstance(blank, Customer)


def test_columns_that_may_not_be_collected_are_left_out_and_named() -> None:
    """R-PII-2."""
    headers = ("휴대폰", "주민등록번호", "계좌번호", "등급")
    found = check(("01001234567", "900101-1", "1", "골드"), {"phone": 0}, headers, sheet="", number=2, terms=Terms(NOW))
    assert isinstance(found, Customer)
    assert found.attributes == {"등급": "골드"}
    assert forbidden_columns(headers) == ("주민등록번호", "계좌번호")


def test_attributes_are_few_short_and_lose_no_column() -> None:
    headers = ("휴대폰", "메모", "메모", "#{등급}", "가" * 40, "가" * 40, *(f"열{at}" for at in range(30)))
    names = [name for _, name in attribute_columns(headers, frozenset({0}))]
    assert names[:3] == ["메모", "메모 2", "등급"]
    assert len(names) == len(set(names)) == 20
    assert max(len(name) for name in names) == 30


KNOWN = uuid4()
PROOF = ("휴대폰", "동의", "동의일시", "동의경로", "동의문구", "동의증빙", "출생연도", "법정대리인 동의", "성인인증일")
FULL = ("01001234567", "Y", "2026-03-02", "매장", "v3", "신청서 17쪽", "2013", "통화 녹음 8", "2026-01-05")


def proven(**changed: str) -> Customer | tuple[RowError, ...]:
    row = dict(zip(PROOF, FULL, strict=True)) | changed
    terms = Terms(NOW, wordings={"v3": KNOWN})
    return check(tuple(row.values()), guess_mapping(PROOF), PROOF, sheet="고객", number=7, terms=terms)


def test_a_file_may_bring_the_proof_of_a_consent() -> None:
    """R-CON-5: wording and document; R-CON-6: year of birth and the guardian's consent; R-PRO-2: who is of age."""
    found = proven()
    assert isinstance(found, Customer)
    assert (found.wording_id, found.consent_proof) == (KNOWN, "신청서 17쪽")
    assert (found.birth_year, found.guardian_proof) == (2013, "통화 녹음 8")
    assert found.adult_at == datetime(2026, 1, 4, 15, tzinfo=UTC)
    assert found.attributes == {"출생연도": "2013"}
    blank = proven(동의문구="", 동의증빙="-", 출생연도="", 성인인증일="")
    assert isinstance(blank, Customer)
    assert (blank.wording_id, blank.consent_proof, blank.birth_year, blank.adult_at) == (None, "", None, None)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("동의문구", "v4", "WORDING_UNKNOWN"),
        ("출생연도", "용띠", "BIRTH_YEAR_UNREADABLE"),
        ("출생연도", "2027", "BIRTH_YEAR_UNREADABLE"),
        ("성인인증일", "2027-01-01", "ADULT_DATE_UNREADABLE"),
        ("동의증빙", "가" * 201, "TOO_LONG"),
    ],
)
def test_a_proof_that_cannot_be_read_keeps_the_row_outside(column: str, value: str, reason: str) -> None:
    """R-CON-5, R-CON-6."""
    found = proven(**{column: value})
    assert isinstance(found, tuple)
    assert [(wrong.column, wrong.reason) for wrong in found] == [(column, reason)]


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("1990", 1990), ("1990년", 1990), ("1990.0", 1990), ("90년생", 1990), ("1990-03-02", 1990), ("19900302", 1990),
        ("1990. 3. 2.", 1990), ("900302", 1990), ("050302", 2005), ("260101", 2026), ("271231", 1927),
        ("1990-03-02 00:00:00", 1990), ("1880", None), ("2027", None), ("03-02", None), ("33000", None), ("몰라", None),
    ],
)  # fmt: skip
def test_the_year_of_birth_however_it_is_written(written: str, year: int | None) -> None:
    assert cells.birth_year(written, NOW) == year


def test_a_refusal_goes_with_the_customer() -> None:
    """R-OPT-2: it is a no, whatever stands in the column of consent."""
    headers = ("휴대폰", "광고수신동의", "수신거부")
    found = check(("01001234567", "Y", "Y"), guess_mapping(headers), headers, sheet="", number=2, terms=Terms(NOW))
    assert isinstance(found, Customer)
    assert (found.refused, found.consent) == (True, False)


def test_attributes_with_a_type_are_read_as_that_or_stay_outside() -> None:
    terms = Terms(NOW, kinds={"등급": Kind.NUMBER})
    good = dict(zip(HEADERS, GOOD, strict=True))
    for written, expected in (("12,000원", "12,000"), ("3", "3"), ("골드", None)):
        row = tuple((good | {"등급": written}).values())
        found = check(row, guess_mapping(HEADERS), HEADERS, sheet="고객", number=7, terms=terms)
        if expected is None:
            assert isinstance(found, tuple)
            assert (found[0].reason, found[0].message) == ("ATTRIBUTE_UNREADABLE", "‘등급’에는 숫자 값만 들어갈 수 있습니다.")
        else:
            assert isinstance(found, Customer)
            assert found.attributes == {"등급": expected}


def test_too_many_tags_and_too_long_values_are_errors() -> None:
    assert error(태그=",".join(f"태그{at}" for at in range(21))).reason == "TOO_MANY_TAGS"
    assert error(태그="가" * 31).reason == "TOO_LONG"
    assert error(메모="가" * 201).reason == "TOO_LONG"
    assert customer(태그="#단골; vip|단골,,").tags == ("단골", "vip")


cell = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["010-0123-4567", "Y", "N", "2026-03-02", "46083", "#N/A", "1.2E+09", "", "예", "02-312-0000"]),
    st.from_regex(r"[0-9０-９+().\- ]{0,16}", fullmatch=True),
    st.from_regex(r"[0-9]{1,4}[-./년][0-9]{1,3}[-./월][0-9]{1,3}( [0-9:오전후APM]{0,9})?", fullmatch=True),
    st.floats(allow_nan=False).map(repr),
)


@given(st.lists(cell, max_size=12), st.permutations(HEADERS))
def test_any_row_ends_as_a_sound_customer_or_as_masked_errors(row: list[str], headers: list[str]) -> None:
    found = check(row, guess_mapping(headers), headers, sheet="고객", number=3, terms=Terms(NOW))
    if isinstance(found, Customer):
        assert found.phone.isascii()
        assert found.phone.isdigit()
        assert found.phone.startswith("01")
        assert found.consent_at is None or found.consent_at <= NOW
        texts = [found.name, found.consent_source, *found.tags, *found.attributes.values()]
        assert all(text == cells.clean(text) and "\ufffd" not in text for text in texts)
        assert not found.consent_proven or (found.consent and found.consent_at and found.consent_source)
    else:
        assert found
        assert all(wrong.reason and wrong.message and wrong.row == 3 for wrong in found)
        assert not any(len(wrong.value) > 5 and "*" not in wrong.value and wrong.value not in cells.ERRORS for wrong in found)


@given(
    st.integers(0, 9_999_999),
    st.sampled_from(["{a}-{b}-{c}", "+82 10 {b} {c}", "{a}{b}{c}", "10{b}{c}", "{a}.{b}.{c}", '="{a}{b}{c}"']),
)
def test_every_synthetic_number_survives_every_way_of_writing(number: int, form: str) -> None:
    digits = f"0100{number:07d}"
    assert customer(휴대폰=form.format(a="010", b=digits[3:7], c=digits[7:])).phone == digits


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 1)),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y/%m/%d %H:%M:%S"]),
)
def test_every_instant_is_read_back(moment: datetime, form: str) -> None:
    expected = moment.replace(microsecond=0, tzinfo=cells._KST)
    assert cells.instant(moment.strftime(form)) == expected


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert cells.clean(cells.clean(text)) == cells.clean(text)

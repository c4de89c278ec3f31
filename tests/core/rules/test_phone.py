"""Phone numbers as they stand in real customer files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.phone import BadPhone, format, mask, normalise, normalise_sender

mobiles = st.from_regex(r"010[0-9]{8}|01[16789][0-9]{7,8}", fullmatch=True).filter(str.isascii)


def reason(raw: str) -> str:
    with pytest.raises(BadPhone) as caught:
        normalise(raw)
    return caught.value.reason


@pytest.mark.parametrize(
    "raw",
    [
        "01011112222",
        "010-1111-2222",
        "010 1111 2222",
        "010.1111.2222",
        "(010) 1111-2222",
        " 010-1111-2222\n",
        "010–1111—2222",
        "010\u00a01111\u20112222",
        "\u202d01011112222\u202c",
        "'01011112222",
        "’010-1111-2222",
        "０１０－１１１１－２２２２",
        "+82 10-1111-2222",
        "+82-010-1111-2222",
        "+82(0)10-1111-2222",
        "＋８２ 10 1111 2222",
        "821011112222",
        "8201011112222",
        "0082-10-1111-2222",
        "1011112222",
        "10-1111-2222",
        "1011112222.0",
    ],
)
def test_one_number_in_many_spellings(raw: str) -> None:
    assert normalise(raw) == "01011112222"


@pytest.mark.parametrize(
    ("raw", "digits"),
    [
        ("011-123-4567", "0111234567"),
        ("016-1234-5678", "01612345678"),
        ("111234567", "0111234567"),
        ("+82 19 123 4567", "0191234567"),
        ("1012345678.0", "01012345678"),
        ("1012345670.0", "01012345670"),
        ("010-8210-8282", "01082108282"),
    ],
)
def test_old_prefixes_and_numbers_from_number_cells(raw: str, digits: str) -> None:
    assert normalise(raw) == digits


@pytest.mark.parametrize("raw", ["", "   ", "-", "'", " - - ", "\u200b", "()"])
def test_nothing_is_empty(raw: str) -> None:
    assert reason(raw) == "PHONE_EMPTY"


@pytest.mark.parametrize(
    "raw",
    [
        "02-123-4567",
        "0212345678",
        "031-1234-5678",
        "+82 2 1234 5678",
        "070-1234-5678",
        "1588-1234",
        "16441234",
        "1800-1234",
        "0501-2345-6789",
        "050512345678",
        "080-123-4567",
        "030-1234-5678",
    ],
)
def test_what_is_not_a_mobile_gets_no_marketing(raw: str) -> None:
    assert reason(raw) == "PHONE_LANDLINE"


@pytest.mark.parametrize(
    "raw",
    [
        "없음",
        "홍길동",
        "010-1111-222",
        "010-1111-22223",
        "010-111-2222",
        "012-1234-5678",
        "013-1234-5678",
        "010-1111-2222 / 010-3333-4444",
        "010-1111-2222,",
        "1.01E+09",
        "1.012345678E+09",
        "+1 212 555 0123",
        "+81 90 1234 5678",
        "١٢٣٤٥٦٧٨٩",
        "010-1111-222O",
        "#REF!",
        "0",
        "0.0",
        "82",
        "+82",
    ],
)
def test_everything_else_is_invalid(raw: str) -> None:
    assert reason(raw) == "PHONE_INVALID"


@pytest.mark.parametrize("raw", ["010-1111-222", "02-1234-5678", "홍길동", "0215881234"])
def test_the_number_is_never_in_the_message(raw: str) -> None:
    for refuse in (normalise, normalise_sender):
        try:
            refuse(raw)
        except BadPhone as problem:
            assert raw not in str(problem) + repr(problem.facts)
            assert "".join(filter(str.isdigit, raw)) not in str(problem) or not any(map(str.isdigit, raw))


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("01011112222", "010-****-2222"),
        ("0111234567", "011-***-4567"),
        ("010-1111-2222", "010-****-2222"),
        ("+82 10-1111-2222", "010-****-2222"),
        ("02-1234-5678", "02-****-**78"),
        ("010-1111-222", "01*-****-*22"),
        ("12345678", "********"),
        ("홍길동", "***"),
        ("", ""),
    ],
)
def test_a_masked_number_can_be_recognised_but_not_called(number: str, masked: str) -> None:
    assert mask(number) == masked


@pytest.mark.parametrize(
    ("digits", "shown"),
    [
        ("01011112222", "010-1111-2222"),
        ("0111234567", "011-123-4567"),
        ("0212345678", "02-1234-5678"),
        ("021234567", "02-123-4567"),
        ("0311234567", "031-123-4567"),
        ("0801234567", "080-123-4567"),
        ("07012345678", "070-1234-5678"),
        ("050512345678", "0505-1234-5678"),
        ("15881234", "1588-1234"),
        ("없음", "없음"),
    ],
)
def test_screens_show_numbers_as_koreans_write_them(digits: str, shown: str) -> None:
    assert format(digits) == shown


@pytest.mark.parametrize(
    ("raw", "digits"),
    [
        ("02-1234-5678", "0212345678"),
        ("02-345-6789", "023456789"),
        ("031-345-6789", "0313456789"),
        ("064-1234-5678", "06412345678"),
        ("1588-1234", "15881234"),
        ("1670-1234", "16701234"),
        ("1800-1234", "18001234"),
        ("010-1111-2222", "01011112222"),
        ("+82 2-1234-5678", "0212345678"),
        ("070-1234-5678", "07012345678"),
        ("030-1234-5678", "03012345678"),
        ("030-1234-56789", "030123456789"),
    ],
)
def test_numbers_that_may_be_registered_as_sender(raw: str, digits: str) -> None:
    assert normalise_sender(raw) == digits


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("0215881234", "지역번호 없이"),
        ("031-1644-1234", "지역번호 없이"),
        ("05012345678", "050"),
        ("0505-123-4567", "050"),
        ("112", "발신번호"),
        ("1234-5678", "발신번호"),
        ("158812345", "발신번호"),
        ("011-123-4567", "발신번호"),
        ("070-123-4567", "발신번호"),
        ("080-123-4567", "발신번호"),
        ("010-1111-222", "발신번호"),
        ("02-0123-4567", "발신번호"),
        ("+1 212 555 0123", "발신번호"),
        ("", "발신번호"),
    ],
)
def test_numbers_that_may_not(raw: str, words: str) -> None:
    with pytest.raises(BadPhone) as caught:
        normalise_sender(raw)
    assert caught.value.reason == "SENDER_NUMBER_INVALID"
    assert words in caught.value.message


@given(mobiles)
def test_normalising_twice_changes_nothing(digits: str) -> None:
    assert normalise(digits) == normalise(normalise(digits)) == digits


@given(mobiles, st.sampled_from(["{}", "+82 {}", "82{}", "'{}", " {} "]), st.sampled_from(["", "-", " ", ".", "–"]))
def test_every_spelling_comes_back_to_the_digits(digits: str, frame: str, separator: str) -> None:
    spelled = frame.format(separator.join([digits[:3], digits[3:-4], digits[-4:]]))
    assert normalise(spelled) == digits


@given(mobiles)
def test_a_spreadsheet_that_dropped_the_zero(digits: str) -> None:
    assert normalise(str(int(digits))) == normalise(str(float(digits))) == digits


@given(mobiles)
def test_format_is_read_back(digits: str) -> None:
    assert normalise(format(digits)) == digits


@given(st.text())
def test_any_cell_is_a_mobile_number_or_refused(raw: str) -> None:
    try:
        digits = normalise(raw)
    except BadPhone as problem:
        assert problem.reason in {"PHONE_EMPTY", "PHONE_INVALID", "PHONE_LANDLINE"}
    else:
        assert digits.isascii() and digits.isdigit() and digits.startswith("01")


@given(st.text(alphabet="0123456789-+ ()가", max_size=30))
def test_a_mask_shows_at_most_seven_digits_and_no_letter(raw: str) -> None:
    masked = mask(raw)
    assert sum(map(str.isdigit, masked)) <= 7
    assert "가" not in masked

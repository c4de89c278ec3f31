"""The furniture the law wants: added once, exactly, and never in disguise."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules.channel import Channel
from core.rules.label import check, check_furnished, check_optout_number, furnish, furnish_subject, furniture_bytes
from core.rules.text import byte_length, channel_for

SHOP, OPTOUT = "봄날커피", "0801234567"
FURNISHED = "(광고)[봄날커피] 원두 20%할인\n무료거부0801234567"


def reason(body: str, subject: str = "") -> str:
    with pytest.raises(InvalidInput) as caught:
        check(body, subject)
    assert caught.value.violations[0].reason == caught.value.reason
    return caught.value.reason


def furnished(body: str) -> str:
    return furnish(body, shop=SHOP, optout_number=OPTOUT)


def test_the_label_comes_first_and_the_optout_last() -> None:
    assert furnished("원두 20%할인") == FURNISHED


def test_furnishing_twice_changes_nothing() -> None:
    assert furnished(FURNISHED) == FURNISHED


@pytest.mark.parametrize(
    "own",
    [
        "(광고) 원두 20%할인",
        "(광고)원두 20%할인",
        "(광고)[봄날커피]원두 20%할인",
        "(광고) [봄날커피] 원두 20%할인",
        "원두 20%할인\n무료거부0801234567",
        "원두 20%할인\n무료수신거부 080-123-4567",
        "원두 20%할인\n[무료 수신거부]0801234567\n",
        "원두 20%할인 무료 거부: 080 123 4567",
        "(광고)[봄날커피] 원두 20%할인\n\n무료거부 0801234567",
    ],
)
def test_a_merchants_own_furniture_is_not_doubled(own: str) -> None:
    check(own)
    assert furnished(own) == FURNISHED


def test_somebody_elses_optout_number_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        furnished("원두 20%할인\n무료거부0809999999")
    assert caught.value.reason == "OPTOUT_NUMBER_DIFFERENT"


def test_variables_in_the_body_stay() -> None:
    assert furnished("#{이름|고객}님, 원두") == "(광고)[봄날커피] #{이름|고객}님, 원두\n무료거부0801234567"


def test_the_optout_number_may_be_written_with_dashes() -> None:
    assert furnish("원두 20%할인", shop=SHOP, optout_number="080-123-4567") == FURNISHED


def test_a_shop_name_cannot_smuggle_in_lines_or_variables() -> None:
    assert furnish("가", shop=" 봄날\n#{커피} ", optout_number=OPTOUT).startswith("(광고)[봄날 # {커피}] 가\n")


def test_without_a_shop_name_nothing_is_labelled() -> None:
    with pytest.raises(InvalidInput) as caught:
        furnish("원두", shop=" \u200b", optout_number=OPTOUT)
    assert caught.value.reason == "SENDER_NAME_MISSING"


def test_the_furniture_has_its_price_in_bytes() -> None:
    assert furniture_bytes(SHOP, OPTOUT) == 17 + 20
    body = "가" * 26 + "a"
    assert byte_length(furnished(body)) == 37 + 53 == 90
    assert channel_for(furnished(body)) is Channel.SMS
    assert channel_for(furnished(body + "a")) is Channel.LMS


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("11월 원두전", "(광고) 11월 원두전"),
        ("(광고) 11월 원두전", "(광고) 11월 원두전"),
        ("(광고)11월 원두전", "(광고) 11월 원두전"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_a_subject_is_labelled_once(subject: str, shown: str) -> None:
    assert furnish_subject(subject) == shown


@pytest.mark.parametrize(
    "disguise",
    [
        "(광 고)",
        "(광/고)",
        "(광.고)",
        '("광고")',
        "[광고]",
        "{광고}",
        "<광고>",
        "【광고】",
        "（광고）",
        "（광고)",
        "(광고]",
        "( 광고 )",
        "(대출광고)",
        "(광\u200b고)",
        "(\u200b광고)",
        "(광\u00ad고)",
        "(광a고)",
        "(광고.)",
        " (광고)",
        "\n(광고)",
        "\u200b(광고)",
        "\u3000(광고)",
        unicodedata.normalize("NFD", "(광고)"),
    ],
)
def test_a_disguised_label_is_refused_in_body_and_subject(disguise: str) -> None:
    assert reason(f"{disguise} 원두 20%할인") == "LABEL_VARIANT"
    assert reason("원두 20%할인", f"{disguise} 원두전") == "LABEL_VARIANT"


@pytest.mark.parametrize("disguise", ["[광고]", "(광 고)", "（광고）"])
def test_a_disguise_further_back_is_refused_as_well(disguise: str) -> None:
    assert reason(f"(광고) 원두 {disguise} 할인") == "LABEL_VARIANT"


@pytest.mark.parametrize("body", ["김하나님 (광고) 원두", "(광고)(광고) 원두", "(광고)[봄날커피] 원두 (광고)", "★(광고) 원두"])
def test_a_label_stands_first_and_once(body: str) -> None:
    assert reason(body) == "LABEL_NOT_FIRST"


@pytest.mark.parametrize(
    "body",
    [
        "원두 20%할인",
        "광고 대행 문의 환영",
        "(광고문의는 매장으로)",
        "(광주 고등학교 앞)",
        "[광주점] 고객님께",
        "(광명고) 앞 매장",
        FURNISHED,
    ],
)
def test_honest_text_passes(body: str) -> None:
    check(body, "11월 원두전")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("원두\n무료거부 0801234567\n지금 주문하세요", "OPTOUT_NOT_LAST"),
        ("원두\n무료거부0801234567\n무료거부0801234567", "OPTOUT_NOT_LAST"),
        ("원두 [무료 수신거부]0801234567 주문", "OPTOUT_NOT_LAST"),
        ("원두\n수신거부 02-123-4567", "OPTOUT_NOT_FREE"),
        ("원두\n수신거부: 1588-1234", "OPTOUT_NOT_FREE"),
        ("원두\n무료거부 02-123-4567", "OPTOUT_NOT_FREE"),
        ("원두\n수신거부 0801234567", "OPTOUT_NOT_FREE"),
        ("원두 수신 거부 (02)123-4567\n무료거부0801234567", "OPTOUT_NOT_FREE"),
        ("", "TEXT_REQUIRED"),
        (" \n", "TEXT_REQUIRED"),
    ],
)
def test_a_wrong_optout_line_is_refused(body: str, why: str) -> None:
    assert reason(body) == why


def test_a_subject_has_forty_bytes_with_its_label() -> None:
    check("원두", "가" * 16 + "a")
    assert reason("원두", "가" * 17) == "SUBJECT_TOO_LONG"
    check("원두", "(광고) " + "가" * 16)


def test_refusals_name_the_field() -> None:
    with pytest.raises(InvalidInput) as caught:
        check("원두", "[광고] 원두전")
    assert [(one.field, one.reason) for one in caught.value.violations] == [("subject", "LABEL_VARIANT")]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (FURNISHED.removeprefix("(광고)"), "LABEL_MISSING"),
        ("[봄날커피] (광고) 원두\n무료거부0801234567", "LABEL_MISSING"),
        ("(광고) 오늘만 반값!\n무료거부0801234567", "SENDER_NAME_MISSING"),
        ("(광고)[가을상점] 원두\n무료거부0801234567", "SENDER_NAME_MISSING"),
        ("(광고)[봄날커피] 원두", "OPTOUT_MISSING"),
        ("(광고)[봄날커피] 원두\n무료거부0809999999", "OPTOUT_MISSING"),
        (FURNISHED + "\n지금 주문", "OPTOUT_MISSING"),
        ("(광고)[봄날커피] (광고) 원두\n무료거부0801234567", "LABEL_NOT_FIRST"),
    ],
)
def test_the_last_look_finds_what_is_missing(body: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_furnished(body, shop=SHOP, optout_number=OPTOUT)
    assert caught.value.reason == why


def test_the_last_look_passes_what_furnish_made() -> None:
    check_furnished(FURNISHED, shop=SHOP, optout_number=OPTOUT)


@pytest.mark.parametrize(("number", "digits"), [("0801234567", "0801234567"), ("080-1234-5678", "08012345678")])
def test_an_optout_number(number: str, digits: str) -> None:
    assert check_optout_number(number) == digits


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("", "NO_OPTOUT_NUMBER"),
        (" - ", "NO_OPTOUT_NUMBER"),
        ("021234567", "OPTOUT_NUMBER_INVALID"),
        ("080123456", "OPTOUT_NUMBER_INVALID"),
        ("080123456789", "OPTOUT_NUMBER_INVALID"),
        ("08012345６7", "OPTOUT_NUMBER_INVALID"),
        ("0801234567\n", "OPTOUT_NUMBER_INVALID"),
    ],
)
def test_not_an_optout_number(number: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_optout_number(number)
    assert caught.value.reason == why


bodies = st.text(alphabet="가나다 \n(광고)[봄날커피]무료거부0801234567\r", max_size=60) | st.text(max_size=60)


@given(bodies)
def test_furnishing_is_idempotent(body: str) -> None:
    try:
        once = furnished(body)
    except InvalidInput as problem:
        assert problem.reason == "OPTOUT_NUMBER_DIFFERENT"
        return
    assert once.startswith("(광고)[봄날커피] ")
    assert once.endswith("\n무료거부0801234567")
    assert furnished(once) == once


@given(bodies)
def test_text_that_passed_the_check_leaves_lawfully(body: str) -> None:
    try:
        check(body)
        once = furnished(body)
    except InvalidInput:
        return
    check_furnished(once, shop=SHOP, optout_number=OPTOUT)
    assert once.count("(광고)") == 1


def test_the_subject_is_labelled_once() -> None:
    """R-LBL-5, R-LBL-10: whoever wrote the label."""
    assert furnish_subject("11월 원두전") == "(광고) 11월 원두전" == furnish_subject("(광고) 11월 원두전")


def test_label_and_optout_line_stand_once() -> None:
    """R-LBL-8: however often a text is furnished."""
    twice = furnished(furnished("원두 20%할인"))
    assert (twice.count("(광고)"), twice.count("무료거부")) == (1, 1)

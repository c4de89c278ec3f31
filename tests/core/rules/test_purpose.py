"""Advertising or information: the linter raises, and never lowers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules import purpose
from core.rules.letter import Letter

ORDER = "[봄날커피] 주문하신 원두가 발송되었습니다. 송장 1234"
TRIGGERS = (
    "할인",
    "특가",
    "세일",
    "쿠폰",
    "이벤트",
    "혜택",
    "1+1",
    "증정",
    "신상",
    "재입고",
    "사은품",
    "20%",
    "적립금 지급",
    "최저가",
)


@pytest.mark.parametrize("mark", TRIGGERS)
def test_one_element_of_advertising_makes_all_of_it_advertising(mark: str) -> None:
    """R-PUR-2: whatever else the text says."""
    assert purpose.marks(ORDER) == ()
    assert purpose.marks(f"{ORDER} 다음 구매 때 {mark} 드려요") == (mark,)
    assert [one.reason for one in purpose.problems([ORDER, f"{mark} 안내"])] == ["PURPOSE_LINT"]


@pytest.mark.parametrize(
    "text", ["할.인", "할·인", "쿠\u200b폰", "할 인", "２０％", "１＋１", "이\u00ad벤트", "특/가", "20 퍼센트", "2 + 1"]
)
def test_a_disguise_does_not_help(text: str) -> None:
    """R-PUR-2"""
    assert purpose.marks(f"{ORDER} 오늘 {text} 소식")


@pytest.mark.parametrize(
    "text",
    [
        "예약할 인원을 알려 주세요",
        "상품 50,000원, 쿠폰 할인 -5,000원, 결제 45,000원",
        "총 할인 금액 3,000원이 반영되었습니다",
        "쿠폰 사용 2,000원",
        "부가세 10% 포함 금액입니다",
        "취소 수수료 10%를 뺀 금액을 환불했습니다",
        "문의 +82-10-1234-5678",
        "신상정보가 변경되었습니다",
        "1+100호 문 앞에 두었습니다",
    ],
)
def test_facts_of_a_deal_are_no_advertising(text: str) -> None:
    """R-PUR-5: information stays information."""
    assert purpose.marks(text) == ()


@pytest.mark.parametrize(
    ("text", "ad"),
    [
        ("고객님이 구매로 적립한 포인트 300점이 12월 31일에 사라집니다.", False),
        ("드린 쿠폰이 12월 31일에 만료됩니다.", True),
        ("구매하신 원두에 만족하셨나요? 설문에 답하시면 우리 가게 쿠폰을 드립니다.", True),
        ("새로 나올 원두의 선호도 조사에 참여해 주세요.", True),
        ("신제품 드립백을 소개합니다.", True),
        ("새해 복 많이 받으세요. 봄날커피", True),
        ("풍성한 한가위 보내세요", True),
        ("추석 연휴 영업 안내: 10월 5일은 쉽니다.", True),
        ("생일을 축하드립니다. 봄날커피", True),
        ("기다리시던 원두가 재입고되었습니다.", True),
        ("가입해 주셔서 고맙습니다. 주문은 이렇게 하시면 됩니다.", False),
    ],
)
def test_grey_cases(text: str, ad: bool) -> None:
    """R-PUR-4: what is information after all (asked for, a survey with a foreign reward) is said by two people."""
    assert bool(purpose.marks(text)) is ad
    assert list(purpose.problems([text], overruled=True)) == []


def test_information_has_one_of_six_reasons() -> None:
    """R-PUR-3"""
    assert {one.value for one in purpose.InfoReason} == {"TRANSACTION", "SAFETY", "REPLY", "PAID", "STATUS", "STATUTORY"}


def test_the_sentence_names_what_was_found_once() -> None:
    """R-PUR-2"""
    (found,) = purpose.problems(["할인 쿠폰", "할인"])
    assert found.message.count("할인") == 1 and "쿠폰" in found.message


def test_a_shop_may_be_called_as_it_likes() -> None:
    """R-PUR-2: its name in brackets is no advertising, anything else of it is."""
    assert purpose.marks("[세일마트] 주문이 접수되었습니다", shop="세일마트") == ()
    assert purpose.marks("[세일마트] 세일마트 세일", shop="세일마트") == ("세일",)
    assert purpose.marks("[세일마트] 주문이 접수되었습니다", shop="봄날커피") == ("세일",)


@given(st.text(max_size=80), st.sampled_from(TRIGGERS), st.text(max_size=80))
def test_nothing_around_it_hides_a_mark(before: str, mark: str, after: str) -> None:
    """R-PUR-2: text may be added, the purpose is never lowered."""
    if purpose.marks(before) or purpose.marks(after):
        assert purpose.marks(f"{before}\n{after}")
    assert purpose.marks(f"{before}\n{mark}\n{after}")


@pytest.mark.parametrize("value", ["오늘만 할인", "쿠폰", "50%", "1+1"])
def test_a_variable_carries_no_advertising_into_information(value: str) -> None:
    """R-PUR-2: the rendered text of every person is what counts."""
    informs = Letter("#{이름|고객}님, #{안내}", informs=True)
    with pytest.raises(InvalidInput) as caught:
        informs.text("하나", [value])
    assert caught.value.reason == "PURPOSE_LINT"
    assert Letter("#{이름|고객}님, #{안내}").text("하나", [value]) == f"하나님, {value}"
    assert informs.text("하나", ["A-20261123"]) == "하나님, A-20261123"

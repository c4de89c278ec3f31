"""What a campaign is about: kinds, adults, and what is never advertised."""

import pytest

from core.rules import goods, links
from core.rules.goods import Category, Item, of_items

BEANS, GRINDER = Item("케냐", "원두"), Item("핸드밀", "그라인더")


def test_the_kinds_of_a_flyer_are_those_of_its_products() -> None:
    """R-CON-3: and none when one of them has none, because nobody can say then what a buyer bought."""
    assert of_items([BEANS, GRINDER, BEANS]).kinds == ("그라인더", "원두")
    assert of_items([BEANS, Item("머그")]).kinds == ()
    assert of_items([]).kinds == ()


def test_one_product_for_adults_makes_it_for_adults() -> None:
    """R-PRO-2"""
    assert not of_items([BEANS]).adult
    assert of_items([BEANS, Item("와인", "술", Category.ADULT)]).adult


def test_forbidden_products_are_named() -> None:
    """R-PRO-1"""
    found = of_items([BEANS, Item("액상", "담배", Category.PROHIBITED), Item("전문약", "약", Category.PROHIBITED)])
    assert found.prohibited == ("액상", "전문약")
    (problem,) = goods.problems(found.prohibited)
    assert problem.reason == "PROHIBITED_GOODS" and "액상, 전문약" in problem.message
    assert list(goods.problems(())) == []


@pytest.mark.parametrize("text", ["전자 담배 입고", "당일 급전 상담", "명품 레플리카", "비아그라 정품", "온라인 카지노"])
def test_words_of_unlawful_goods_are_pointed_out(text: str) -> None:
    """R-PRO-1: as a warning, since a word proves nothing."""
    (warning,) = goods.warnings([text])
    assert warning.reason == "GOODS_SUSPECT"


def test_ordinary_goods_are_not_suspected() -> None:
    """R-PRO-1"""
    assert goods.suspects("원두 20% 할인", "대출 도서 반납 안내", "토마토 특가", "대마도 여행기") == ()


@pytest.mark.parametrize("text", ["지금 bit.ly/abc", "https://han.gl/XyZ 확인", "(me2.do/5)", "HTTP://WWW.TINYURL.COM/q"])
def test_a_link_of_a_public_shortener_hides_where_it_leads(text: str) -> None:
    """R-PRO-3"""
    (found,) = links.problems(text)
    assert found.reason == "LINK_SHORTENED"


@pytest.mark.parametrize(
    "text", ["bomnal.kr/e", "www.bomnal.co.kr", "문의 a@bit.ly", "12.5kg 3.5만", "notbit.ly/x", "bit.ly.bomnal.kr/"]
)
def test_the_merchants_own_address_is_seen(text: str) -> None:
    """R-PRO-3"""
    assert list(links.problems(text)) == []

"""What a template may not say although Kakao approved it."""

import pytest

from core.rules.alimtalk_policy import problems


@pytest.mark.parametrize(
    "content",
    [
        "주문하신 원두가 출발했습니다. 송장 #{송장}",
        "※ 고객님의 유료 구매로 지급된 포인트 안내입니다. #{포인트}점",
        "#{이름}님, 구매로 쌓인 봄날커피 적립금이 #{만료일}에 사라집니다.",
        "고객님이 신청하신 쿠폰이 발급되었습니다.",
        "상품을 구매하셔서 받은 교환권이 내일 만료됩니다.",
        "앱 이용 요금이 결제되었습니다.",
    ],
)
def test_what_was_bought_or_asked_for_may_be_told(content: str) -> None:
    """R-KKO-2: with the ground printed."""
    assert list(problems(content, ["주문 보기"])) == []


@pytest.mark.parametrize(
    ("content", "buttons"),
    [
        ("앱을 열고 쿠폰을 확인하세요", ()),
        ("포인트 1,000점이 지급되었습니다.", ()),
        ("적립금이 곧 소멸됩니다.", ()),
        ("쿠폰이 도착했습니다.", ()),
        ("주문이 접수되었습니다.", ("앱 설치하기",)),
        ("주문이 접수되었습니다. 앱에서 확인", ()),
        ("배송 조회는 어플 다운로드 후 가능합니다", ()),
    ],
)
def test_gifts_and_apps_are_not_told_by_alimtalk(content: str, buttons: tuple[str, ...]) -> None:
    """R-KKO-2"""
    found = list(problems(content, buttons))
    assert found and {one.reason for one in found} == {"ALIMTALK_POLICY"}

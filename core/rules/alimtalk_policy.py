"""What a template may not say although it was approved (R-KKO-2): approval does not move the responsibility."""

import re
from collections.abc import Iterator, Sequence

from core.errors import Violation

_POINTS = re.compile(r"포인트|적립금|마일리지")
_COUPON = re.compile(r"쿠폰|교환권|할인권")
_GRANTED = re.compile(r"지급|발급|적립|소멸|만료|사용")

# The ground, printed: points by a purchase, a coupon by an act of the customer's own.
_BOUGHT = re.compile(
    r"(?:유료\s?)?(?:구매|결제|구입|주문)(?:로|하신|하여|에 따라|를 통해|으로|\s?시)?[^\n]{0,20}(?:포인트|적립금|마일리지)"
)
_ASKED = re.compile(r"(?:신청|요청|응모|구매|결제|등록)(?:하신|하셔서|에 따라|으로|하여|로)?[^\n]{0,20}(?:쿠폰|교환권|할인권)")

_INSTALL = re.compile(r"(?:앱|어플|애플리케이션|APP)[^\n]{0,6}(?:설치|다운(?:로드|받)|깔)", re.IGNORECASE)
_LAUNCH = re.compile(r"(?:앱|어플|애플리케이션|APP)[^\n]{0,6}(?:열고|열어|실행|켜|접속|에서\s?(?:확인|보기|바로))", re.IGNORECASE)


def problems(content: str, buttons: Sequence[str] = ()) -> Iterator[Violation]:
    """Every reason for which sending this template may be stopped at once, with the whole business behind it."""
    text = "\n".join((content, *buttons))
    for holds, sentence in (
        (_unearned(text), "포인트 안내에는 고객님의 구매로 적립되었다는 근거를 함께 적어야 합니다."),
        (_unasked(text), "쿠폰 안내에는 고객이 직접 신청하거나 구매해 받았다는 근거를 함께 적어야 합니다."),
        (_INSTALL.search(text), "알림톡으로 앱 설치를 유도할 수 없습니다."),
        (_LAUNCH.search(text), "알림톡으로 앱 실행을 유도할 수 없습니다."),
    ):
        if holds:
            yield Violation("campaign.template_id", sentence, "ALIMTALK_POLICY")


def _unearned(text: str) -> bool:
    return bool(_POINTS.search(text) and _GRANTED.search(text) and not _BOUGHT.search(text))


def _unasked(text: str) -> bool:
    return bool(_COUPON.search(text) and not _ASKED.search(text))

"""How a message ends: decided by its receiver alone, so that every run ends the same, and ripe after a while."""

DELIVERED = "발송완료"
PENDING = "전송중"
WAITING = "예약대기"
CANCELLED = "취소완료"

NO_KAKAO = "카카오톡 미사용자"
KAKAO_BLOCKED = "알림톡 수신 차단"
DIFFERS = "템플릿 불일치"

MALFORMED = 9008
_NEVER = ""
# Receivers by their last four digits. 9007 has no KakaoTalk, and 9008 is no number at all: see the providers.
MAGIC = {
    9001: DELIVERED,
    9002: "결번",
    9003: "전원꺼짐",
    9004: _NEVER,
    9005: "수신거부",
    9006: "스팸차단",
    9007: DELIVERED,
}
# The same for KakaoTalk, which asks no carrier: a handset that is off gets it later.
KAKAO_MAGIC = {
    9001: DELIVERED,
    9002: NO_KAKAO,
    9003: DELIVERED,
    9004: _NEVER,
    9005: KAKAO_BLOCKED,
    9006: DELIVERED,
    9007: NO_KAKAO,
}
_MISFORTUNES = ("결번", "전원꺼짐", "음영지역 전송실패")


def outcome(receiver: int, failing_percent: int, *, kakao: bool = False) -> str:
    """The last word on a message to this receiver; empty when no word ever comes."""
    magic = (KAKAO_MAGIC if kakao else MAGIC).get(receiver % 10_000)
    if magic is not None:
        return magic
    luck = ((receiver * 2_654_435_761) & 0xFFFF_FFFF) >> 12
    if luck % 100 >= failing_percent:
        return DELIVERED
    return NO_KAKAO if kakao else _MISFORTUNES[luck % 3]

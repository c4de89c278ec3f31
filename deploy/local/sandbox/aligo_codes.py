"""Aligo's refusals: those that were seen on the wire, and those assumed because nobody documents them."""

from deploy.local.sandbox.results import DELIVERED, DIFFERS, KAKAO_BLOCKED, NO_KAKAO


class Refusal(Exception):
    """A negative `result_code` and its text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


SEEN = {
    "no_key": (-101, "API 키가 입력되지 않았습니다."),
    "account": (-101, "인증오류입니다."),
    "ip": (-101, "인증오류입니다.-IP"),
    "no_user": (-102, "API 인증오류입니다."),
    "sender": (-103, "등록/인증되지 않은 발신번호입니다."),
    "balance": (-201, "보유건수 부족입니다."),
    "cancel_no_mid": (-801, "메시지 ID가 입력되지 않았습니다."),
    "cancel_wrong_mid": (-802, "메시지 ID가 올바르지 않습니다."),
    "cancel_no_reservation": (-803, "예약된 메시지가 없습니다."),
    "cancel_too_late": (-804, "발송 5분 전까지만 취소할 수 있습니다."),
    "cancel_sent": (-805, "이미 발송된 메시지입니다."),
    "cancel_other": (-809, "취소할 수 없는 메시지입니다."),
}

# Invented: the numbers, the texts and which case is checked at all. Correct them here when a real account has told.
# No text may contain what clients classify by: 발신번호, 인증, 건수/포인트/잔액 with 부족, or end in -IP.
ASSUMED = {
    "method": (-100, "POST 방식으로 요청해 주세요."),
    "receivers_missing": (-301, "수신번호가 입력되지 않았습니다."),
    "receivers_too_many": (-302, "수신번호는 1,000개까지 입력할 수 있습니다."),
    "cnt": (-303, "cnt는 1에서 500 사이여야 합니다."),
    "text_missing": (-311, "메시지 내용이 입력되지 않았습니다."),
    "text_too_long": (-312, "메시지 내용은 2,000바이트까지 입력할 수 있습니다."),
    "type": (-313, "메시지 유형이 올바르지 않습니다."),
    "title_too_long": (-314, "제목은 44바이트까지 입력할 수 있습니다."),
    "image_missing": (-321, "MMS는 이미지가 필요합니다."),
    "image_kind": (-322, "이미지는 JPG, PNG, GIF만 보낼 수 있습니다."),
    "image_size": (-323, "이미지는 300KB까지 보낼 수 있습니다."),
    "reservation_form": (-331, "예약일시 형식이 올바르지 않습니다."),
    "reservation_early": (-332, "예약은 10분 이후부터 가능합니다."),
    "list_mid": (-341, "메시지 ID가 올바르지 않습니다."),
}

# The Kakao host. Its codes say little, its texts were seen; then again what is assumed.
KAKAO_SEEN = {
    "ip": (-99, "인증되지 않는 서버 IP로 부터의 호출 입니다."),
    "key": (-99, "등록되지 않은 인증키 입니다."),
    "balance": (-99, "포인트가 부족합니다."),
}
KAKAO_ASSUMED = {
    "method": (-99, "POST 방식으로 요청해 주세요."),
    "sender": (-99, "등록되지 않은 발신번호 입니다."),
    "channel": (-99, "유효하지 않은 발신프로필키 입니다."),
    "template": (-99, "존재하지 않는 템플릿 입니다."),
    "template_state": (-99, "승인되지 않은 템플릿 입니다."),
    "too_many": (-99, "수신자는 500명까지 입력할 수 있습니다."),
    "reservation": (-99, "예약일시가 올바르지 않습니다."),
    "mid": (-99, "메시지 ID가 올바르지 않습니다."),
    "cancel": (-99, "취소할 수 없는 메시지입니다."),
}
# `rslt` and `rslt_message` of an end. Only 0 and U were seen.
KAKAO_ENDINGS = {
    DELIVERED: ("0", ""),
    DIFFERS: ("U", "메시지가 템플릿과 일치하지않음"),
    NO_KAKAO: ("N", NO_KAKAO),
    KAKAO_BLOCKED: ("B", KAKAO_BLOCKED),
}


def refusal(name: str) -> Refusal:
    return Refusal(*(SEEN.get(name) or ASSUMED[name]))


def kakao_refusal(name: str) -> Refusal:
    return Refusal(*(KAKAO_SEEN.get(name) or KAKAO_ASSUMED[name]))


def kakao_missing(field: str) -> Refusal:
    """A parameter that was not given."""
    return Refusal(-99, f"{field} 파라메더 정보가 전달되지 않았습니다.")

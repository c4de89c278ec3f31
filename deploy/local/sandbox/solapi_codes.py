"""Solapi's refusals and status codes: those of its documentation, and those assumed because nobody documents them."""

from deploy.local.sandbox.results import CANCELLED, DELIVERED, DIFFERS, KAKAO_BLOCKED, NO_KAKAO


class Refusal(Exception):
    """An `errorCode` with its text and HTTP status."""

    def __init__(self, code: str, message: str = "", status: int = 0) -> None:
        super().__init__(code)
        known_status, known_message = ERRORS.get(code, (400, code))
        self.code = code
        self.message = message or known_message
        self.status = status or known_status


ERRORS = {
    "Unauthorized": (401, "인증 정보가 없습니다."),
    "InvalidApiKey": (400, "유효하지 않은 API Key입니다."),
    "SignatureDoesNotMatch": (403, "생성한 Signature가 일치하지 않습니다."),
    "RequestTimeTooSkewed": (403, "요청 시각이 서버 시각과 15분 넘게 차이 납니다."),
    "DuplicatedSignature": (403, "이미 사용한 Signature입니다."),
    "Forbidden": (403, "허용되지 않은 IP로 접근하고 있습니다."),
    "TooManyRequests": (429, "잦은 호출로 제한되었습니다."),
    "ValidationError": (400, "요청 값이 올바르지 않습니다."),
    "RecipientsTooMany": (413, "한 번에 요청할 수 있는 수를 넘었습니다."),
    "ResourceNotFound": (404, "요청한 자원을 찾을 수 없습니다."),
    "NotEnoughBalance": (402, "잔액이 부족합니다."),
    "DeletedGroup": (400, "삭제된 그룹입니다."),
    "FailedGroup": (400, "발송에 실패한 그룹입니다."),
    "InvalidStatus": (400, "발송할 수 없는 상태입니다."),
    "GroupInProcessing": (409, "발송 중인 그룹입니다."),
    "AlreadySent": (409, "이미 발송한 그룹입니다."),
    "ScheduledGroup": (409, "예약된 그룹입니다."),
    "InvalidStatusCode": (400, ""),
    "MethodNotAllowed": (405, "지원하지 않는 방식입니다."),
}

REGISTERED, AT_CARRIER = "2000", "3000"
MESSAGES = {
    REGISTERED: "정상 접수(이통사로 접수 예정) ",
    AT_CARRIER: "이통사로 접수 성공(수신확인 대기)",
    "4000": "수신완료",
    "1010": "필수 입력 값이 입력되지 않았습니다.",
    "1011": "형식 오류",
    "1013": "단문은 제목을 입력할 수 없습니다.",
    "1014": "제목은 40바이트까지 입력할 수 있습니다.",
    "1023": "이미지를 찾을 수 없습니다.",
    "1025": "메시지 유형이 올바르지 않습니다.",
    "1026": "수신번호가 중복되었습니다.",
    "1028": "출력할 수 없는 문자가 있습니다.",
    "1029": "EUC-KR로 표현할 수 없는 문자가 있습니다.",
    "1030": "잔액 부족",
    "1031": "메시지 길이 오류",
    "1032": "customFields 오류",
    "1041": "카카오 채널 ID 오류",
    "1042": "템플릿 ID 오류",
    "1043": "템플릿 내용과 일치하지 않습니다.",
    "1062": "발신번호 미등록",
    "3032": "미가입자",
    "3042": "음영지역",
    "3043": "단말기 전원 꺼짐",
    "3047": "수신거부",
    "3054": "스팸",
    "3103": "템플릿 불일치",
    "3104": "카카오톡 미사용자",
    "3107": "카카오톡 72시간 미사용 또는 알림톡 차단",
}

# How a message ended, by the carriers' words that all providers of this sandbox share.
ENDINGS = {
    DELIVERED: "4000",
    "결번": "3032",
    "전원꺼짐": "3043",
    "음영지역 전송실패": "3042",
    "수신거부": "3047",
    "스팸차단": "3054",
    DIFFERS: "3103",
    NO_KAKAO: "3104",
    KAKAO_BLOCKED: "3107",
    CANCELLED: REGISTERED,
}

# What may not be done to a group in a state. Assumed: the same words for every step.
BY_STATUS = {
    "SENDING": "GroupInProcessing",
    "COMPLETE": "AlreadySent",
    "SCHEDULED": "ScheduledGroup",
    "FAILED": "FailedGroup",
    "DELETED": "DeletedGroup",
}

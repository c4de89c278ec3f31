"""Why a person did not get a message: reasons for machines, their Korean labels, and how a provider's words become one."""

LABELS = {
    "ARCHIVED": "보관된 고객",
    "GONE": "삭제된 고객",
    "OPTED_OUT": "수신거부",
    "NO_CONSENT": "광고 수신동의 없음",
    "CONSENT_EVIDENCE_MISSING": "수신동의 증빙 없음 (일시·경로)",
    "MISSING_VARIABLE": "변수에 넣을 값 없음",
    "BODY_TOO_LONG": "본문이 2,000바이트를 넘음",
    "UNSUPPORTED_CHARACTERS": "보낼 수 없는 글자",
    "NOT_TAKEN": "발송사가 받지 않은 번호",
    "NO_RESULT": "발송사가 결과를 알려 주지 않음",
    "NO_KAKAO": "카카오톡을 쓰지 않거나 알림톡을 차단함",
    "TEMPLATE_MISMATCH": "템플릿과 다른 본문",
    "TEMPLATE_INVALID": "쓸 수 없는 알림톡 템플릿",
    "NO_SUBSCRIBER": "없는 번호",
    "POWER_OFF": "전원 꺼짐",
    "REFUSED_BY_RECEIVER": "수신 거절",
    "BLOCKED": "스팸 차단",
    "TIMED_OUT": "수신 시간 초과",
    "PROVIDER_REFUSED": "발송사가 거절함",
    "UNRESOLVED": "발송 여부를 확인하지 못해 종료함",
    "DELIVERY_FAILED": "전송 실패",
}

_WORDS = (
    ("TEMPLATE_MISMATCH", ("일치하지",)),
    ("TEMPLATE_INVALID", ("템플릿", "카카오 채널", "버튼", "발신프로필")),
    ("NO_KAKAO", ("카카오톡", "알림톡")),
    ("NO_SUBSCRIBER", ("결번", "없는", "없음", "미가입", "가입자")),
    ("POWER_OFF", ("꺼짐", "전원")),
    ("BLOCKED", ("스팸", "차단", "제한")),
    ("REFUSED_BY_RECEIVER", ("거부", "거절")),
    ("TIMED_OUT", ("초과", "만료")),
)

# Of two reasons for one failure the one that says more counts, whichever was heard first.
_STRONGEST_FIRST = (
    "OPTED_OUT",
    "NO_SUBSCRIBER",
    "TEMPLATE_MISMATCH",
    "TEMPLATE_INVALID",
    "NO_KAKAO",
    "BLOCKED",
    "REFUSED_BY_RECEIVER",
    "POWER_OFF",
    "TIMED_OUT",
    "PROVIDER_REFUSED",
    "DELIVERY_FAILED",
    "NOT_TAKEN",
)


def label(reason: str) -> str:
    """The Korean label; the reason itself when it is new."""
    return LABELS.get(reason, reason)


def failure(words: str) -> str:
    """The reason a provider's literal Korean result stands for; the words themselves are kept with the receipt."""
    if opted_out(words):
        return "OPTED_OUT"
    return next((reason for reason, marks in _WORDS if any(mark in words for mark in marks)), "DELIVERY_FAILED")


def opted_out(words: str) -> bool:
    """Whether the receiver is reported as having said no to ads: not filtered as spam, and not by blocking a Kakao channel."""
    said = "".join(words.split())
    return "수신거부" in said and not any(mark in said for mark in ("스팸", "카카오", "알림톡"))


def stronger(known: str, told: str) -> str:
    """Which of two reasons stays; an empty one is none."""
    return min(filter(None, (known, told)), key=_rank, default="")


def _rank(reason: str) -> tuple[int, str]:
    place = _STRONGEST_FIRST.index(reason) if reason in _STRONGEST_FIRST else len(_STRONGEST_FIRST)
    return place, reason

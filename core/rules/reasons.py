"""Why a person did not get a message: one table reason -> label, rule, sentence; and how a provider's words become a reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Why:
    """A reason as a merchant reads it; `rule` is its id in the list of rules, empty when it is no rule of the law."""

    label: str
    rule: str
    sentence: str


# In the order in which they are decided; of several reasons the first one counts.
# fmt: off
REASONS = {
    # the engine, the message, its sender: for everybody of a campaign alike
    "ENGINE_ERROR": Why("판정 오류", "", "규칙을 판정하지 못해 보내지 않았습니다. 판정할 수 없으면 광고는 보내지 않습니다."),
    "BRAND_IS_AD_ONLY": Why("브랜드 메시지는 광고만 가능", "R-KKO-3", "브랜드 메시지로는 정보를 보낼 수 없습니다."),
    "ALIMTALK_AD_FORBIDDEN": Why("알림톡 광고 불가", "R-KKO-1", "알림톡으로는 광고를 보낼 수 없습니다. 문자로 보내 주세요."),
    "ALIMTALK_POLICY": Why("알림톡 정책 위반", "R-KKO-2", "알림톡 정책에 맞지 않는 템플릿입니다."),
    "PURPOSE_LINT": Why("정보가 아닌 광고", "R-PUR-2", "광고로 볼 표현이 있어 정보로 보낼 수 없습니다."),
    "PROHIBITED_GOODS": Why("광고할 수 없는 상품", "R-PRO-1", "법으로 판매나 광고가 금지된 상품입니다."),
    "TEXT_REQUIRED": Why("본문 없음", "R-LBL-6", "그림만으로는 보낼 수 없습니다. 본문에 글이 있어야 합니다."),
    "LABEL_NOT_FIRST": Why("(광고)가 맨 앞에 없음", "R-LBL-1", "광고 본문은 ‘(광고)’로 시작해야 합니다."),
    "LABEL_VARIANT": Why("변형된 광고 표시", "R-LBL-2", "‘(광고)’ 표시를 바꿔 쓰면 안 됩니다."),
    "SENDER_NAME_MISSING": Why("상호 없음", "R-LBL-3", "‘(광고)’ 바로 뒤에 상호가 있어야 합니다."),
    "OPTOUT_MISSING": Why("무료 수신거부 안내 없음", "R-LBL-4", "본문 끝에 무료 수신거부 방법이 있어야 합니다."),
    "OPTOUT_NOT_LAST": Why("수신거부 안내가 끝이 아님", "R-LBL-4", "무료 수신거부 안내는 본문의 맨 끝이어야 합니다."),
    "OPTOUT_NOT_FREE": Why("무료가 아닌 수신거부", "R-LBL-4", "수신거부는 무료(080)여야 하고 무료라고 적어야 합니다."),
    "SENDER_NOT_REGISTERED": Why("미등록 발신번호", "R-SND-1", "발송사에 등록된 발신번호로만 보낼 수 있습니다."),
    "GATEWAY_NOT_QUALIFIED": Why("전송자격인증 없음", "R-SND-5", "전송자격인증이 확인된 발송사로만 광고를 보낼 수 있습니다."),
    "NO_OPTOUT_NUMBER": Why("080 번호 없음", "R-LBL-9", "무료 수신거부(080) 번호가 있어야 광고를 보낼 수 있습니다."),
    # the person
    "GONE": Why("삭제된 고객", "", "고객 정보가 삭제되어 보낼 번호가 없습니다."),
    "ARCHIVED": Why("보관된 고객", "", "보관된 고객이라 보내지 않습니다. 고객을 다시 등록하면 보낼 수 있습니다."),
    "RESTRICTED": Why("처리정지 요청", "R-PII-10", "개인정보 처리정지를 요청한 고객이라 아무것도 보내지 않습니다."),
    "NOT_ON_GUEST_LIST": Why("시험 명단 밖의 번호", "", "시험 중인 작업 공간은 시험 명단의 번호로만 보냅니다."),
    "OPTED_OUT": Why("수신거부", "R-CON-4", "수신거부한 번호입니다. 거부한 뒤에 증빙과 함께 다시 동의해야 보낼 수 있습니다."),
    "NO_CONSENT": Why("광고 수신동의 없음", "R-CON-1", "문자 광고 수신에 동의한 기록이 없습니다. 동의를 먼저 받아 주세요."),
    "TXN_KIND_MISMATCH": Why("거래한 것과 다른 상품", "R-CON-3", "동의 없이는 고객이 산 것과 같은 종류만 광고할 수 있습니다."),
    "TXN_EXPIRED": Why("거래 후 6개월 지남", "R-CON-3", "거래가 끝난 지 6개월이 지나 동의 없이는 광고를 보낼 수 없습니다."),
    "CONSENT_EVIDENCE_MISSING": Why(
        "수신동의 증빙 없음 (일시·경로)", "R-CON-5",
        "언제 어디서 동의했는지 기록이 없어 동의로 볼 수 없습니다. 일시와 경로를 적어 주세요."),
    "RECONFIRM_OVERDUE": Why(
        "2년 동의 확인이 늦음", "R-NTC-2", "수신동의 확인 안내를 2년 안에 보내지 못했습니다. 안내한 뒤에 광고할 수 있습니다."),
    "MINOR": Why("만 14세 미만", "R-CON-6", "만 14세 미만일 수 있는 고객이라 법정대리인의 동의가 있어야 합니다."),
    "NOT_AGE_VERIFIED": Why("성인 확인 없음", "R-PRO-2", "성인용 상품이라 성인으로 확인된 고객에게만 보냅니다."),
    "FREQUENCY_CAP": Why("광고 횟수 한도", "", "정해 둔 기간에 받을 수 있는 광고를 이미 다 받았습니다."),
    "QUIET_HOURS": Why("야간", "R-NGT-1", "야간 광고에 동의하지 않은 고객이라 아침까지 기다립니다."),
    "EXPIRED": Why("기한 지남", "R-NGT-3", "보낼 수 있게 되었을 때는 캠페인의 기한이 지나 있었습니다."),
    # the text as it would be for this person
    "MISSING_VARIABLE": Why("변수에 넣을 값 없음", "", "본문의 변수에 넣을 값이 고객 정보에 없습니다."),
    "BODY_TOO_LONG": Why("본문이 2,000바이트를 넘음", "R-LBL-7", "이 고객의 값을 넣으면 본문이 2,000바이트를 넘습니다."),
    "UNSUPPORTED_CHARACTERS": Why("보낼 수 없는 글자", "", "문자로 보낼 수 없는 글자가 이 고객의 값에 있습니다."),
    # what became of it
    "NOT_TAKEN": Why("발송사가 받지 않은 번호", "", "발송사가 이 번호만 받지 않았습니다. 요금은 들지 않았습니다."),
    "NO_RESULT": Why("발송사가 결과를 알려 주지 않음", "", "발송사가 접수한 뒤 끝까지 결과를 알려 주지 않았습니다."),
    "NO_KAKAO": Why("카카오톡을 쓰지 않거나 알림톡을 차단함", "", "카카오톡을 쓰지 않거나 알림톡을 차단한 고객입니다."),
    "TEMPLATE_MISMATCH": Why("템플릿과 다른 본문", "R-KKO-1", "본문이 승인된 템플릿과 달라 카카오가 받지 않았습니다."),
    "TEMPLATE_INVALID": Why("쓸 수 없는 알림톡 템플릿", "R-KKO-1", "템플릿이나 카카오 채널을 쓸 수 없는 상태였습니다."),
    "NO_SUBSCRIBER": Why("없는 번호", "", "통신사에 없는 번호입니다. 고객의 번호가 바뀌었는지 확인해 주세요."),
    "POWER_OFF": Why("전원 꺼짐", "", "휴대전화가 꺼져 있었습니다. 나중에 다시 보내 볼 수 있습니다."),
    "REFUSED_BY_RECEIVER": Why("수신 거절", "", "받는 사람의 휴대전화가 거절했습니다."),
    "BLOCKED": Why("스팸 차단", "", "통신사나 받는 사람의 스팸 차단에 걸렸습니다."),
    "TIMED_OUT": Why("수신 시간 초과", "", "통신사가 정해진 시간 안에 전하지 못했습니다. 나중에 다시 보내 볼 수 있습니다."),
    "PROVIDER_REFUSED": Why("발송사가 거절함", "", "발송사가 이 요청을 받지 않았습니다. 요금은 들지 않았습니다."),
    "UNRESOLVED": Why("발송 여부를 확인하지 못해 종료함", "", "발송사에 접수되었는지 알 수 없어 담당자가 종료했습니다."),
    "DELIVERY_FAILED": Why("전송 실패", "", "통신사가 전하지 못했다고 알려 왔습니다."),
    "CANCELLED": Why("캠페인 취소", "", "보내기 전에 캠페인이 취소되었습니다."),
    # why somebody is not in the audience at all
    "NOT_A_CUSTOMER": Why("고객이 아닌 번호", "", "고객 목록에 없는 번호입니다."),
    "ADDED_LATER": Why("시작한 뒤에 등록된 고객", "", "캠페인이 시작된 뒤에 등록되어 대상이 아닙니다."),
    "NOT_IN_AUDIENCE": Why("대상 조건에 맞지 않음", "", "캠페인의 대상 조건(태그·세그먼트)에 맞지 않는 고객입니다."),
    "NOT_PLANNED_YET": Why("아직 준비 중", "", "발송 준비가 이 고객까지 아직 오지 않았습니다."),
    "NOT_LAUNCHED": Why("시작 전", "", "캠페인이 시작되지 않았습니다."),
}
# fmt: on
LABELS = {reason: known.label for reason, known in REASONS.items()}
_PLACES = {reason: place for place, reason in enumerate(REASONS)}

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


def why(reason: str) -> Why:
    """Label, rule and sentence; a new reason stands for itself."""
    return REASONS.get(reason) or Why(reason, "", "")


def order(reason: str) -> int:
    """The place of a reason in the order of deciding: a funnel shows its steps in this order."""
    return _PLACES.get(reason, len(_PLACES))


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

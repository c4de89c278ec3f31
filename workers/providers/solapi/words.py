"""What Solapi's status codes mean: a state, and words that our reasons are read from."""

from core.rules import reasons
from core.rules.states import MessageState

# A message's statusCode, with words from which `reasons.failure` reads the right reason.
REGISTERED, _PENDING, _DELIVERED = "2000", frozenset({"2000", "3000"}), "4000"
WORDS = dict(
    line.split(" ", 1)
    for line in """\
2000 접수
3000 통신사 결과 대기
4000 전송완료
1010 필수 값 누락
1011 형식 오류
1013 단문에 쓴 제목
1014 제목이 40바이트를 넘음
1020 계정 오류
1021 메시지를 찾지 못함
1022 그룹을 찾지 못함
1023 이미지를 찾지 못함
1024 발송사 서버 오류
1025 메시지 유형 오류
1026 같은 수신번호가 두 번 들어 있음
1027 UTF-8이 아닌 글자
1028 보이지 않는 글자
1029 보내지 못하는 글자
1030 잔액 부족
1031 본문이 너무 김
1032 customFields 오류
1033 kakaoOptions 오류
1041 없는 카카오 채널
1042 없는 템플릿
1043 템플릿과 일치하지 않는 본문
1044 버튼 오류
1045 버튼 주소 오류
1046 템플릿에 있는 버튼이 빠짐
1047 템플릿에 버튼이 없음
1048 버튼 주소가 너무 김
1049 버튼 이름이 너무 김
1050 버튼이 너무 많음
1051 카카오에 등록되지 않은 이미지
1052 버튼 순서가 템플릿과 다름
1053 쓸 수 없는 배송조회 버튼
1058 발송 경로를 찾지 못함
1060 차단된 수신번호
1061 080 수신거부
1062 등록되지 않은 발신번호
1064 KISA 신고로 차단
2011 형식 오류
2024 발송사 서버 오류
2060 차단된 수신번호
2061 080 수신거부
2062 등록되지 않은 발신번호
2063 발송 차단된 계정
2064 KISA 신고로 차단
2230 잔액 부족
2254 스팸 차단
3010 수신번호 형식 오류
3011 형식 오류
3012 중계사 오류
3013 발신번호 형식 오류
3014 원인 모를 오류
3024 서버 오류
3031 전송 불가
3032 가입자가 아닌 번호
3040 전송 시간 초과
3041 통화 중
3042 음영 지역
3043 전원 꺼짐
3044 수신함이 가득 참
3045 일시 정지된 번호
3046 단말기 사정으로 전송 실패
3047 수신 거부
3048 원인 모를 오류
3050 문자를 받지 못하는 단말기
3051 착신 불가
3052 운영자가 삭제
3053 대기열이 가득 참
3054 스팸 차단
3055 스팸 신고 번호 차단
3056 무선망 오류
3057 단말기 전달 실패
3058 발송 경로를 찾지 못함
3059 변작된 발신번호
3060 성인 인증 실패
3101 없는 카카오 채널
3102 카카오톡 채널 친구가 아님
3103 템플릿과 일치하지 않는 본문
3104 카카오톡 미사용자
3105 없는 템플릿
3106 쓸 수 없는 카카오 채널
3107 카카오톡 72시간 미사용 또는 알림톡 차단
3108 보낼 수 있는 시간이 아님""".splitlines()
)


def known(code: str) -> bool:
    """Whether this code is documented."""
    return code in WORDS


def state(code: str) -> MessageState | None:
    """The state a code stands for; a code nobody knows waits, because a final state is never taken back."""
    if code == _DELIVERED:
        return MessageState.DELIVERED
    return None if code in _PENDING or code not in WORDS else MessageState.FAILED


def text(code: str, said: str = "") -> str:
    """Solapi's own words, unless they would be taken for another reason than the code; ours where it says nothing."""
    ours = WORDS.get(code, "")
    if said and (not ours or reasons.failure(said) == reasons.failure(ours)):
        return said
    return ours or f"코드 {code}"

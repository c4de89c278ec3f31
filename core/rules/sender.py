"""Our own sender numbers: what a provider's words say about them, and what their owners are told."""

from enum import StrEnum


class Verdict(StrEnum):
    """Who is in trouble. Stored as the cause of a pause: names stay."""

    NUMBER = "NUMBER"  # this number is not registered there
    FORGED = "FORGED"  # this number is said to be forged: the account stops, whatever else it could send
    BLOCKED = "BLOCKED"  # the account is
    REPORTED = "REPORTED"  # people reported it as spam to KISA


_OF_A_PERSON = (
    "개인 명의 번호로 여러 사람에게 보내면 통신사가 명의자의 휴대전화로 발송 사실을 알리는 문자를 보냅니다."
    " 보낸 적이 없는데 이 문자를 받으면 번호가 도용된 것이니 발송사와 통신사에 바로 알려 주세요."
)
_MARKS = (
    (Verdict.FORGED, ("변작", "도용")),
    (Verdict.BLOCKED, ("발송차단된계정", "계정차단")),
    (Verdict.REPORTED, ("KISA신고",)),
)


def notice(number: str) -> str:
    """What whoever enters a number has to know about it (R-SND-8); empty: nothing."""
    return _OF_A_PERSON if number.startswith("010") else ""


def verdict(words: str) -> Verdict | None:
    """What is to be concluded from a result; None: nothing about us."""
    said = "".join(words.split())
    for found, marks in _MARKS:
        if any(mark in said for mark in marks):
            return found
    unregistered = "발신번호" in said and any(mark in said for mark in ("미등록", "등록되지", "인증되지", "사전등록"))
    return Verdict.NUMBER if unregistered else None

"""What a provider's words say about our own sender number or account: such news stops sending before it is forbidden."""

from enum import StrEnum


class Verdict(StrEnum):
    """Who is in trouble. Stored as the cause of a pause: names stay."""

    NUMBER = "NUMBER"  # this number is not registered there
    FORGED = "FORGED"  # this number is said to be forged: the account stops, whatever else it could send
    BLOCKED = "BLOCKED"  # the account is
    REPORTED = "REPORTED"  # people reported it as spam to KISA


_MARKS = (
    (Verdict.FORGED, ("변작", "도용")),
    (Verdict.BLOCKED, ("발송차단된계정", "계정차단")),
    (Verdict.REPORTED, ("KISA신고",)),
)


def verdict(words: str) -> Verdict | None:
    """What is to be concluded from a result; None: nothing about us."""
    said = "".join(words.split())
    for found, marks in _MARKS:
        if any(mark in said for mark in marks):
            return found
    unregistered = "발신번호" in said and any(mark in said for mark in ("미등록", "등록되지", "인증되지", "사전등록"))
    return Verdict.NUMBER if unregistered else None

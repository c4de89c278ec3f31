"""What Aligo's words mean: it documents neither its result codes nor its results, so the words go first."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from core.rules.channel import Channel
from core.rules.states import MessageState
from workers.providers import Busy, Cause

CHANNELS = {"SMS": Channel.SMS, "LMS": Channel.LMS, "MMS": Channel.MMS, "AT": Channel.ALIMTALK}

# What a negative code means. The numbers are reused, on the Kakao host one (-99) stands for nearly everything.
LATER = "LATER"
_CAUSE_BY_WORDS: Sequence[tuple[re.Pattern[str], Cause | str]] = (
    (re.compile(r"-IP$|서버 ?IP"), Cause.IP),
    (re.compile(r"발신번호"), Cause.SENDER),
    (re.compile(r"(건수|포인트|잔액).*부족|부족.*(건수|포인트|잔액)"), Cause.BALANCE),
    (re.compile(r"인증|토큰"), Cause.AUTH),
    (re.compile(r"잠시 ?후|점검 ?중"), LATER),
)
_CAUSE_BY_NUMBER = {-101: Cause.AUTH, -102: Cause.AUTH, -103: Cause.SENDER, -201: Cause.BALANCE}

# sms_state is free text.
_DELIVERED = frozenset({"성공", "전송성공", "발송성공", "전송완료", "발송완료"})
_PENDING = re.compile(r"$|전송중|발송중|대기|접수|예약")
_FAILED = re.compile(r"실패|거부|없음|불가|결번|초과|만료|취소|오류|제한|차단|꺼짐")

# Of the letters of a Kakao result these two were seen and understood.
_ARRIVED, _DIFFERS = "0", "U"


def cause(code: int, message: str) -> Cause | str:
    """Why a call was refused; LATER when it should simply come again."""
    by_words = next((cause for words, cause in _CAUSE_BY_WORDS if words.search(message)), None)
    return by_words or _CAUSE_BY_NUMBER.get(code, Cause.MESSAGE)


def state(text: str) -> tuple[MessageState | None, bool]:
    """State, and whether the words are known; words of both kinds wait, because a final state is never taken back."""
    if text in _DELIVERED:
        return MessageState.DELIVERED, True
    pending, failed = bool(_PENDING.match(text)), bool(_FAILED.search(text))
    if failed and not pending:
        return MessageState.FAILED, True
    return None, pending and not failed


def kakao_state(row: Mapping[str, Any]) -> tuple[MessageState | None, bool]:
    """The same for Alimtalk. A letter nobody knows is a failure only when the row is final and says what went wrong."""
    letter, said = word(row, "rslt"), word(row, "rslt_message")
    if word(row, "status") == "2":
        return MessageState.FAILED, True
    if word(row, "msgid").upper().startswith("Q") or not letter:
        return None, True
    if letter == _ARRIVED:
        return MessageState.DELIVERED, True
    if letter == _DIFFERS:
        return MessageState.FAILED, True
    if word(row, "rsltdate") and said and "성공" not in said:
        return MessageState.FAILED, True
    return None, False


def kakao_text(row: Mapping[str, Any]) -> str:
    """What is kept of a result: its words, or the letter alone."""
    letter, said = word(row, "rslt"), word(row, "rslt_message")
    if word(row, "status") == "2":
        return said or "수신번호 인식 불가"
    return said or ("" if letter in ("", _ARRIVED) else f"rslt {letter}")


def known(value: int | None) -> int:
    """A count that must be there."""
    if value is None:
        raise Busy("answer without a readable count")
    return value


def number(value: object) -> int | None:
    """Numbers come quoted or bare, by endpoint and by outcome."""
    try:
        return int(str(value))
    except ValueError:
        return None


def word(row: Mapping[str, Any], name: str) -> str:
    """A text of an answer; empty when it is anything else."""
    value = row.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""


def digits(row: Mapping[str, Any], name: str) -> str:
    """A phone number of an answer."""
    return re.sub(r"\D", "", word(row, name))

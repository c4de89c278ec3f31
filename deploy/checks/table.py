"""The findings as a table for a terminal, and as JSON for a program."""

import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from core.rules.checks.finding import LABELS, TITLES, Finding, Period, State, exit_code, verdict

NAMES = {Period.DAILY: "일일 점검", Period.WEEKLY: "주간 점검", Period.MONTHLY: "월간 점검"}
ENDS = {
    State.OK: "모두 정상입니다.",
    State.ATTENTION: "할 일이 있습니다.",
    State.UNKNOWN: "확인하지 못한 것이 있습니다: 정상이라는 뜻이 아닙니다.",
}


def width(text: str) -> int:
    """Columns of a terminal: Hangul takes two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def padded(text: str, columns: int) -> str:
    """Filled with blanks."""
    return text + " " * (columns - width(text))


def table(period: Period, findings: Sequence[Finding], place: str, at: datetime) -> str:
    """One line a finding; below each that is not well, what to do."""
    first = max([width(TITLES[one.check]) for one in findings], default=0)
    lines = [f"{NAMES[period]} · {at:%Y-%m-%d %H:%M} KST · {place}", ""]
    before = ""
    for one in findings:
        title = TITLES[one.check] if one.check != before else ""
        lines.append(f"  {padded(title, first)}  {LABELS[one.state]}  {one.sentence}")
        if one.cure and one.state is not State.OK:
            lines.append(f"  {' ' * first}        → {one.cure}")
        before = one.check
    return "\n".join([*lines, "", ENDS[verdict(findings)]])


def document(period: Period, findings: Sequence[Finding], at: datetime) -> str:
    """The same for a program."""
    rows = [
        {
            "check": one.check,
            "subject": one.subject,
            "state": one.state,
            "reason": one.reason,
            "sentence": one.sentence,
            "cure": one.cure,
            "facts": dict(one.facts),
        }
        for one in findings
    ]
    told = {"period": period, "at": at.isoformat(), "verdict": verdict(findings), "exit": exit_code(findings), "findings": rows}
    return json.dumps(told, ensure_ascii=False, indent=1)

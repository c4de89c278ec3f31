"""What the values of an attribute are: words, numbers, days, or yes and no; and the one way in which each is compared."""

import re
from datetime import date
from enum import StrEnum

from core.rules import cells


class Kind(StrEnum):
    """The type of an attribute; one that has none is text."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    DATE = "DATE"
    YES_NO = "YES_NO"


KOREAN = {Kind.TEXT: "글자", Kind.NUMBER: "숫자", Kind.DATE: "날짜", Kind.YES_NO: "예/아니오"}

# Read by PostgreSQL too (core/db/segment_sql.py), so nothing in them is Python's alone.
NUMBER = r"^[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]+)?$"
DAY = r"^[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}"
DATE = DAY + "([ T.].*)?$"


def canonical(kind: Kind, value: str) -> str | None:
    """The value as its type is compared: `12000`, `2026-03-02`, `Y`, lower case; None when it cannot be read as that."""
    text = value.strip(" ")
    if kind is Kind.NUMBER:
        return text.replace(",", "").lstrip("+") if re.search(NUMBER, text) else None
    if kind is Kind.DATE:
        return _day(text)
    if kind is Kind.YES_NO:
        return _yes_no(text)
    return text.lower() or None


def _day(text: str) -> str | None:
    found = re.match(DAY, text) if re.search(DATE, text) else None
    try:
        return date(*map(int, re.split("[-./]", found[0]))).isoformat() if found else None
    except ValueError:
        return None


def _yes_no(text: str) -> str | None:
    word = text.lower().replace(" ", "")
    return "Y" if word in cells.YES else "N" if word in cells.NO else None

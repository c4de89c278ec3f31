"""The value of an attribute that has a type, as a spreadsheet brings it: dates as numbers, amounts with their unit."""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone

from core.rules import cells
from core.rules.attributes import KOREAN, Kind, canonical

_KST = timezone(timedelta(hours=9))
_UNITS = re.compile(r"^[₩￦\\]\s*|\s*(?:원|점|개|회|명|세|P|p|KRW)$")

Kinds = Mapping[str, Kind]


def read(kind: Kind, cleaned: str) -> str | None:
    """The text as it is when its type can be read from it; else what it means; None when it means nothing of that type."""
    if kind is Kind.TEXT or canonical(kind, cleaned) is not None:
        return cleaned
    meant = _meant(kind, cleaned)
    return meant if meant and canonical(kind, meant) is not None else None


def sentence(kind: Kind, name: str) -> str:
    """Why a value stays outside."""
    return f"‘{name}’에는 {KOREAN[kind]} 값만 들어갈 수 있습니다."


def _meant(kind: Kind, cleaned: str) -> str | None:
    if kind is Kind.NUMBER:
        return cells.whole_number(_UNITS.sub("", cleaned))
    if kind is Kind.DATE:
        moment = cells.instant(cleaned)
        return f"{moment.astimezone(_KST):%Y-%m-%d}" if moment else None
    answer = cells.yes_no(cleaned)
    return None if answer is None else "Y" if answer else "N"

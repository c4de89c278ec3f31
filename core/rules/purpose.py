"""Advertising or information? A linter that only ever raises information to advertising, and what overrules it."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from core.errors import Violation


class InfoReason(StrEnum):
    """Why something is information (R-PUR-3): anything else is advertising."""

    TRANSACTION = "TRANSACTION"
    SAFETY = "SAFETY"
    REPLY = "REPLY"
    PAID = "PAID"
    STATUS = "STATUS"
    STATUTORY = "STATUTORY"


_WORDS = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
_NEUTRAL = re.compile("|".join(_WORDS["neutral"]))


def _disguised(word: str) -> str:
    """The word, also with symbols between its letters, or with every letter standing alone."""
    joined, apart = r"[^\w\s]{0,2}".join(word), r"\s".join(word)
    return rf"{joined}|(?<![가-힣]){apart}(?![가-힣])"


_MARKS = re.compile("|".join([*map(_disguised, _WORDS["words"]), *_WORDS["patterns"]]))


def marks(*texts: str, shop: str = "") -> tuple[str, ...]:
    """What in these texts looks like advertising, in the order of its appearance: one mark makes all of it an advertisement.

    A shop may be called as it likes: its own name in square brackets says nothing.
    """
    name = f"[{shop}]" if shop else ""
    found = (mark for text in texts for mark in _marks(text.replace(name, " ") if name else text))
    return tuple(dict.fromkeys(found))


def hides_marks(value: str) -> bool:
    """The same question about the value of a variable, asked for every receiver: names and numbers are answered at once."""
    return False if value.isascii() and "%" not in value and "+" not in value else _known(value)


def problems(texts: Iterable[str], *, shop: str = "", overruled: bool = False) -> Iterator[Violation]:
    """What is said of information whose words are those of advertising."""
    found = () if overruled else marks(*texts, shop=shop)
    if found:
        yield Violation("campaign.purpose", sentence(found), "PURPOSE_LINT")


def sentence(found: Iterable[str]) -> str:
    """What the merchant is told of these marks."""
    named = ", ".join(f"‘{mark}’" for mark in found)
    return f"광고로 보이는 표현이 있습니다: {named}. 광고 표현이 하나라도 있으면 전체가 광고이므로 광고(AD)로 보내 주세요."


@lru_cache(maxsize=4096)
def _known(value: str) -> bool:
    return bool(marks(value))


def _marks(text: str) -> Iterator[str]:
    plain = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) != "Cf")
    for line in plain.splitlines():  # what is said in one line explains nothing in the next
        yield from (re.sub(r"\s+", " ", found[0]) for found in _MARKS.finditer(_NEUTRAL.sub(" ", line)))

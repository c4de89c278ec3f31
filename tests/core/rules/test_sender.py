"""What results say about our own number or account."""

import pytest

from core.rules.sender import Verdict, verdict
from workers.providers.solapi.words import WORDS


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("1062", Verdict.NUMBER),
        ("2062", Verdict.NUMBER),
        ("2063", Verdict.BLOCKED),
        ("2064", Verdict.REPORTED),
        ("3059", Verdict.FORGED),
    ],
)
def test_each_code_that_kills_a_number_or_an_account_is_heard(code: str, found: Verdict) -> None:
    """R-SND-3, R-SND-4: 1062, 2062, 2063, 2064 and 3059 are about us."""
    assert verdict(WORDS[code]) is found


def test_what_is_said_of_receivers_is_not_about_us() -> None:
    """R-SND-7: a number on somebody's block list is that receiver's failure, and permanent."""
    about_us = {"1062", "1064", "2062", "2063", "2064", "3059"}
    assert [code for code in WORDS if code not in about_us and verdict(WORDS[code])] == []


@pytest.mark.parametrize("words", ["등록/인증되지 않은 발신번호입니다.", "발신번호 미등록", "발신번호 사전등록 필요"])
def test_aligo_says_it_in_other_words(words: str) -> None:
    """R-SND-3: whatever the provider calls it."""
    assert verdict(words) is Verdict.NUMBER

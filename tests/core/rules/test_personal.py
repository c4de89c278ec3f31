"""How personal data is shown, how long it is kept, and from how many people on more is to be done."""

from datetime import UTC, datetime, timedelta

import pytest

from core.rules import personal


@pytest.mark.parametrize(
    ("name", "masked"), [("", ""), ("김", "김"), ("김하", "김*"), ("김하나", "김*나"), ("남궁하나둘", "남***둘"), ("Kim", "K*m")]
)
def test_a_name_is_masked(name: str, masked: str) -> None:
    """R-PII-8"""
    assert personal.masked_name(name) == masked


@pytest.mark.parametrize(
    ("people", "level"), [(0, 0), (9_999, 0), (10_000, 1), (49_999, 1), (50_000, 2), (999_999, 2), (1_000_000, 3)]
)
def test_further_duties_begin_at_10k_50k_and_1m(people: int, level: int) -> None:
    """R-PII-13"""
    assert personal.level(people) == level


def test_a_korean_month_begins_and_ends_at_midnight_in_seoul() -> None:
    """R-PII-6"""
    assert personal.month("2026-12") == (datetime(2026, 11, 30, 15, tzinfo=UTC), datetime(2026, 12, 31, 15, tzinfo=UTC))


def test_nothing_is_kept_shorter_than_the_law_says() -> None:
    """R-PII-5, R-PII-10, section 13: two years of log, ten days to answer, five years of proof."""
    start = datetime(2024, 2, 29, tzinfo=UTC)
    assert start + personal.ACCESS_LOG_LASTS >= start.replace(year=2026, month=3, day=1)
    assert start + personal.PROOF_LASTS >= start.replace(year=2029, month=3, day=1)
    assert start + personal.DECISIONS_LAST >= start.replace(year=2029, month=3, day=1)
    assert timedelta(0) < personal.ALARM_AFTER < personal.ANSWER_WITHIN == timedelta(days=10)

"""The transmission certificate of a provider, to the day."""

from datetime import date, timedelta

import pytest

from core.errors import InvalidInput
from core.rules.certificate import Certificate, checked, usable

TODAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("checked_days_ago", "until", "may"),
    [
        (0, None, True),
        (365, None, True),
        (366, None, False),
        (0, TODAY, True),
        (0, TODAY - timedelta(days=1), False),
        (366, TODAY + timedelta(days=900), False),
    ],
)
def test_it_counts_for_a_year_after_the_check_and_to_its_last_day(checked_days_ago: int, until: date | None, may: bool) -> None:
    """R-SND-5: refused when absent, ended, or older than 365 days."""
    assert usable(Certificate("KISA-1", TODAY - timedelta(days=checked_days_ago), until), TODAY) is may


def test_none_and_one_without_a_number_do_not_count() -> None:
    """R-SND-5: no certificate, no advertising."""
    assert not usable(None, TODAY)
    assert not usable(Certificate("", TODAY), TODAY)


def test_what_was_typed_becomes_days() -> None:
    assert checked(" KISA-1 ", "2026-11-25", "2027-03-31", TODAY) == Certificate("KISA-1", TODAY, date(2027, 3, 31))
    assert checked("KISA-1", "2026-11-25", "", TODAY).until is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ((" ", "2026-11-25", ""), "number"),
        (("1", "어제", ""), "check_date"),
        (("1", "2026-11-26", ""), "check_date"),
        (("1", "2026-11-25", "2026-11-24"), "valid_until"),
    ],
)
def test_what_nobody_can_have_seen_is_refused(given: tuple[str, str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked(*given, TODAY)
    assert [one.field for one in refusal.value.violations] == [field]

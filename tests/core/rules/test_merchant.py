"""What a merchant sets: shop name, free opt-out number, quiet hours."""

from datetime import time

import pytest

from core.errors import InvalidInput
from core.rules.label import furnish
from core.rules.merchant import optout_number, quiet_hours, shop_name


def refused(check, *given: str) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as refusal:
        check(*given)
    (violation,) = refusal.value.violations
    return violation.field, refusal.value.reason


@pytest.mark.parametrize("name", ["봄날커피", "  봄날 커피 ", "SPRING 24", "봄날(강남점)"])
def test_a_name_of_which_a_label_can_be_made(name: str) -> None:
    """R-LBL-3: the sender's name stands right after the label."""
    assert furnish("원두", shop=shop_name(name), optout_number="0801234567").startswith(f"(광고)[{name.strip()}] ")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (" ", "SENDER_NAME_MISSING"),
        ("\u200b", "UNSUPPORTED_CHARACTERS"),
        ("봄날🌸", "UNSUPPORTED_CHARACTERS"),
        ("(광 고)", "LABEL_VARIANT"),
    ],
)
def test_a_name_that_would_break_the_label_is_refused(name: str, reason: str) -> None:
    """R-LBL-3, R-LBL-2: neither without a name, nor with a second label in it."""
    assert refused(shop_name, name) == ("name", reason)


def test_an_optout_number_is_free_or_there_is_none() -> None:
    """R-LBL-4: free of charge, which only 080 is."""
    assert [optout_number(one) for one in ("080-123-4567", "0801234567", "", " ")] == ["0801234567", "0801234567", "", ""]
    assert refused(optout_number, "02-1234-5678") == ("optout_number", "OPTOUT_NUMBER_INVALID")


def test_quiet_hours_may_only_be_longer_than_the_law_wants() -> None:
    """R-NGT-2: per merchant wider, never narrower than 21:00 to 08:00."""
    assert quiet_hours("21:00", "08:00").start == time(21)
    assert quiet_hours("18:30", "09:30").end == time(9, 30)
    for start, end in (("21:01", "08:00"), ("20:50", "07:59"), ("11:59", "08:00"), ("20:50", "12:00")):
        assert refused(quiet_hours, start, end) == ("quiet_from", "NIGHT_WINDOW_INVALID")

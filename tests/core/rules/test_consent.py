"""Which yes counts: asked for by itself, proven, newer than any no; what holds after it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, WrongState
from core.rules.consent import Asked, Standing, Yes, after, check_asked

JAN, MAY, OCT, NOV = (datetime(2026, month, 1, 3, tzinfo=UTC) for month in (1, 5, 10, 11))
GOOD = Asked(ads=True, night=False, bundled=False, prechecked=False, wording=True, source="매장 신청서")
FORM = "신청서 2026-1102"


def asked(**other: object) -> Asked:
    return Asked(**{name: other.get(name, getattr(GOOD, name)) for name in Asked.__slots__})  # type: ignore[arg-type]


def yes(at: datetime, *, ads: bool = True, night: bool = False, proof: str = "") -> Yes:
    return Yes(ads, night, at, "매장", proof=proof)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bundled": True}, "CONSENT_BUNDLED"),
        ({"prechecked": True}, "CONSENT_PRECHECKED"),
        ({"wording": False}, "CONSENT_WORDING_MISSING"),
        ({"source": "  "}, "CONSENT_SOURCE_MISSING"),
        ({"ads": False}, "CONSENT_OF_NOTHING"),
    ],
)
def test_a_consent_that_is_none_of_its_own_is_refused(change: dict[str, object], reason: str) -> None:
    """R-CON-2, R-CON-5: bundled, ticked beforehand, or without the words and the way; every fault is named."""
    check_asked(GOOD)
    with pytest.raises(InvalidInput) as refused:
        check_asked(asked(**change))
    assert refused.value.reason == reason
    with pytest.raises(InvalidInput) as refused:
        check_asked(asked(**{**change, "bundled": True, "prechecked": True}))
    assert len(refused.value.violations) >= 2


def test_a_first_yes_holds_and_its_clock_begins() -> None:
    """R-CON-1: from its own day on."""
    assert after(Standing(), yes(MAY)) == Standing(True, False, MAY, "매장")
    assert after(Standing(), yes(MAY, night=True)) == Standing(True, True, MAY, "매장")
    unproven = Standing(ads=True, night=True)
    assert after(unproven, yes(MAY)) == Standing(True, False, MAY, "매장")


def test_an_older_yes_is_kept_but_moves_nothing_back() -> None:
    held = Standing(True, False, MAY, "앱", confirmed_at=OCT)
    assert after(held, yes(JAN)) == held
    assert after(held, yes(NOV)) == Standing(True, False, NOV, "매장")


def test_the_clock_goes_by_the_oldest_yes_that_holds() -> None:
    """R-NTC-2, R-NGT-6: a new yes to advertising alone leaves the clock of the night where it is."""
    held = Standing(True, True, JAN, "앱")
    assert after(held, yes(NOV)) == held
    assert after(held, yes(NOV, night=True)).at == NOV


def test_after_a_no_a_yes_needs_to_be_newer_and_proven() -> None:
    """R-CON-4: opted out on 10-01, a new form on 11-01; the night is not part of it unless asked for anew."""
    refused = Standing(True, True, JAN, "앱", refused=True, no_at=OCT)
    assert after(refused, yes(NOV, proof=FORM)) == Standing(True, False, NOV, "매장", no_at=OCT)
    for at, proof, reason in ((NOV, " ", "CONSENT_PROOF_MISSING"), (MAY, FORM, "CONSENT_OLDER_THAN_REFUSAL")):
        with pytest.raises(WrongState) as found:
            after(refused, yes(at, proof=proof))
        assert found.value.reason == reason
    with pytest.raises(WrongState, match="수신거부"):
        after(refused, yes(OCT, proof=FORM))


def test_a_withdrawn_consent_is_a_no_too() -> None:
    """R-CON-4: also where nobody is suppressed, a yes before the last no does not count."""
    with pytest.raises(WrongState) as found:
        after(Standing(False, False, JAN, "앱", no_at=OCT), yes(MAY))
    assert found.value.reason == "CONSENT_OLDER_THAN_REFUSAL"


@pytest.mark.parametrize("before", [Standing(), Standing(True, False, NOV, "앱"), Standing(True, False, JAN, "앱", refused=True)])
def test_the_night_is_nothing_by_itself(before: Standing) -> None:
    """R-NGT-6: without advertising, before it, or after a no."""
    with pytest.raises(WrongState) as found:
        after(before, yes(MAY, ads=False, night=True, proof=FORM))
    assert found.value.reason == "NIGHT_WITHOUT_ADS"
    assert after(Standing(True, False, JAN, "앱"), yes(MAY, ads=False, night=True)) == Standing(True, True, JAN, "앱")


MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
STANDINGS = st.builds(
    Standing,
    ads=st.booleans(),
    night=st.booleans(),
    at=st.none() | MOMENTS,
    source=st.sampled_from(["", "앱"]),
    refused=st.booleans(),
    no_at=st.none() | MOMENTS,
)
YESES = st.builds(yes, MOMENTS, ads=st.booleans(), night=st.booleans(), proof=st.sampled_from(["", FORM])).filter(
    lambda one: one.ads or one.night
)


@given(STANDINGS, YESES)
def test_a_no_stands_until_something_newer_with_a_proof(before: Standing, one: Yes) -> None:
    """R-CON-4 over everything: whatever lifts a no is newer than it, proven, and about advertising."""
    try:
        holds = after(before, one)
    except WrongState:
        return
    assert before.no_at is None or one.at > before.no_at
    assert holds.ads and not holds.refused
    assert not before.refused or (one.proof and one.ads and holds.at == one.at)
    if before.ads and before.at and before.source and not before.refused:
        assert holds.at is not None and holds.at >= before.at
    if holds.at == one.at and one.at != before.at:
        assert holds.night == one.night

"""What was known about a person at an instant, and the person that the rules made of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.rules.evidence import ADS, NIGHT, Bought, Contact, Evidence, OptOut, Said, consent, known_at, opted_out, person
from core.rules.law import Consent, Medium, Trade

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def said(granted: bool, ago: int, scope: str = ADS, **more: object) -> Said:
    values = {"channel": "TEXT", "given_at": NOW - ago * DAY, "source": "매장", "recorded_at": NOW - ago * DAY}
    return Said(scope=scope, granted=granted, **{**values, **more})


def no(ago: int, channel: str = "TEXT", told: int | None = None) -> OptOut:
    return OptOut(channel, "OPTOUT_CALL", NOW - ago * DAY, NOW - (ago if told is None else told) * DAY)


def then(evidence: Evidence, ago: int) -> Evidence:
    return known_at(evidence, NOW - ago * DAY)


def test_the_last_word_recorded_until_then_counts() -> None:
    """R-CON-5: the ledger tells what was agreed to at any instant."""
    evidence = Evidence(consents=(said(True, 30), said(True, 20, NIGHT), said(False, 10), said(True, 5)))
    assert consent(then(evidence, 31), Medium.TEXT, NOW - 31 * DAY) is None
    assert consent(then(evidence, 25), Medium.TEXT, NOW - 25 * DAY) == Consent(NOW - 30 * DAY, "매장", None, False)
    assert consent(then(evidence, 15), Medium.TEXT, NOW - 15 * DAY) == Consent(NOW - 30 * DAY, "매장", None, True)
    assert consent(then(evidence, 7), Medium.TEXT, NOW - 7 * DAY) is None
    assert consent(then(evidence, 0), Medium.TEXT, NOW) == Consent(NOW - 5 * DAY, "매장", None, True)
    assert consent(then(evidence, 0), Medium.KAKAO, NOW) is None


def test_what_was_recorded_later_was_not_known() -> None:
    late = said(True, 30, recorded_at=NOW - DAY)
    assert consent(then(Evidence(consents=(said(False, 40), late)), 2), Medium.TEXT, NOW) is None


def test_a_confirmation_counts_from_its_day_and_not_for_an_older_consent() -> None:
    """R-NTC-2: the clock restarts with the confirmation."""
    confirmed = Contact(confirmed_at=NOW - 10 * DAY)
    evidence = Evidence(contact=confirmed, consents=(said(True, 700), said(True, 5)))
    assert consent(then(evidence, 8), Medium.TEXT, NOW - 8 * DAY) == Consent(NOW - 700 * DAY, "매장", NOW - 10 * DAY, False)
    assert consent(then(evidence, 20), Medium.TEXT, NOW - 20 * DAY) == Consent(NOW - 700 * DAY, "매장", None, False)
    assert consent(then(evidence, 0), Medium.TEXT, NOW) == Consent(NOW - 5 * DAY, "매장", None, False)


def test_before_the_ledger_there_is_only_the_customers_own_row() -> None:
    contact = Contact(ad_consent=True, night_consent=True, consent_at=NOW - DAY, consent_source="종이")
    old = known_at(Evidence(contact=contact), NOW)
    assert old.before_ledger and consent(old, Medium.TEXT, NOW) == Consent(NOW - DAY, "종이", None, True)
    assert consent(known_at(Evidence(contact=replace(contact, ad_consent=False)), NOW), Medium.TEXT, NOW) is None
    told = known_at(Evidence(contact=contact, consents=(said(False, 1),)), NOW)
    assert not told.before_ledger and consent(told, Medium.TEXT, NOW) is None


def test_a_no_counts_from_its_record_until_a_newer_yes_with_its_proof() -> None:
    """R-CON-4: refusal beats everything until a newer consent with proof."""
    evidence = Evidence(consents=(said(True, 30), said(True, 5)), optouts=(no(20, told=18),))
    assert not opted_out(then(evidence, 19), Medium.TEXT, NOW - 19 * DAY)
    assert opted_out(then(evidence, 18), Medium.TEXT, NOW - 18 * DAY)
    assert opted_out(then(evidence, 0), Medium.TEXT, NOW), "a yes without proof answers no no"
    proven = replace(evidence, consents=(said(True, 30), said(True, 5, proven=True)))
    assert opted_out(then(proven, 6), Medium.TEXT, NOW - 6 * DAY) and not opted_out(then(proven, 0), Medium.TEXT, NOW)
    again = replace(proven, optouts=(*proven.optouts, no(2)))
    assert opted_out(then(again, 0), Medium.TEXT, NOW)


def test_an_older_yes_that_came_in_late_answers_nothing() -> None:
    """R-CON-4: an older paper found later lifts no refusal."""
    late = said(True, 25, recorded_at=NOW - DAY, proven=True)
    assert opted_out(then(Evidence(consents=(late,), optouts=(no(20),)), 0), Medium.TEXT, NOW)


@pytest.mark.parametrize(
    ("channels", "text", "kakao"), [({"TEXT"}, False, True), ({"TEXT", "KAKAO"}, True, True), ({"KAKAO"}, False, True)]
)
def test_a_no_covers_the_channels_of_the_080_number(channels: set[str], text: bool, kakao: bool) -> None:
    """R-OPT-4: one number for several channels is a no on all of them."""
    evidence = Evidence(optouts=(no(3, "KAKAO"),), optout_channels=frozenset(channels))
    assert (opted_out(evidence, Medium.TEXT, NOW), opted_out(evidence, Medium.KAKAO, NOW)) == (text, kakao)


def test_a_suppression_without_an_event_counts_by_its_own_times() -> None:
    evidence = Evidence(suppressed_from=NOW - 10 * DAY, suppressed_until=NOW - 2 * DAY)
    found = {ago: opted_out(evidence, Medium.TEXT, NOW - ago * DAY) for ago in (11, 10, 3, 2, 0)}
    assert found == {11: False, 10: True, 3: True, 2: False, 0: False}


def test_the_person_is_made_of_what_was_then() -> None:
    """R-CON-3, R-CON-6, R-PRO-2: every input of the rules as of the instant."""
    contact = Contact(
        birth_year=2015, guardian_proof="동의서 7", adult_at=NOW, restricted_at=NOW - DAY, archived_at=NOW - 2 * DAY
    )
    trade = Bought("A-1", "원두", date(2026, 11, 1), NOW - 3 * DAY)
    evidence = Evidence(contact=contact, trades=(trade,), guest_since=NOW - DAY, recent_ads=2)
    now, before = person(known_at(evidence, NOW), NOW), person(then(evidence, 5), NOW - 5 * DAY)
    assert (now.adult, now.restricted, now.archived, now.guest) == (True, True, True, True)
    assert (before.adult, before.restricted, before.archived, before.guest) == (False, False, False, False)
    assert (now.trades, before.trades) == ((Trade("원두", date(2026, 11, 1)),), ())
    assert (now.birth_year, now.guardian_proof, now.recent_ads, now.consents, now.opted_out) == (
        2015,
        "동의서 7",
        2,
        {},
        frozenset(),
    )

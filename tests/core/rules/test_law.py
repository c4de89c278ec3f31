"""The decision table of the rule list, row by row, to the second; and the same function under the law of another country."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.clock import KST
from core.errors import InvalidInput
from core.rules import label
from core.rules.law import (
    KR,
    RULESET,
    Allow,
    Block,
    Consent,
    Defer,
    Form,
    House,
    Medium,
    Message,
    Person,
    Trade,
    add_months,
    consent_until,
    decide,
)
from tests.core.rules.us import US

NOON = datetime(2026, 11, 23, 12, tzinfo=KST)
YES = Consent(datetime(2026, 3, 2, 12, tzinfo=KST), "매장 동의서")
NIGHT = replace(YES, night=True)
AD = Message(ad=True, form=Form.SMS)
INFO = replace(AD, ad=False)
TEXT_FORMS = (Form.SMS, Form.LMS, Form.MMS)


def at(clock: str, day: int = 23) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day:02d}T{clock}+09:00")


def agreed(consent: Consent = YES, medium: Medium = Medium.TEXT, **more: object) -> Person:
    return Person(consents={medium: consent}, **more)


def blocked(*reasons: str) -> Block:
    return Block(reasons)


# --- rows 1 to 6: the message -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [*TEXT_FORMS, Form.ALIMTALK, Form.EMAIL])
@pytest.mark.parametrize("person", [Person(), Person(opted_out=frozenset(Medium)), agreed(birth_year=2020)])
@pytest.mark.parametrize("clock", ["03:00:00", "12:00:00", "20:50:00", "21:00:00"])
def test_row_1_information_goes_to_everybody_at_any_time(form: Form, person: Person, clock: str) -> None:
    """R-PUR-5, R-KKO-1: no consent, opt-out or night for information."""
    assert decide(replace(INFO, form=form), person, at(clock)) == Allow()


def test_row_2_a_brand_message_is_advertising() -> None:
    """R-KKO-3"""
    assert decide(replace(INFO, form=Form.BRAND), Person(), NOON) == blocked("BRAND_IS_AD_ONLY")


def test_row_3_alimtalk_carries_no_advertising() -> None:
    """R-KKO-1"""
    found = decide(replace(AD, form=Form.ALIMTALK), agreed(medium=Medium.KAKAO), NOON)
    assert found == blocked("ALIMTALK_AD_FORBIDDEN")


@pytest.mark.parametrize("form", Form)
def test_row_4_forbidden_goods_are_advertised_to_nobody(form: Form) -> None:
    """R-PRO-1"""
    found = decide(replace(AD, form=form, prohibited=True), agreed(NIGHT, form.medium), NOON)
    assert isinstance(found, Block) and "PROHIBITED_GOODS" in found.reasons


FAULTY = (
    ("[봄날커피] 원두 20% 할인\n무료거부0801234567", "LABEL_MISSING"),
    ("(광고) 오늘만 반값!\n무료거부0801234567", "SENDER_NAME_MISSING"),
    ("(광고)[봄날커피] 원두 20% 할인", "OPTOUT_MISSING"),
    ("(광고)[봄날커피] 원두\n무료거부0801234567\n지금 주문하세요", "OPTOUT_MISSING"),
)


@pytest.mark.parametrize(("text", "reason"), FAULTY)
def test_row_5_a_faulty_text_goes_to_nobody(text: str, reason: str) -> None:
    """R-LBL-1, R-LBL-3, R-LBL-4: the fault that the last look at the text finds is the reason."""
    with pytest.raises(InvalidInput) as caught:
        label.check_furnished(text, shop="봄날커피", optout_number="0801234567")
    found = decide(replace(AD, faults=(caught.value.reason,)), agreed(NIGHT), NOON)
    assert found == blocked(reason)


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        ("sender_registered", "SENDER_NOT_REGISTERED"),
        ("certified", "GATEWAY_NOT_QUALIFIED"),
        ("optout_number", "NO_OPTOUT_NUMBER"),
    ],
)
def test_row_6_sender_provider_and_080_number_must_be_cleared(fact: str, reason: str) -> None:
    """R-SND-1, R-SND-5, R-LBL-4"""
    assert decide(replace(AD, **{fact: False}), agreed(), NOON) == blocked(reason)
    found = decide(replace(INFO, **{fact: False}), agreed(), NOON)
    assert found == (blocked(reason) if fact == "sender_registered" else Allow())


# --- rows 7 to 11: the person -------------------------------------------------------------------------------------


def test_row_7_a_no_is_a_no_whatever_else_was_said() -> None:
    """R-CON-4, R-OPT-1: also for a buyer, also with consent to the night."""
    house = House(exemption=True)
    bought = (Trade("원두", date(2026, 11, 1)),)
    for person in (agreed(NIGHT), Person(trades=bought), Person()):
        found = decide(replace(AD, goods=frozenset({"원두"}), house=house), replace(person, opted_out={Medium.TEXT}), NOON)
        assert isinstance(found, Block) and found.reasons[0] == "OPTED_OUT"


@pytest.mark.parametrize("medium", [Medium.KAKAO, Medium.EMAIL])
def test_row_7_a_no_holds_for_the_channels_of_its_080_number(medium: Medium) -> None:
    """R-OPT-4: who says no by a number that stands for two channels has said it on both."""
    assert decide(AD, agreed(opted_out=frozenset({medium})), NOON) == Allow()
    assert decide(AD, agreed(opted_out=frozenset({medium, Medium.TEXT})), NOON) == blocked("OPTED_OUT")


def test_row_8_no_consent_is_no_advertisement() -> None:
    """R-CON-1: and a consent counts for its own channel."""
    assert decide(AD, Person(), NOON) == blocked("NO_CONSENT")
    assert decide(AD, agreed(medium=Medium.EMAIL), NOON) == blocked("NO_CONSENT")
    assert decide(AD, agreed(medium=Medium.KAKAO), NOON) == blocked("NO_CONSENT")
    assert decide(AD, agreed(), NOON) == Allow()


@pytest.mark.parametrize("consent", [Consent(), Consent(NOON), Consent(source="가져오기")])
def test_row_9_a_consent_without_proof_is_none(consent: Consent) -> None:
    """R-CON-5"""
    assert decide(AD, agreed(consent), NOON) == blocked("CONSENT_EVIDENCE_MISSING")


@pytest.mark.parametrize(
    ("given", "last_day"),
    [("2024-11-23T12:00+09:00", "2026-11-22"), ("2024-02-29T12:00+09:00", "2026-02-27"), ("2024-11-22T15:00Z", "2026-11-22")],
)
def test_row_10_a_consent_is_confirmed_before_its_second_anniversary(given: str, last_day: str) -> None:
    """R-NTC-2"""
    consent, last = Consent(datetime.fromisoformat(given), "매장"), date.fromisoformat(last_day)
    assert consent_until(consent, KST, 24) == last
    noon = datetime(last.year, last.month, last.day, 12, tzinfo=KST)
    assert decide(AD, agreed(consent), noon) == Allow()
    assert decide(AD, agreed(consent), noon + timedelta(days=1)) == blocked("RECONFIRM_OVERDUE")
    confirmed = replace(consent, confirmed_at=consent.at + timedelta(days=731))
    assert decide(AD, agreed(confirmed), noon + timedelta(days=1)) == Allow()


BEANS = replace(AD, goods=frozenset({"원두"}), house=House(exemption=True))


@pytest.mark.parametrize(
    ("goods", "trades", "today", "reason"),
    [
        ("원두", [("원두", "2026-08-01")], "2026-11-23", None),
        ("그라인더", [("원두", "2026-08-01")], "2026-11-23", "TXN_KIND_MISMATCH"),
        ("원두", [("원두", "2026-08-01")], "2027-02-02", "TXN_EXPIRED"),
        ("원두", [("원두", "2026-05-23")], "2026-11-23", None),
        ("원두", [("원두", "2026-05-22")], "2026-11-23", "TXN_EXPIRED"),
        ("원두", [("원두", "2026-08-31")], "2027-02-28", None),
        ("원두", [("원두", "2026-08-31")], "2027-03-01", "TXN_EXPIRED"),
        ("원두", [("원두", "2025-01-01"), ("원두", "2026-11-01")], "2026-11-23", None),
        ("원두 그라인더", [("원두", "2026-11-01")], "2026-11-23", "TXN_KIND_MISMATCH"),
        ("원두 그라인더", [("원두", "2026-11-01"), ("그라인더", "2026-01-01")], "2026-11-23", "TXN_EXPIRED"),
        ("원두", [], "2026-11-23", "NO_CONSENT"),
        ("", [("원두", "2026-11-01")], "2026-11-23", "NO_CONSENT"),
    ],
)
def test_row_11_a_buyer_may_be_told_of_the_same_goods_for_six_months(
    goods: str, trades: list[tuple[str, str]], today: str, reason: str | None
) -> None:
    """R-CON-3: every kind that the campaign is about, the last day included."""
    person = Person(trades=tuple(Trade(kind, date.fromisoformat(day)) for kind, day in trades))
    message = replace(BEANS, goods=frozenset(goods.split()))
    noon = datetime.fromisoformat(f"{today}T12:00+09:00")
    assert decide(message, person, noon) == (blocked(reason) if reason else Allow())
    assert decide(replace(message, house=House()), person, noon) == blocked("NO_CONSENT")


def test_a_buyer_of_the_same_goods_has_not_agreed_to_kakaotalk_or_the_night() -> None:
    """R-CON-3, R-NGT-6"""
    buyer = Person(trades=(Trade("원두", date(2026, 11, 1)),))
    assert decide(replace(BEANS, form=Form.BRAND), buyer, NOON) == blocked("NO_CONSENT")
    assert decide(BEANS, buyer, at("22:00:00")) == Defer(at("08:00:00", 24))


# --- rows 12 to 20: the hour --------------------------------------------------------------------------------------

MORNING, NEXT = at("08:00:00"), at("08:00:00", 24)
BUYER = Person(trades=(Trade("원두", date(2026, 11, 1)),))


@pytest.mark.parametrize("form", TEXT_FORMS)
@pytest.mark.parametrize("person", [agreed(), BUYER], ids=["opt-in", "buyer"])
@pytest.mark.parametrize(
    ("clock", "until"),
    [
        ("08:00:00", None), ("12:00:00", None), ("20:49:59", None),
        ("20:50:00", NEXT), ("20:59:59", NEXT), ("21:00:00", NEXT), ("22:30:00", NEXT), ("23:59:59", NEXT),
        ("00:00:00", MORNING), ("03:00:00", MORNING), ("07:59:59", MORNING),
    ],
)  # fmt: skip
def test_rows_12_to_15_the_night_waits_for_eight(form: Form, person: Person, clock: str, until: datetime | None) -> None:
    """R-NGT-1, R-NGT-2, R-NGT-3: statute from 21:00, house margin from 20:50."""
    assert decide(replace(BEANS, form=form), person, at(clock)) == (Defer(until) if until else Allow())


@pytest.mark.parametrize("form", TEXT_FORMS)
@pytest.mark.parametrize("clock", ["00:00:00", "03:00:00", "07:59:59", "20:50:00", "21:00:00", "23:59:59"])
def test_row_16_consent_to_the_night_opens_it(form: Form, clock: str) -> None:
    """R-NGT-1"""
    assert decide(replace(AD, form=form), agreed(NIGHT), at(clock)) == Allow()


def test_row_17_a_brand_message_needs_a_consent_that_names_kakaotalk() -> None:
    """R-KKO-3: and goes once a day."""
    brand = replace(AD, form=Form.BRAND)
    assert decide(brand, agreed(medium=Medium.KAKAO), NOON) == Allow()
    assert decide(brand, agreed(), NOON) == blocked("NO_CONSENT")
    assert decide(brand, agreed(medium=Medium.KAKAO, brand_today=True), NOON) == blocked("FREQUENCY_CAP")


@pytest.mark.parametrize(("clock", "until"), [("20:49:59", None), ("20:50:00", NEXT), ("07:59:59", MORNING), ("08:00:00", None)])
def test_row_18_no_consent_opens_the_night_of_kakaotalk(clock: str, until: datetime | None) -> None:
    """R-KKO-4"""
    found = decide(replace(AD, form=Form.BRAND), agreed(NIGHT, Medium.KAKAO), at(clock))
    assert found == (Defer(until) if until else Allow())


@pytest.mark.parametrize("clock", ["03:00:00", "12:00:00", "21:00:00"])
def test_row_19_e_mail_knows_no_night(clock: str) -> None:
    """R-NGT-1, R-LBL-10: the one exception of the law; no 080 number, since e-mail has a link."""
    message = replace(AD, form=Form.EMAIL, optout_number=False)
    assert decide(message, agreed(medium=Medium.EMAIL), at(clock)) == Allow()


def test_row_20_what_may_not_arrive_tomorrow_is_not_sent() -> None:
    """R-NGT-3: a sale that ends at 23:59 does not wait for the morning."""
    sale = replace(AD, expires_at=at("23:59:00"))
    assert decide(sale, agreed(), at("20:49:00")) == Allow()
    assert decide(sale, agreed(), at("22:00:00")) == blocked("EXPIRED")
    assert decide(sale, agreed(NIGHT), at("22:00:00")) == Allow()
    assert decide(replace(sale, expires_at=NEXT), agreed(), at("22:00:00")) == blocked("EXPIRED")
    assert decide(replace(sale, expires_at=NEXT + timedelta(seconds=1)), agreed(), at("22:00:00")) == Defer(NEXT)
    assert decide(replace(INFO, expires_at=NOON), Person(), NOON) == blocked("EXPIRED")


def test_row_21_what_cannot_be_decided_does_not_go() -> None:
    """Engine or clock unwell, or wrong facts; information waits."""
    ill = replace(AD, healthy=False)
    assert decide(ill, agreed(NIGHT), NOON) == blocked("ENGINE_ERROR")
    assert decide(replace(ill, ad=False), Person(), NOON) == Defer(NOON + timedelta(minutes=1))
    assert decide(AD, agreed(), datetime(2026, 11, 23, 12)) == blocked("ENGINE_ERROR")
    assert decide(AD, agreed(Consent("gestern", "매장")), NOON) == blocked("ENGINE_ERROR")
    assert decide(AD, None, NOON) == blocked("ENGINE_ERROR")


@pytest.mark.parametrize(
    ("instant", "allowed"),
    [
        ("2026-11-23T11:49:59Z", True),
        ("2026-11-23T11:50:00Z", False),
        ("2026-11-23T12:00:00Z", False),
        ("2026-11-23T22:59:59Z", False),
        ("2026-11-23T23:00:00Z", True),
    ],
)
def test_boundary_instants_in_utc(instant: str, allowed: bool) -> None:
    """R-NGT-1, R-NGT-2"""
    now = datetime.fromisoformat(instant)
    assert now.tzinfo == UTC
    found = decide(AD, agreed(), now)
    assert found == (Allow() if allowed else Defer(datetime(2026, 11, 23, 23, tzinfo=UTC)))


# --- protection, all reasons, the merchant's own limits -----------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "guardian", "reason"),
    [(2012, "", "MINOR"), (2020, "", "MINOR"), (2011, "", None), (None, "", None), (2020, "보호자 동의서 12", None)],
)
def test_children_need_their_guardian(year: int | None, guardian: str, reason: str | None) -> None:
    """R-CON-6: by the year alone whoever turns 14 this year may still be 13."""
    found = decide(AD, agreed(birth_year=year, guardian_proof=guardian), NOON)
    assert found == (blocked(reason) if reason else Allow())


def test_goods_for_adults_need_a_person_known_to_be_one() -> None:
    """R-PRO-2"""
    assert decide(replace(AD, adult=True), agreed(), NOON) == blocked("NOT_AGE_VERIFIED")
    assert decide(replace(AD, adult=True), agreed(adult=True), NOON) == Allow()


def test_the_first_reason_counts_and_all_are_named() -> None:
    """R-OPT-8: one order for preview, plan and dispatch."""
    person = agreed(Consent(), opted_out=frozenset({Medium.TEXT}), birth_year=2020, recent_ads=1, restricted=True)
    message = replace(AD, certified=False, adult=True, faults=("LABEL_MISSING",), house=House(cap=1, trial=True))
    assert decide(message, person, NOON) == blocked(
        "LABEL_MISSING", "GATEWAY_NOT_QUALIFIED", "RESTRICTED", "NOT_ON_GUEST_LIST", "OPTED_OUT", "CONSENT_EVIDENCE_MISSING",
        "MINOR", "NOT_AGE_VERIFIED", "FREQUENCY_CAP",
    )  # fmt: skip


def test_months_end_where_the_month_ends() -> None:
    assert add_months(date(2026, 8, 31), 6) == date(2027, 2, 28)
    assert add_months(date(2026, 5, 23), 6) == date(2026, 11, 23)
    assert add_months(date(2024, 2, 29), 24) == date(2026, 2, 28)
    assert add_months(date(2026, 12, 31), 12) == date(2027, 12, 31)
    assert add_months(date(2026, 6, 30), 6) == date(2026, 12, 30)


# --- another country ----------------------------------------------------------------------------------------------

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")


def test_nothing_of_korea_is_built_in() -> None:
    """Elsewhere: no exemption, no certificate, no 080, no reconfirmation, Alimtalk like anything, the receiver's own clock."""
    person = agreed(Consent(datetime(2020, 1, 1, tzinfo=UTC), "form"), zone=NEW_YORK)
    message = Message(ad=True, form=Form.SMS, certified=False, optout_number=False)
    evening = datetime(2026, 7, 1, 20, 55, tzinfo=NEW_YORK)
    assert decide(message, person, evening, US) == Allow()
    assert decide(message, person, evening, KR).reasons[0] == "GATEWAY_NOT_QUALIFIED"
    late = datetime(2026, 7, 1, 21, tzinfo=NEW_YORK)
    assert decide(message, person, late, US) == Defer(datetime(2026, 7, 2, 8, tzinfo=NEW_YORK))
    assert decide(message, replace(person, zone=CHICAGO), late, US) == Allow()
    assert decide(message, replace(person, zone=None), late, US) == blocked("ENGINE_ERROR")


def test_elsewhere_no_consent_opens_the_night_and_no_purchase_replaces_consent() -> None:
    late = datetime(2026, 7, 1, 23, tzinfo=NEW_YORK)
    assert isinstance(decide(AD, agreed(NIGHT, zone=NEW_YORK), late, US), Defer)
    assert decide(BEANS, replace(BUYER, zone=NEW_YORK), late, US) == blocked("NO_CONSENT")


def test_elsewhere_the_morning_comes_an_hour_later_when_clocks_go_back() -> None:
    before = datetime(2026, 10, 31, 23, tzinfo=NEW_YORK)  # the night in which summer time ends
    found = decide(AD, agreed(zone=NEW_YORK), before, US)
    assert isinstance(found, Defer) and found.until - before == timedelta(hours=10)


def test_the_version_of_the_rules_has_a_name() -> None:
    assert KR.ruleset == RULESET == "KR-2026-10-01"

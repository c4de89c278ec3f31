"""Consent where it counts: who gets an advertisement when it is planned, and when it leaves."""

from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.db import audience, consents, trades
from core.db.consents import Consent, No, Recorder
from core.db.session import database
from core.db.trades import Dealt
from core.rules.consent import Yes
from core.rules.law import Medium
from tests.workers.shop import Sandbox, Shop, Time

PLAIN: dict[str, Any] = {"name": "", "tags": [], "attributes": {}}


def by(shop: Shop) -> Recorder:
    return Recorder(shop.workspace, "user:1", clock.now())


def customer(shop: Shop, at: int = 1, consent: Consent | None = None, **age: Any) -> int:
    with database().write(shop.workspace) as tx:
        return audience.add_contact(tx, by(shop), f"0101234{at:04d}", {**PLAIN, **age}, consent or Consent())


def agrees(shop: Shop, contact: int, medium: Medium = Medium.TEXT, *, proof: str = "신청서 1") -> bool:
    with database().write(shop.workspace) as tx:
        row = audience.get_contact(tx, contact, lock=True)
        return consents.record_yes(tx, by(shop), row, Yes(True, False, clock.now(), "매장", medium, None, proof))


def refuses(shop: Shop, contact: int) -> None:
    with database().write(shop.workspace) as tx:
        consents.record_no(tx, by(shop), audience.get_contact(tx, contact, lock=True), No(clock.now()))


def bought(shop: Shop, contact: int, kind: str, days_ago: int, order: str = "1") -> None:
    day = clock.kst(clock.now()).date() - timedelta(days=days_ago)
    with database().write(shop.workspace) as tx:
        trades.record(tx, shop.workspace, contact, Dealt(order, kind, day), clock.now())


def reasons(shop: Shop, **campaign: Any) -> dict[str, int]:
    made = shop.campaign(**campaign)
    shop.plan(made)
    return {reason: people for (_, reason), people in shop.reasons(made).items()}


def proven(at: datetime | None = None) -> Consent:
    return Consent(ads=True, at=at or clock.now() - timedelta(days=9), source="매장")


def test_nobody_gets_ads_without_a_yes_to_text_messages(shop: Shop) -> None:
    """R-CON-1: none at all, or one that names KakaoTalk only, is none."""
    customer(shop, 1)
    agrees(shop, customer(shop, 2), Medium.KAKAO)
    agrees(shop, customer(shop, 3))
    assert reasons(shop) == {"NO_CONSENT": 2}


def test_a_consent_without_day_or_way_does_not_count(shop: Shop) -> None:
    """R-CON-5: kept as it is, not usable until it is proven."""
    contact = customer(shop, 1, Consent(ads=True))
    customer(shop, 2, Consent(ads=True, at=clock.now()))
    assert reasons(shop) == {"CONSENT_EVIDENCE_MISSING": 2}
    agrees(shop, contact)
    assert reasons(shop) == {"CONSENT_EVIDENCE_MISSING": 1}


def test_a_yes_given_after_a_no_brings_the_ads_back_and_a_no_in_between_stops_them(
    shop: Shop, sandbox: Sandbox, time: Time
) -> None:
    """R-CON-4: withdrawn after planning, so it does not leave; agreed to anew, so the next one does."""
    contact = customer(shop)
    agrees(shop, contact)
    campaign = shop.campaign()
    shop.plan(campaign)
    time.forward(minutes=1)
    refuses(shop, contact)
    assert shop.deliver(campaign)["excluded"] == 1 and not sandbox.log()
    assert shop.why(campaign) == {"EXCLUDED OPTED_OUT": 1}
    time.forward(minutes=1)
    assert agrees(shop, contact, proof="신청서 2")
    assert shop.run(shop.campaign())["accepted"] == 1


def test_a_buyer_may_get_ads_for_the_same_goods_unless_they_said_no(shop: Shop, time: Time) -> None:
    """R-CON-3: off by default; same kind, six months; R-CON-4: a withdrawal beats it."""
    contact = customer(shop)
    bought(shop, contact, "원두", 20)
    assert reasons(shop, goods=["원두"]) == {"NO_CONSENT": 1}
    shop.sql("UPDATE workspaces SET trade_exemption = true")
    assert reasons(shop, goods=["원두"]) == {}
    assert reasons(shop, goods=["그라인더"]) == {"TXN_KIND_MISMATCH": 1}
    assert reasons(shop, goods=["원두", "그라인더"]) == {"TXN_KIND_MISMATCH": 1}
    bought(shop, contact, "원두", 200)
    assert reasons(shop, goods=["원두"]) == {"TXN_EXPIRED": 1}
    bought(shop, contact, "원두", 20, order="2")
    assert reasons(shop, goods=["원두"]) == {}
    agrees(shop, contact)
    time.forward(seconds=1)
    refuses(shop, contact)
    assert reasons(shop, goods=["원두"]) == {"OPTED_OUT": 1}


def test_a_child_needs_the_guardian(shop: Shop) -> None:
    """R-CON-6: who may still be 13 this year gets nothing without the guardian's proof; who is unknown, does."""
    year = clock.kst(clock.now()).year
    customer(shop, 1, proven(), birth_year=year - 14)
    customer(shop, 2, proven(), birth_year=year - 15)
    customer(shop, 3, proven(), birth_year=year - 9, guardian_proof="법정대리인 동의서 3")
    customer(shop, 4, proven())
    assert reasons(shop) == {"MINOR": 1}


def test_two_people_who_decide_at_once_leave_a_no(shop: Shop) -> None:
    """R-CON-4: an older yes that is recorded late never beats the no that came in meanwhile."""
    contact = customer(shop)
    agrees(shop, contact)
    late = Yes(True, False, clock.now(), "매장", proof="신청서 9")
    refuses(shop, contact)
    with database().write(shop.workspace) as tx:
        row = audience.get_contact(tx, contact, lock=True)
        try:
            consents.record_yes(tx, by(shop), row, late)
        except Exception as refusal:
            assert getattr(refusal, "reason", "") == "CONSENT_OLDER_THAN_REFUSAL"
        else:
            raise AssertionError("an older yes was taken")
    assert reasons(shop) == {"OPTED_OUT": 1}

"""The ledger of consent over the wire: words, a yes with its proof, a no, what was bought."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import audience_pb2, types_pb2
from jeondan.v1 import consent_pb2 as pb

from core import clock
from core.db.session import database
from tests.server.shop import PHONE, Shop

TEXT = "(선택) 봄날커피의 광고성 문자를 받는 데 동의합니다."
ADS, NIGHT = pb.ConsentEvent.SCOPE_ADS, pb.ConsentEvent.SCOPE_NIGHT


def ago(**span: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(clock.now() - timedelta(**span))
    return stamp


@pytest.fixture
def words(shop: Shop) -> str:
    return str(shop.call("CreateWording", pb.CreateWordingRequest(version="2026-03", text=TEXT)).wording.id)


@pytest.fixture
def customer(shop: Shop) -> str:
    made = audience_pb2.CreateContactRequest(contact=audience_pb2.Contact(phone=PHONE))
    return str(shop.call("CreateContact", made).contact.id)


def asking(words: str, **more: Any) -> pb.RecordConsentRequest:
    given = {"ads": True, "wording_id": words, "source": "매장 신청서", "give_time": ago(hours=1), "proof": "신청서 17", **more}
    return pb.RecordConsentRequest(**given)


def events(shop: Shop, contact: str) -> list[tuple[int, bool]]:
    found = shop.call("ListConsentEvents", pb.ListConsentEventsRequest(contact_id=contact)).events
    return [(one.scope, one.granted) for one in reversed(found)]


def suppressed(shop: Shop, contact: str) -> bool:
    return bool(shop.call("GetContact", audience_pb2.GetContactRequest(contact_id=contact)).contact.suppressed)


def notices(shop: Shop) -> list[tuple[str, str]]:
    with database().read(shop.workspace) as tx:
        return [(row.kind, row.scope) for row in tx.rows("SELECT kind, scope FROM notices ORDER BY id")]


def test_words_are_kept_as_they_were_and_known_by_their_hash(shop: Shop, words: str) -> None:
    """R-CON-5: what people read can be shown years later."""
    (kept,) = shop.call("ListWordings", pb.ListWordingsRequest()).wordings
    assert (kept.id, kept.version, kept.text) == (words, "2026-03", TEXT)
    assert kept.text_sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    again = shop.refused("CreateWording", pb.CreateWordingRequest(version="2026-03", text="다른 문구"))
    assert again.code is grpc.StatusCode.ALREADY_EXISTS
    archived = shop.call("ArchiveWording", pb.ArchiveWordingRequest(wording_id=words)).wording
    assert archived.HasField("archive_time")
    assert not shop.call("ListWordings", pb.ListWordingsRequest()).wordings
    assert list(shop.call("ListWordings", pb.ListWordingsRequest(show_archived=True)).wordings) == [archived]
    refusal = shop.refused("RecordConsent", asking(words, phone=PHONE))
    assert refusal.fields == {"wording_id": "WORDING_ARCHIVED"}


def test_a_yes_is_recorded_with_everything_that_proves_it(shop: Shop, words: str, customer: str) -> None:
    """R-CON-5: who, scope, time, way, words with their hash, proof, and who recorded it; and a notice is due (R-NTC-1)."""
    answer = shop.call("RecordConsent", asking(words, contact_id=customer, night=True))
    assert (answer.consent.ads, answer.consent.night, answer.consent.source) == (True, True, "매장 신청서")
    assert not answer.lifted and answer.contact_id == customer
    assert [(one.scope, one.granted) for one in answer.events] == [(ADS, True), (NIGHT, True)]
    one = answer.events[0]
    assert (one.medium, one.wording_version, one.proof) == (types_pb2.MEDIUM_TEXT, "2026-03", "신청서 17")
    assert one.wording_sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    assert one.recorded_by.startswith("user:") and one.give_time.seconds < one.record_time.seconds
    listed = shop.call("ListConsentEvents", pb.ListConsentEventsRequest(contact_id=customer, page_size=1))
    assert list(listed.events) == [answer.events[1]] and listed.next_page_token
    assert notices(shop) == [("GRANTED", "ADS_AND_NIGHT")]


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"bundled": True}, "bundled", "CONSENT_BUNDLED"),
        ({"prechecked": True}, "prechecked", "CONSENT_PRECHECKED"),
        ({"wording_id": ""}, "wording_id", "CONSENT_WORDING_MISSING"),
        ({"source": ""}, "source", "CONSENT_SOURCE_MISSING"),
        ({"ads": False}, "ads", "CONSENT_OF_NOTHING"),
    ],
)
def test_what_was_no_consent_of_its_own_is_refused(
    shop: Shop, words: str, customer: str, change: dict[str, Any], field: str, reason: str
) -> None:
    """R-CON-2: nothing is recorded."""
    refusal = shop.refused("RecordConsent", asking(words, contact_id=customer, **change))
    assert (refusal.reason, refusal.fields) == (reason, {field: reason})
    assert events(shop, customer) == []


def test_a_number_becomes_a_customer_once(shop: Shop, words: str) -> None:
    first = shop.call("RecordConsent", asking(words, phone="010 2345 6789"))
    second = shop.call("RecordConsent", asking(words, phone=PHONE, night=True, give_time=ago(minutes=1)))
    assert first.contact_id == second.contact_id and second.consent.night
    with database().read(shop.workspace) as tx:
        assert tx.value("SELECT count(*) FROM contacts") == 1
    for who in ({}, {"phone": PHONE, "contact_id": first.contact_id}):
        assert shop.refused("RecordConsent", asking(words, **who)).fields == {"contact_id": "REQUIRED"}
    assert shop.refused("RecordConsent", asking(words, phone="02-123-4567")).fields == {"phone": "PHONE_LANDLINE"}


def test_the_same_request_is_recorded_once(shop: Shop, words: str, customer: str) -> None:
    request = asking(words, contact_id=customer, request_id=str(uuid4()))
    assert shop.call("RecordConsent", request) == shop.call("RecordConsent", request)
    assert events(shop, customer) == [(ADS, True)]


def test_after_an_opt_out_only_a_newer_proven_yes_lifts_it(shop: Shop, words: str, customer: str) -> None:
    """R-CON-4: neither an update by hand, nor a yes without proof, nor an older one; then it does, in one transaction."""
    shop.call("CreateSuppression", audience_pb2.CreateSuppressionRequest(phone=PHONE))
    agreed = audience_pb2.Consent(ads=True, consent_time=ago(seconds=0), source="매장")
    update = audience_pb2.UpdateContactRequest(contact_id=customer, contact=audience_pb2.Contact(consent=agreed))
    assert shop.call("UpdateContact", update).contact.suppressed
    for change, reason in (
        ({"give_time": ago(hours=1)}, "CONSENT_OLDER_THAN_REFUSAL"),
        ({"give_time": None, "proof": " "}, "CONSENT_PROOF_MISSING"),
        ({"give_time": None, "ads": False, "night": True}, "NIGHT_WITHOUT_ADS"),
    ):
        refusal = shop.refused("RecordConsent", asking(words, contact_id=customer, **change))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
    assert suppressed(shop, customer)
    assert ("GRANTED", "ADS") not in notices(shop)
    answer = shop.call("RecordConsent", asking(words, contact_id=customer, give_time=None))
    assert answer.lifted and not suppressed(shop, customer)
    assert not shop.call("ListSuppressions", audience_pb2.ListSuppressionsRequest()).suppressions
    assert ("GRANTED", "ADS") in notices(shop)
    shop.call("CreateSuppression", audience_pb2.CreateSuppressionRequest(phone=PHONE))
    assert suppressed(shop, customer)


def test_a_yes_to_one_way_says_nothing_about_another(shop: Shop, words: str, customer: str) -> None:
    """R-CON-1, R-OPT-4: a consent that names KakaoTalk is none for text messages, and lifts no refusal of them."""
    answer = shop.call("RecordConsent", asking(words, contact_id=customer, medium=types_pb2.MEDIUM_KAKAO))
    assert not answer.consent.ads and answer.events[0].medium == types_pb2.MEDIUM_KAKAO
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET optout_channels = '{TEXT,KAKAO}'")
    shop.call("CreateSuppression", audience_pb2.CreateSuppressionRequest(phone=PHONE))
    kakao = asking(words, contact_id=customer, medium=types_pb2.MEDIUM_KAKAO, give_time=None)
    assert shop.call("RecordConsent", kakao).lifted and suppressed(shop, customer)
    assert shop.call("RecordConsent", asking(words, contact_id=customer, give_time=None)).lifted
    assert not suppressed(shop, customer)


def test_a_withdrawn_consent_stops_everything_at_once(shop: Shop, words: str, customer: str) -> None:
    """R-CON-4, R-NGT-6: with the advertising the night ends, and only a newer proven yes brings it back."""
    shop.call("RecordConsent", asking(words, contact_id=customer, night=True))
    answer = shop.call("WithdrawConsent", pb.WithdrawConsentRequest(contact_id=customer, source="전화"))
    assert (answer.consent.ads, answer.consent.night) == (False, False)
    assert events(shop, customer) == [(ADS, True), (NIGHT, True), (ADS, False), (NIGHT, False)]
    assert suppressed(shop, customer)
    assert shop.refused("RecordConsent", asking(words, contact_id=customer)).reason == "CONSENT_OLDER_THAN_REFUSAL"
    back = shop.call("RecordConsent", asking(words, contact_id=customer, give_time=None))
    assert back.lifted and (back.consent.ads, back.consent.night) == (True, False)


def test_the_night_alone_can_be_withdrawn(shop: Shop, words: str, customer: str) -> None:
    """R-NGT-6: the advertising stays; an older yes to the night does not come back."""
    shop.call("RecordConsent", asking(words, contact_id=customer, night=True))
    answer = shop.call("WithdrawConsent", pb.WithdrawConsentRequest(contact_id=customer, scope=NIGHT))
    assert (answer.consent.ads, answer.consent.night) == (True, False) and not suppressed(shop, customer)
    assert notices(shop)[-1] == ("WITHDRAWN", "NIGHT")
    late = asking(words, contact_id=customer, ads=False, night=True, give_time=ago(minutes=30))
    assert shop.refused("RecordConsent", late).reason == "CONSENT_OLDER_THAN_REFUSAL"


def test_taking_a_consent_away_by_hand_is_a_no(shop: Shop, words: str, customer: str) -> None:
    """R-CON-4: a marketer who unticks it records a refusal, which an untouched box does not undo."""
    shop.call("RecordConsent", asking(words, contact_id=customer))
    change = audience_pb2.UpdateContactRequest(contact_id=customer)
    change.update_mask.paths.append("consent.ads")
    assert not shop.call("UpdateContact", change).contact.consent.ads
    assert suppressed(shop, customer)


def test_what_was_not_yet_is_refused(shop: Shop, words: str, customer: str) -> None:
    late = Timestamp()
    late.FromDatetime(datetime(2999, 1, 1, tzinfo=UTC))
    for rpc, request in (
        ("RecordConsent", asking(words, contact_id=customer, give_time=late)),
        ("WithdrawConsent", pb.WithdrawConsentRequest(contact_id=customer, give_time=late)),
    ):
        assert shop.refused(rpc, request).fields == {"give_time": "CONSENT_DATE_FUTURE"}
    trade = pb.RecordTradeRequest(contact_id=customer, order_id="7", kind="원두", end_date="2999-01-01")
    assert shop.refused("RecordTrade", trade).fields == {"end_date": "OUT_OF_RANGE"}


def test_what_was_bought_can_be_advertised_for_six_months(shop: Shop, customer: str) -> None:
    """R-CON-3: the last day is the same day six months later, or the last of that month; an order again is corrected."""
    for order, kind, day in (("7", "원두", "2026-08-31"), ("7", "그라인더", "2026-05-23"), ("7", "원두", "2026-05-23")):
        trade = pb.RecordTradeRequest(phone=PHONE, order_id=order, kind=kind, end_date=day)
        assert shop.call("RecordTrade", trade).contact_id == customer
    found = shop.call("ListTrades", pb.ListTradesRequest(contact_id=customer))
    assert {(one.kind, one.end_date, one.exempt_until_date) for one in found.trades} == {
        ("원두", "2026-05-23", "2026-11-23"),
        ("그라인더", "2026-05-23", "2026-11-23"),
    }
    last = pb.RecordTradeRequest(contact_id=customer, order_id="8", kind="원두", end_date="2026-08-31")
    assert shop.call("RecordTrade", last).trade.exempt_until_date == "2027-02-28"
    first = shop.call("ListTrades", pb.ListTradesRequest(contact_id=customer, page_size=2))
    rest = pb.ListTradesRequest(contact_id=customer, page_size=2, page_token=first.next_page_token)
    assert len(first.trades) == 2 and len(shop.call("ListTrades", rest).trades) == 1
    stranger = pb.RecordTradeRequest(phone="01099998888", order_id="9", kind="원두", end_date="2026-08-31")
    assert shop.refused("RecordTrade", stranger).code is grpc.StatusCode.NOT_FOUND
    made = audience_pb2.CreateContactRequest(contact=audience_pb2.Contact(phone="01099998888"))
    shop.call("CreateContact", made)
    taken = pb.RecordTradeRequest(phone="01099998888", order_id="8", kind="원두", end_date="2026-08-31")
    assert shop.refused("RecordTrade", taken).code is grpc.StatusCode.ALREADY_EXISTS
    bad = pb.RecordTradeRequest(contact_id=customer, order_id="9", kind="원두", end_date="2026-02-30")
    assert shop.refused("RecordTrade", bad).fields == {"end_date": "INVALID_FORMAT"}

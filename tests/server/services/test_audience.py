"""Contacts, imports and suppressions over the wire."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import audience_pb2 as pb

from core.db import audience
from core.db.session import database
from tests.server.shop import PHONE, Shop


def when(year: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime(year, 3, 2, tzinfo=UTC))
    return stamp


def contact(shop: Shop, phone: str = PHONE, **values: object) -> pb.Contact:
    return shop.call("CreateContact", pb.CreateContactRequest(contact=pb.Contact(phone=phone, **values))).contact


def consents(shop: Shop, made: pb.Contact) -> list[tuple[str, bool, str, str]]:
    with database().read(shop.workspace) as tx:
        return [(row.scope, row.granted, row.source, row.recorded_by[:5]) for row in audience.consents(tx, int(made.id))]


def test_a_contact_is_masked_and_its_consent_recorded(shop: Shop) -> None:
    consent = pb.Consent(ads=True, night=True, consent_time=when(2026), source="매장 신청서")
    made = contact(shop, "+82 10-2345-6789", name="김하나", tags=["단골"], attributes={"등급": "VIP"}, consent=consent)
    assert made.masked_phone == "010-****-6789"
    assert made.phone == ""
    assert (made.masked_name, list(made.tags), dict(made.attributes)) == ("김*나", ["단골"], {"등급": "VIP"})
    assert (made.consent.ads, made.consent.night, made.consent.source) == (True, True, "매장 신청서")
    assert (made.consent.consent_time, made.consent.until_date) == (when(2026), "2028-03-01")
    assert consents(shop, made) == [("ADS", True, "매장 신청서", "user:"), ("NIGHT", True, "매장 신청서", "user:")]
    assert shop.call("GetContact", pb.GetContactRequest(contact_id=made.id)).contact == made


def test_age_and_guardian_are_kept_and_checked(shop: Shop) -> None:
    """R-CON-6, R-PRO-2: year of birth, the guardian's proof, and when somebody was found to be of age."""
    made = contact(shop, birth_year=2014, guardian_proof="법정대리인 동의서 3")
    assert (made.birth_year, made.guardian_proof, made.HasField("adult_time")) == (2014, "법정대리인 동의서 3", False)
    change = pb.UpdateContactRequest(contact_id=made.id, contact=pb.Contact(birth_year=1990, adult_time=when(2026)))
    change.update_mask.paths.extend(["birth_year", "guardian_proof", "adult_time"])
    after = shop.call("UpdateContact", change).contact
    assert (after.birth_year, after.guardian_proof, after.adult_time) == (1990, "", when(2026))
    for wrong, field in ((pb.Contact(birth_year=1899), "birth_year"), (pb.Contact(birth_year=2099), "birth_year"),
                         (pb.Contact(adult_time=when(2999)), "adult_time")):  # fmt: skip
        refusal = shop.refused("UpdateContact", pb.UpdateContactRequest(contact_id=made.id, contact=wrong))
        assert refusal.fields == {f"contact.{field}": "OUT_OF_RANGE"}


def test_phone_numbers_are_not_readable_in_the_database(shop: Shop) -> None:
    contact(shop)
    with database().read(shop.workspace) as tx:
        row = tx.row("SELECT to_jsonb(c)::text AS everything, phone_sealed FROM contacts c")
        assert row is not None
        assert PHONE not in row.everything
        assert PHONE.encode() not in bytes(row.phone_sealed)


@pytest.mark.parametrize(
    ("phone", "reason"), [("", "PHONE_EMPTY"), ("02-123-4567", "PHONE_LANDLINE"), ("0101234", "PHONE_INVALID")]
)
def test_a_number_that_cannot_be_sent_to_is_refused_by_field(shop: Shop, phone: str, reason: str) -> None:
    refusal = shop.refused("CreateContact", pb.CreateContactRequest(contact=pb.Contact(phone=phone)))
    assert (refusal.reason, refusal.fields) == (reason, {"contact.phone": reason})
    assert not phone or phone not in str(refusal.status)


def test_the_same_number_twice_is_refused_but_an_archived_one_comes_back(shop: Shop, other: Shop) -> None:
    first = contact(shop, name="하나")
    contact(other)
    again = pb.CreateContactRequest(contact=pb.Contact(phone="010 2345 6789", name="둘"))
    refusal = shop.refused("CreateContact", again)
    assert refusal.code is grpc.StatusCode.ALREADY_EXISTS
    shop.call("ArchiveContact", pb.ArchiveContactRequest(contact_id=first.id))
    back = shop.call("CreateContact", again).contact
    assert (back.id, back.masked_name) == (first.id, "둘")
    assert not back.HasField("archive_time")


def test_a_consent_of_tomorrow_is_refused(shop: Shop) -> None:
    consent = pb.Consent(ads=True, consent_time=when(2999), source="x")
    refusal = shop.refused("CreateContact", pb.CreateContactRequest(contact=pb.Contact(phone=PHONE, consent=consent)))
    assert refusal.fields == {"contact.consent.consent_time": "CONSENT_DATE_FUTURE"}


def test_an_update_withdraws_consent_and_records_it(shop: Shop) -> None:
    made = contact(shop, consent=pb.Consent(ads=True, consent_time=when(2025), source="앱"), tags=["단골"], name="하나")
    request = pb.UpdateContactRequest(contact_id=made.id, contact=pb.Contact(), etag=made.etag)
    request.update_mask.paths.append("consent.ads")
    after = shop.call("UpdateContact", request).contact
    assert not after.consent.ads
    assert (after.consent.source, list(after.tags), after.masked_name) == ("앱", ["단골"], "하*")
    assert [(scope, granted) for scope, granted, *_ in consents(shop, made)] == [("ADS", True), ("ADS", False)]
    assert shop.refused("UpdateContact", request).reason == "ETAG_MISMATCH"


def test_an_update_of_the_name_records_no_consent(shop: Shop) -> None:
    made = contact(shop, consent=pb.Consent(ads=True, consent_time=when(2025), source="앱"))
    after = shop.call("UpdateContact", pb.UpdateContactRequest(contact_id=made.id, contact=pb.Contact(name="새 이름"))).contact
    assert (after.masked_name, after.consent) == ("새**름", made.consent)
    assert len(consents(shop, made)) == 1


@pytest.mark.parametrize("mask", [["phone"], []])
def test_a_phone_number_cannot_be_changed(shop: Shop, mask: list[str]) -> None:
    request = pb.UpdateContactRequest(contact_id=contact(shop).id, contact=pb.Contact(phone="01099998888"))
    request.update_mask.paths.extend(mask)
    assert shop.refused("UpdateContact", request).fields == {"update_mask": "FIXED_FIELD"}


def test_attributes_and_tags_are_replaced_as_a_whole(shop: Shop) -> None:
    made = contact(shop, tags=["a", "b"], attributes={"등급": "VIP", "지점": "강남"})
    request = pb.UpdateContactRequest(contact_id=made.id, contact=pb.Contact(tags=["c"], attributes={"등급": "일반"}))
    request.update_mask.paths.extend(["tags", "attributes"])
    after = shop.call("UpdateContact", request).contact
    assert (list(after.tags), dict(after.attributes)) == (["c"], {"등급": "일반"})


def test_contacts_are_found_by_number_name_and_tag(shop: Shop) -> None:
    one = contact(shop, PHONE, name="김하나", tags=["단골", "서울"])
    two = contact(shop, "01011112222", name="이둘", tags=["단골"])
    found = {
        'phone = "+82-10-2345-6789"': [one],
        'name = "이둘"': [two],
        'tag = "단골"': [two, one],
        'tag = "서울" AND name = "이둘"': [],
    }
    for query, expected in found.items():
        assert list(shop.call("ListContacts", pb.ListContactsRequest(filter=query)).contacts) == expected
    assert list(shop.call("ListContacts", pb.ListContactsRequest(order_by="create_time")).contacts) == [one, two]
    shop.call("ArchiveContact", pb.ArchiveContactRequest(contact_id=one.id))
    assert list(shop.call("ListContacts", pb.ListContactsRequest()).contacts) == [two]
    assert len(shop.call("ListContacts", pb.ListContactsRequest(show_archived=True)).contacts) == 2
    assert shop.refused("ListContacts", pb.ListContactsRequest(filter='phone = "02-123-4567"')).fields == {
        "filter": "PHONE_LANDLINE"
    }


def test_a_suppression_is_one_per_number_and_marks_the_contact(shop: Shop, other: Shop) -> None:
    made = contact(shop)
    first = shop.call("CreateSuppression", pb.CreateSuppressionRequest(phone="010-2345-6789")).suppression
    assert (first.masked_phone, first.source) == ("010-****-6789", pb.Suppression.SOURCE_MANUAL)
    second = pb.CreateSuppressionRequest(phone=PHONE, source=pb.Suppression.SOURCE_LINK)
    assert shop.call("CreateSuppression", second).suppression == first
    assert shop.call("GetContact", pb.GetContactRequest(contact_id=made.id)).contact.suppressed
    assert list(shop.call("ListContacts", pb.ListContactsRequest()).contacts)[0].suppressed
    listed = shop.call("ListSuppressions", pb.ListSuppressionsRequest(filter=f'source = "MANUAL" AND phone = "{PHONE}"'))
    assert list(listed.suppressions) == [first]
    assert not shop.call("ListSuppressions", pb.ListSuppressionsRequest(filter='source = "LINK"')).suppressions
    assert not other.call("ListSuppressions", pb.ListSuppressionsRequest()).suppressions


def test_times_are_kept_to_the_microsecond(shop: Shop) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC) - timedelta(days=30)
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    made = contact(shop, consent=pb.Consent(ads=True, consent_time=stamp, source="앱"))
    assert made.consent.consent_time.ToDatetime(tzinfo=UTC) == moment

"""Personal data over the wire: shown masked, in clear only with a reason, each look written down, each wish answered."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import privacy_pb2 as pb

from core import clock, images
from core.db import erasing, exports
from core.db.session import database
from core.rules import personal
from tests.server.shop import PHONE, Shop, open_shop

ERASE, RESTRICT, RESUME, CORRECT, ACCESS = (
    getattr(pb.PrivacyRequest, f"KIND_{kind}") for kind in ("ERASE", "RESTRICT", "RESUME", "CORRECT", "ACCESS")
)


def customer(shop: Shop, phone: str = PHONE, **values: Any) -> str:
    consent = audience.Consent(ads=True, source="매장 신청서")
    consent.consent_time.FromDatetime(datetime(2026, 3, 2))
    made = audience.Contact(phone=phone, **{"name": "김하나", "consent": consent, **values})
    return shop.call("CreateContact", audience.CreateContactRequest(contact=made)).contact.id


def log(shop: Shop, **filters: str) -> list[pb.AccessEntry]:
    """The access log, oldest first."""
    wanted = " AND ".join(f'{name} = "{value}"' for name, value in filters.items())
    return list(shop.call("ListAccessLog", pb.ListAccessLogRequest(filter=wanted)).entries)[::-1]


def ask(shop: Shop, contact: str, kind: Any, **more: Any) -> pb.PrivacyRequest:
    request = pb.CreatePrivacyRequestRequest(contact_id=contact, kind=kind, **more)
    return shop.call("CreatePrivacyRequest", request).privacy_request


def decide(shop: Shop, asked: pb.PrivacyRequest, **more: Any) -> pb.PrivacyRequest:
    request = pb.DecidePrivacyRequestRequest(privacy_request_id=asked.id, **more)
    return shop.call("DecidePrivacyRequest", request).privacy_request


def unmask(shop: Shop, contact: str, reason: str = "전화 문의 확인") -> pb.UnmaskContactResponse:
    return shop.call("UnmaskContact", pb.UnmaskContactRequest(contact_id=contact, reason=reason))


def rows(shop: Shop, statement: str, **values: Any) -> list[Any]:
    with database().write(shop.workspace) as tx:
        return list(tx.rows(statement, **values))


# --- shown, and written down ----------------------------------------------------------------------------------------


def test_a_look_at_customers_is_masked_and_is_one_entry_with_five_fields(shop: Shop) -> None:
    """R-PII-5, R-PII-8: a list shows 010-****-6789 and 김*나, and says who looked, when, from where, at whom, by what."""
    one, two = customer(shop), customer(shop, "01011112222", name="이둘")
    shown = shop.call("ListContacts", audience.ListContactsRequest()).contacts
    assert {(each.masked_phone, each.masked_name) for each in shown} == {("010-****-6789", "김*나"), ("010-****-2222", "이*")}
    assert not any(each.phone or each.name for each in shown)
    [entry] = log(shop, action="ListContacts")
    assert entry.actor.startswith("user:") and entry.origin == "127.0.0.1"
    assert (entry.action, entry.people) == ("ListContacts", 2)
    assert set(entry.subject.split()) == {"contact", one, two}
    assert abs(entry.time.ToDatetime() - clock.now().replace(tzinfo=None)) < timedelta(minutes=1)


def test_whoever_sees_nobody_leaves_no_entry(shop: Shop) -> None:
    shop.call("ListContacts", audience.ListContactsRequest())
    shop.refused("GetContact", audience.GetContactRequest(contact_id="1"))
    assert log(shop) == []


def test_the_origin_is_what_the_gateway_says_of_its_caller(shop: Shop) -> None:
    """R-PII-5"""
    contact = customer(shop)
    metadata = (*shop.metadata, ("x-origin", "203.0.113.9"))
    shop.call("GetContact", audience.GetContactRequest(contact_id=contact), metadata=metadata)
    assert [entry.origin for entry in log(shop, action="GetContact")] == ["203.0.113.9"]


@pytest.mark.parametrize("statement", ["UPDATE access_log SET actor = 'user:nobody'", "DELETE FROM access_log"])
def test_nobody_changes_the_access_log(shop: Shop, statement: str) -> None:
    """R-PII-5: neither the product's role nor the system's may; months past two years are dropped as a whole."""
    customer(shop)
    with pytest.raises(Exception, match="permission denied"), database().write(shop.workspace) as tx:
        tx.run(statement)
    with pytest.raises(Exception, match="permission denied"), database().system() as tx:
        tx.run(statement)
    assert log(shop)


def test_a_number_in_clear_needs_a_reason_and_is_written_down(shop: Shop) -> None:
    """R-PII-8"""
    contact = customer(shop)
    refusal = shop.refused("UnmaskContact", pb.UnmaskContactRequest(contact_id=contact, reason="음"))
    assert refusal.fields == {"reason": "REQUIRED"}
    shown = unmask(shop, contact)
    assert (shown.phone, shown.name) == (PHONE, "김하나")
    [entry] = log(shop, action="UnmaskContact")
    assert (entry.subject, entry.people, entry.reason) == (f"contact {contact}", 1, "전화 문의 확인")


def test_only_an_approver_sees_a_number_in_clear(channel: grpc.Channel) -> None:
    """R-PII-7: the least role that the purpose needs."""
    marketer = open_shop(channel, role="MARKETER")
    contact = customer(marketer)
    request = pb.UnmaskContactRequest(contact_id=contact, reason="전화 문의 확인")
    assert marketer.refused("UnmaskContact", request).code is grpc.StatusCode.PERMISSION_DENIED
    assert marketer.refused("ListAccessLog", pb.ListAccessLogRequest()).code is grpc.StatusCode.PERMISSION_DENIED


def test_nobody_unmasks_a_whole_list_one_by_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-PII-8"""
    monkeypatch.setattr(personal, "UNMASKED_A_DAY", 2)
    contact = customer(shop)
    unmask(shop, contact), unmask(shop, contact)
    refusal = shop.refused("UnmaskContact", pb.UnmaskContactRequest(contact_id=contact, reason="전화 문의 확인"))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "UNMASK_LIMIT")


def test_a_month_is_looked_through_and_signed_once_it_is_over(shop: Shop) -> None:
    """R-PII-6: sums by actor and action, and who signed that they were looked at."""
    contact = customer(shop)
    unmask(shop, contact), unmask(shop, contact)
    month = f"{clock.kst(clock.now()):%Y-%m}"
    found = shop.call("GetAccessReview", pb.GetAccessReviewRequest(month=month))
    assert {(one.action, one.times, one.people) for one in found.sums} == {("CreateContact", 1, 1), ("UnmaskContact", 2, 2)}
    assert found.signed_by == ""
    early = shop.refused("SignAccessReview", pb.SignAccessReviewRequest(month=month, findings="이상 없음"))
    assert early.fields == {"month": "MONTH_NOT_OVER"}
    shop.call("SignAccessReview", pb.SignAccessReviewRequest(month="2026-01", findings="이상 없음"))
    signed = shop.call("GetAccessReview", pb.GetAccessReviewRequest(month="2026-01"))
    assert (signed.signed_by[:5], signed.findings, list(signed.sums)) == ("user:", "이상 없음", [])


# --- exports -----------------------------------------------------------------------------------------------------


def test_an_export_without_a_reason_is_refused(shop: Shop) -> None:
    """R-PII-4, R-PII-8"""
    assert shop.refused("CreateExport", pb.CreateExportRequest()).fields == {"reason": "REQUIRED"}


def test_an_export_shows_its_password_once_and_is_masked_by_default(shop: Shop) -> None:
    """R-PII-4"""
    request = pb.CreateExportRequest(reason="명단 확인", tag="단골", request_id=str(uuid4()))
    made = shop.call("CreateExport", request)
    assert made.export.masked and made.export.state == pb.Export.STATE_PENDING and made.export.tag == "단골"
    assert len(made.password.replace("-", "")) == 20
    assert shop.call("CreateExport", request) == made
    again = shop.call("GetExport", pb.GetExportRequest(export_id=made.export.id)).export
    assert again == made.export and made.password not in str(again)
    assert made.password not in str(rows(shop, "SELECT to_jsonb(e)::text AS everything FROM exports e"))
    assert [(entry.action, entry.reason) for entry in log(shop)] == [("CreateExport", "명단 확인")]


def test_only_the_owner_exports_in_clear(channel: grpc.Channel) -> None:
    """R-PII-4, R-PII-7"""
    approver = open_shop(channel, role="APPROVER")
    refusal = approver.refused("CreateExport", pb.CreateExportRequest(reason="명단 확인", clear=True))
    assert refusal.reason == "EXPORT_CLEAR_NEEDS_OWNER"
    assert approver.call("CreateExport", pb.CreateExportRequest(reason="명단 확인")).export.masked


def test_a_finished_export_is_fetched_for_a_day_and_each_time_is_written_down(shop: Shop) -> None:
    """R-PII-4"""
    made = shop.call("CreateExport", pb.CreateExportRequest(reason="명단 확인")).export
    request = pb.DownloadExportRequest(export_id=made.id)
    assert shop.refused("DownloadExport", request).reason == "EXPORT_NOT_READY"
    name = images.export_name(shop.workspace, UUID(made.id))
    with database().write(shop.workspace) as tx:
        exports.claim(tx, UUID(made.id), clock.now())
        ending = {"state": "DONE", "object_name": name, "rows_done": 7, "expires_at": clock.now() + timedelta(hours=24)}
        exports.end(tx, UUID(made.id), ending, clock.now())
    url = shop.call("DownloadExport", request).download_url
    assert name in url and "X-Amz-Expires=300" in url
    assert [(entry.people, entry.reason) for entry in log(shop, action="DownloadExport")] == [(7, "명단 확인")]
    rows(shop, "UPDATE exports SET expires_at = now() - interval '1 second' RETURNING id")
    assert shop.refused("DownloadExport", request).reason == "EXPORT_NOT_READY"


# --- what people ask ----------------------------------------------------------------------------------------------


def test_a_request_is_due_in_ten_days_and_asked_once(shop: Shop) -> None:
    """R-PII-10"""
    contact = customer(shop)
    asked = ask(shop, contact, ACCESS, note="전화")
    assert asked.due_time.ToDatetime() - asked.receive_time.ToDatetime() == timedelta(days=10)
    assert (asked.state, asked.note) == (pb.PrivacyRequest.STATE_OPEN, "전화")
    assert ask(shop, contact, ACCESS).id == asked.id
    assert ask(shop, contact, CORRECT).id != asked.id
    waiting = shop.call("ListPrivacyRequests", pb.ListPrivacyRequestsRequest(filter='state = "OPEN"')).privacy_requests
    assert {one.id for one in waiting} >= {asked.id}
    assert shop.call("GetPrivacyDuties", pb.GetPrivacyDutiesRequest()).open_requests == 2


def test_a_refusal_says_on_which_ground_and_ends_it(shop: Shop) -> None:
    """R-PII-10"""
    asked = ask(shop, customer(shop), CORRECT)
    empty = pb.DecidePrivacyRequestRequest(privacy_request_id=asked.id, refuse=True, answer=" ")
    assert shop.refused("DecidePrivacyRequest", empty).fields == {"answer": "ANSWER_REQUIRED"}
    ended = decide(shop, asked, refuse=True, answer="본인이 아닙니다.")
    assert (ended.state, ended.answer, ended.ended_by[:5]) == (pb.PrivacyRequest.STATE_REFUSED, "본인이 아닙니다.", "user:")
    again = pb.DecidePrivacyRequestRequest(privacy_request_id=asked.id)
    assert shop.refused("DecidePrivacyRequest", again).reason == "PRIVACY_REQUEST_ENDED"


def test_stop_processing_holds_until_it_is_taken_back(shop: Shop) -> None:
    """R-PII-10"""
    contact = customer(shop)
    assert decide(shop, ask(shop, contact, RESTRICT)).state == pb.PrivacyRequest.STATE_DONE
    assert rows(shop, "SELECT restricted_at IS NOT NULL AS stopped FROM contacts")[0].stopped
    decide(shop, ask(shop, contact, RESUME))
    assert not rows(shop, "SELECT restricted_at IS NOT NULL AS stopped FROM contacts")[0].stopped


def test_a_person_is_shown_everything_that_is_kept_about_them(shop: Shop) -> None:
    """R-PII-10"""
    contact = customer(shop, tags=["단골"], attributes={"등급": "VIP"})
    asked = ask(shop, contact, ACCESS)
    record = shop.call("GetPersonRecord", pb.GetPersonRecordRequest(privacy_request_id=asked.id)).record
    assert (record.phone, record.name, list(record.tags), dict(record.attributes)) == (PHONE, "김하나", ["단골"], {"등급": "VIP"})
    assert [(one.scope, one.granted, one.source) for one in record.consents] == [("ADS", True, "매장 신청서")]
    assert not record.HasField("optout_time")
    assert [entry.subject for entry in log(shop, action="GetPersonRecord")] == [f"personrecord {contact}"]
    other = ask(shop, contact, CORRECT)
    refusal = shop.refused("GetPersonRecord", pb.GetPersonRecordRequest(privacy_request_id=other.id))
    assert refusal.reason == "NOT_AN_ACCESS_REQUEST"


def test_an_erased_customer_is_found_nowhere_and_gets_no_ads_when_a_list_brings_them_back(shop: Shop) -> None:
    """R-PII-9, R-OPT-7: what is left is the hash that keeps the no, and what other laws keep apart; nothing else."""
    contact = customer(shop)
    shop.call("CreateSuppression", audience.CreateSuppressionRequest(phone=PHONE))
    ended = decide(shop, ask(shop, contact, ERASE, note="김하나님 전화"), answer="삭제했습니다.")
    assert (ended.state, ended.note) == (pb.PrivacyRequest.STATE_DONE, "")
    assert shop.refused("GetContact", audience.GetContactRequest(contact_id=contact)).code is grpc.StatusCode.NOT_FOUND
    by_number = audience.ListContactsRequest(filter=f'phone = "{PHONE}"', show_archived=True)
    assert not shop.call("ListContacts", by_number).contacts
    for table in ("contacts", "consents", "trades", "guests", "direct_messages"):
        assert rows(shop, f"SELECT * FROM {table}") == [], table
    [left] = shop.call("ListSuppressions", audience.ListSuppressionsRequest()).suppressions
    assert left.masked_phone == ""
    back = customer(shop)
    assert shop.call("GetContact", audience.GetContactRequest(contact_id=back)).contact.suppressed


def test_an_erasure_is_remembered_where_no_backup_of_the_database_reaches(shop: Shop) -> None:
    """R-PII-9"""
    contact = customer(shop)
    decide(shop, ask(shop, contact, ERASE))
    with database().write(shop.workspace) as tx:
        [erased] = erasing.remembered(tx)
    assert [*images.storage().names(f"erasures/{shop.workspace}/")] == [erased.tombstone]
    assert PHONE not in erased.tombstone and "김" not in erased.tombstone


def test_the_duties_follow_from_how_many_people_there_are(shop: Shop) -> None:
    """R-PII-13, R-PII-5"""
    rows(shop, "UPDATE workspaces SET people = 50000 RETURNING id")
    found = shop.call("GetPrivacyDuties", pb.GetPrivacyDutiesRequest())
    assert [(duty.from_people, duty.applies) for duty in found.duties] == [(10_000, True), (50_000, True), (1_000_000, False)]
    assert {one.kept for one in found.retentions} >= {"2년", "24시간"}

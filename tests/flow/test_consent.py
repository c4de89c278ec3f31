"""Consent through both doors of the running product: recorded, withdrawn, given anew, with what each of it costs."""

from uuid import uuid4

from tests.flow import doors


def test_a_yes_a_no_and_a_newer_yes_through_either_door(door: doors.Door) -> None:
    """R-CON-2, R-CON-4, R-CON-5: a web shop signs somebody up; what was bundled is refused by the field."""
    number = f"010{uuid4().int % 10**8:08}"
    words = door("CreateWording", version=f"{uuid4()}", text="(선택) 광고성 문자를 받는 데 동의합니다.")["wording"]["id"]
    asked = {"phone": number, "ads": True, "wordingId": words, "source": "홈페이지 가입", "proof": "203.0.113.7 Chrome"}
    refused = door.refused("RecordConsent", bundled=True, **asked)
    assert (refused.reason, set(refused.fields)) == ("CONSENT_BUNDLED", {"bundled"})
    taken = door("RecordConsent", **asked)
    contact = taken["contactId"]
    assert taken["consent"]["ads"] and not taken["lifted"]
    ended = door("WithdrawConsent", contactId=contact, source="전화")
    assert not ended["consent"]["ads"]
    assert door("GetContact", contactId=contact)["contact"]["suppressed"]
    assert door("RecordConsent", **asked)["lifted"]
    events = door("ListConsentEvents", contactId=contact)["events"]
    assert [one["granted"] for one in events] == [True, False, True]
    assert door("PreviewNotices")["waitingCount"] >= 2
    door("RecordTrade", contactId=contact, orderId=f"{uuid4()}", kind="원두", endDate="2026-08-31")
    (trade,) = door("ListTrades", contactId=contact)["trades"]
    assert trade["exemptUntilDate"] == "2027-02-28"
    door("ArchiveContact", contactId=contact)

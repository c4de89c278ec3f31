"""Two merchants on one product: with every RPC there is, one gets nothing of the other."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from jeondan.v1 import catalog_pb2, send_pb2

from deploy.local.product import Product
from tests.flow import doors, files, stubs
from tests.flow.running import login, second_shop

# Of whoever asks, whatever is asked: nothing of somebody else can be named.
OWN = {"CreateSession", "GetWorkspace", "CreateImageUpload", "CreateImportUpload", "CreateContact", "CreateSuppression"}
OWN |= {"CreateWording", "PreviewNotices", "SyncTemplates", "SyncSenderNumbers", "UpdateWorkspace"}
OWN |= {"SetAttributeType", "AddGuest"}
# Whose figures are whose: tests/flow/test_checks.py and tests/server/services/test_operations.py.
OWN |= {"ListChecks"}
# Of whom a link was written for: tests/server/services/test_optout.py.
OWN |= {"GetOptoutPage", "ConfirmOptout"}
OWN |= {"ListAccessLog", "GetAccessReview", "SignAccessReview", "CreateExport", "GetExport", "ListExports", "DownloadExport"}
OWN |= {"GetPrivacyRequest", "ListPrivacyRequests", "DecidePrivacyRequest", "GetPersonRecord", "GetPrivacyDuties"}
# With ids of the first merchant these are held in tests/server/test_isolation.py: here they would switch its accounts.
OWN |= {"CreateProviderAccount", "UpdateProviderAccount", "DisableProviderAccount", "ResumeProviderAccount", "SetRouting"}
OWN |= {"CreateSenderNumber", "DisableSenderNumber"}
OWN |= {
    "RecordCertificate",
    "SetProviderSenders",
    "CreateProviderWebhook",
    "ListAttempts",
    "GetAttempt",
    "ResolveAttempt",
    "RetryFailed",
}


@pytest.fixture(scope="module")
def one(product: Product, channel: grpc.Channel) -> doors.Grpc:
    """The demo merchant."""
    return doors.Grpc(channel, login(product)["api_key"])


@pytest.fixture(scope="module")
def two(product: Product, channel: grpc.Channel) -> doors.Grpc:
    """Another one, with everything of its own but nothing done yet."""
    return doors.Grpc(channel, second_shop(product)["api_key"])


@pytest.fixture(scope="module")
def has(one: doors.Grpc, call: stubs.Caller, photo: bytes) -> dict[str, str]:
    """Ids of everything the first merchant has, each readable by itself."""
    upload = call("CreateImageUpload", catalog_pb2.CreateImageUploadRequest(file_name="x", content_type="image/png")).upload
    stubs.put(upload, photo)
    image = stubs.image(call, photo).id
    item = one("CreateProduct", product={"name": "비밀 상품", "imageIds": [image]})["product"]["id"]
    read = stubs.customers(call, files.agreed(files.numbers(2_000_000, 3)) + b"\nx,02-123-4567,Y,,", name="비밀.csv", tag="비밀")
    sender = one("ListSenderNumbers")["senderNumbers"][0]["id"]
    draft = {
        "name": "비밀",
        "purpose": "PURPOSE_AD",
        "body": "비밀 할인",
        "senderNumberId": sender,
        "audience": {"anyTags": ["비밀"]},
    }
    sent, waiting = (one("CreateCampaign", campaign=draft)["campaign"]["id"] for _ in range(2))
    one("LaunchCampaign", campaignId=sent)
    done = stubs.follow(call, sent)
    assert done.counters.selected == 3
    rule = {"tag": {"tags": ["비밀"]}}
    return {
        "segment": one("CreateSegment", segment={"name": "비밀", "rule": rule})["segment"]["id"],
        "guest": one("AddGuest", phone="01000009998")["guest"]["id"],
        "image": image,
        "product": item,
        "flyer": stubs.flyer(call, item).id,
        "import": read.id,
        "contact": one("ListContacts", filter='tag = "비밀"')["contacts"][0]["id"],
        "campaign": waiting,
        "sent": sent,
        "message": call("ListMessages", send_pb2.ListMessagesRequest(campaign_id=sent)).messages[0].id,
        "report": one("CreateReport", campaignId=sent)["report"]["id"],
        "sender": sender,
        "wording": one("CreateWording", version="비밀", text="비밀 문구")["wording"]["id"],
        "template": fetched(one)["templates"][0]["id"],
        "upload": upload.object_name,
    }


def fetched(one: doors.Grpc) -> dict[str, Any]:
    """The templates, once they were fetched."""
    one("SyncTemplates")
    found: dict[str, Any] = stubs.until(lambda: one("ListTemplates"), lambda answer: bool(answer["templates"]))
    return found


def named(has: dict[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """RPC -> a request that names something of the first merchant."""
    for subject in ("Image", "Product", "Flyer", "Import", "Contact", "Message", "Template"):
        yield f"Get{subject}", {f"{subject.lower()}Id": has[subject.lower()]}
    for subject in ("Product", "Flyer", "Contact", "Campaign"):
        yield f"Archive{subject}", {f"{subject.lower()}Id": has[subject.lower()]}
    for subject in ("Product", "Contact", "Campaign"):
        change = {subject.lower(): {"name": "남의 것"}, "updateMask": "name"}
        yield f"Update{subject}", {f"{subject.lower()}Id": has[subject.lower()], **change}
    for verb in ("Get", "Preview", "Launch", "Cancel"):
        yield f"{verb}Campaign", {"campaignId": has["campaign"]}
    for verb in ("Pause", "Resume"):
        yield f"{verb}Campaign", {"campaignId": has["sent"]}
    yield "RescheduleCampaign", {"campaignId": has["campaign"], "scheduleTime": "2090-01-01T00:00:00Z"}
    yield "UnscheduleCampaign", {"campaignId": has["campaign"]}
    yield "OverrulePurpose", {"campaignId": has["campaign"], "reason": "REASON_SURVEY"}
    yield "AgreeToPurpose", {"campaignId": has["campaign"]}
    yield "ListMessages", {"campaignId": has["sent"]}
    yield "ListRecipients", {"campaignId": has["sent"]}
    yield "CreateReport", {"campaignId": has["sent"]}
    yield "GetReport", {"reportId": has["report"]}
    yield "ExplainRecipient", {"campaignId": has["sent"], "contactId": has["contact"]}
    yield "UnmaskContact", {"contactId": has["contact"], "reason": "남의 고객"}
    yield "CreatePrivacyRequest", {"contactId": has["contact"], "kind": "KIND_ACCESS"}
    yield "CancelMessage", {"messageId": has["message"]}
    yield "GetSegment", {"segmentId": has["segment"]}
    yield "ArchiveSegment", {"segmentId": has["segment"]}
    yield "UpdateSegment", {"segmentId": has["segment"], "segment": {"name": "남의 것"}, "updateMask": "name"}
    yield "PreviewSegment", {"segmentId": has["segment"]}
    yield "RenameTag", {"name": "비밀", "newName": "남의 것"}
    yield "DeleteTag", {"name": "비밀"}
    yield "DeleteGuest", {"guestId": has["guest"]}
    yield "ListImportErrors", {"importId": has["import"]}
    yield "ListConsentEvents", {"contactId": has["contact"]}
    yield "ListTrades", {"contactId": has["contact"]}
    yield "WithdrawConsent", {"contactId": has["contact"]}
    yield "RecordTrade", {"contactId": has["contact"], "orderId": "1", "kind": "원두", "endDate": "2026-01-02"}
    yield "ArchiveWording", {"wordingId": has["wording"]}
    agreed = {"ads": True, "wordingId": has["wording"], "source": "매장"}
    yield "RecordConsent", {"contactId": has["contact"], **agreed}
    yield "GetImportErrorFile", {"importId": has["import"]}


def taken(has: dict[str, str]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """RPC -> a request that uses something of the first merchant for the second one, and the field that is refused."""
    yield "CreateImage", {"objectName": has["upload"]}, "objectName"
    yield "CreateImport", {"objectName": has["upload"], "fileName": "x.csv"}, "objectName"
    yield "CreateProduct", {"product": {"name": "x", "imageIds": [has["image"]]}}, "imageIds"
    yield "CreateFlyer", {"flyer": {"productIds": [has["product"]]}}, "productIds[0]"
    notice = {"purpose": "PURPOSE_INFO", "senderNumberId": has["sender"]}
    yield "SendMessage", {"to": "01012345678", "text": "x", **notice}, "senderNumberId"
    yield "BatchSend", {"messages": [{"to": "01012345678", "text": "x"}], **notice}, "senderNumberId"
    draft = {"name": "x", "purpose": "PURPOSE_AD", "flyerId": has["flyer"], "senderNumberId": has["sender"]}
    yield "CreateCampaign", {"campaign": draft}, "senderNumberId"
    sent = {"campaign": {"campaignIds": [has["campaign"]]}}
    yield "CreateSegment", {"segment": {"name": "x", "rule": sent}}, "rule"
    yield "CreateCampaign", {"campaign": draft}, "flyerId"


LISTED = ("ListImages", "ListProducts", "ListFlyers", "ListImports", "ListContacts", "ListSuppressions", "ListCampaigns")
LISTED += ("ListSegments", "ListTags", "ListAttributes", "ListGuests", "ListWordings", "ListOptouts")
SEEN = ("ListSenderNumbers", "ListProviderAccounts", "ListTemplates", "ListNotices")  # the second merchant has its own


def test_an_id_of_somebody_else_is_no_id(two: doors.Grpc, one: doors.Grpc, has: dict[str, str]) -> None:
    before = one("GetCampaign", campaignId=has["campaign"]), one("GetCampaign", campaignId=has["sent"])
    for rpc, request in named(has):
        found = two.refused(rpc, **request)
        assert (rpc, found.codes, found.reason) == (rpc, {"NOT_FOUND"}, "NOT_FOUND")
    assert before == (one("GetCampaign", campaignId=has["campaign"]), one("GetCampaign", campaignId=has["sent"]))


def test_the_owner_may_use_the_same_ids(one: doors.Grpc, has: dict[str, str]) -> None:
    for rpc, request in named(has):
        if rpc.startswith(("Get", "List", "Preview", "Explain")):
            assert one(rpc, **request), rpc


def test_nothing_is_built_from_what_somebody_else_has(two: doors.Grpc, has: dict[str, str]) -> None:
    for rpc, request, field in taken(has):
        found = two.refused(rpc, **request)
        assert found.codes == {"INVALID_ARGUMENT"} and field in found.fields, (rpc, found)


def test_lists_are_empty_and_the_rest_is_ones_own(one: doors.Grpc, two: doors.Grpc, has: dict[str, str]) -> None:
    one("CreateSuppression", phone="01000009999")
    one("SetAttributeType", name="비밀", kind="ATTRIBUTE_KIND_DATE")
    for rpc in LISTED:
        more = {"showArchived": True} if "show_archived" in doors.METHODS[rpc].input_type.fields_by_name else {}
        assert any(one(rpc, **more).values()), rpc
        assert not any(two(rpc, **more).values()), rpc
    for rpc in SEEN:
        mine, theirs = (next(iter(answer(rpc).values())) for answer in (one, two))
        assert {item["id"] for item in mine}.isdisjoint(item["id"] for item in theirs), rpc
    assert two("GetWorkspace")["workspace"]["name"] == "가을서점"


def test_a_filter_finds_nobody_elses_customer(one: doors.Grpc, two: doors.Grpc, has: dict[str, str]) -> None:
    phone = files.numbers(2_000_000, 1)[0]
    assert one("ListContacts", filter=f'phone = "{phone}"')["contacts"]
    assert not two("ListContacts", filter=f'phone = "{phone}"')["contacts"]
    assert not two("ListContacts", filter='tag = "비밀"')["contacts"]


def test_an_audience_holds_ones_own_customers_only(two: doors.Grpc, has: dict[str, str]) -> None:
    sender = two("ListSenderNumbers")["senderNumbers"][0]["id"]
    draft = {"name": "모두에게", "purpose": "PURPOSE_AD", "body": "모두에게 할인", "senderNumberId": sender}
    campaign = two("CreateCampaign", campaign=draft)["campaign"]
    assert two("PreviewCampaign", campaignId=campaign["id"])["selected"] == 0
    assert two.refused("LaunchCampaign", campaignId=campaign["id"]).reason == "EMPTY_AUDIENCE"
    two("ArchiveCampaign", campaignId=campaign["id"])


def test_every_rpc_stands_here(has: dict[str, str]) -> None:
    tested = OWN | {*LISTED, *SEEN} | {rpc for rpc, _ in named(has)} | {rpc for rpc, _, _ in taken(has)}
    assert tested == doors.METHODS.keys()

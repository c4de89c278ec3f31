"""A second merchant sees nothing of the first one, through any RPC."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import attempt_pb2 as attempt
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import campaign_pb2 as campaign
from jeondan.v1 import catalog_pb2 as catalog
from jeondan.v1 import guest_pb2 as guest
from jeondan.v1 import privacy_pb2 as privacy
from jeondan.v1 import provider_pb2 as provider
from jeondan.v1 import segment_pb2 as segment
from jeondan.v1 import send_pb2 as send
from jeondan.v1 import template_pb2 as template

from core import clock
from core.db import accounts, templates
from core.db.ids import new_id
from core.db.session import database
from core.images import storage
from core.rules.template import Template
from server.main import SERVICES
from tests.server.shop import PHONE, Shop

# RPC -> a request that names something of the first merchant
NAMED: dict[str, Callable[[dict[str, str]], Any]] = {
    "GetImage": lambda has: catalog.GetImageRequest(image_id=has["image"]),
    "GetProduct": lambda has: catalog.GetProductRequest(product_id=has["product"]),
    "UpdateProduct": lambda has: catalog.UpdateProductRequest(product_id=has["product"], product=catalog.Product(name="x")),
    "ArchiveProduct": lambda has: catalog.ArchiveProductRequest(product_id=has["product"]),
    "GetFlyer": lambda has: catalog.GetFlyerRequest(flyer_id=has["flyer"]),
    "ArchiveFlyer": lambda has: catalog.ArchiveFlyerRequest(flyer_id=has["flyer"]),
    "GetImport": lambda has: audience.GetImportRequest(import_id=has["import"]),
    "ListImportErrors": lambda has: audience.ListImportErrorsRequest(import_id=has["import"]),
    "GetImportErrorFile": lambda has: audience.GetImportErrorFileRequest(import_id=has["import"]),
    "GetContact": lambda has: audience.GetContactRequest(contact_id=has["contact"]),
    "UpdateContact": lambda has: audience.UpdateContactRequest(contact_id=has["contact"], contact=audience.Contact(name="x")),
    "ArchiveContact": lambda has: audience.ArchiveContactRequest(contact_id=has["contact"]),
    "GetCampaign": lambda has: campaign.GetCampaignRequest(campaign_id=has["campaign"]),
    "UpdateCampaign": lambda has: campaign.UpdateCampaignRequest(
        campaign_id=has["campaign"], campaign=campaign.Campaign(name="x")
    ),
    "PreviewCampaign": lambda has: campaign.PreviewCampaignRequest(campaign_id=has["campaign"]),
    "LaunchCampaign": lambda has: campaign.LaunchCampaignRequest(campaign_id=has["campaign"], request_id=has["image"]),
    "PauseCampaign": lambda has: campaign.PauseCampaignRequest(campaign_id=has["campaign"]),
    "ResumeCampaign": lambda has: campaign.ResumeCampaignRequest(campaign_id=has["campaign"]),
    "CancelCampaign": lambda has: campaign.CancelCampaignRequest(campaign_id=has["campaign"]),
    "RescheduleCampaign": lambda has: campaign.RescheduleCampaignRequest(
        campaign_id=has["campaign"], schedule_time=Timestamp(seconds=4_000_000_000)
    ),
    "RetryFailed": lambda has: campaign.RetryFailedRequest(campaign_id=has["campaign"]),
    "OverrulePurpose": lambda has: campaign.OverrulePurposeRequest(campaign_id=has["campaign"], reason=1),
    "AgreeToPurpose": lambda has: campaign.AgreeToPurposeRequest(campaign_id=has["campaign"]),
    "UnscheduleCampaign": lambda has: campaign.UnscheduleCampaignRequest(campaign_id=has["campaign"]),
    "ArchiveCampaign": lambda has: campaign.ArchiveCampaignRequest(campaign_id=has["campaign"]),
    "ListMessages": lambda has: send.ListMessagesRequest(campaign_id=has["campaign"]),
    "GetTemplate": lambda has: template.GetTemplateRequest(template_id=has["template"]),
    "UpdateProviderAccount": lambda has: provider.UpdateProviderAccountRequest(
        provider_account_id=has["account"], settings=provider.ProviderSettings(priority=1)
    ),
    "DisableProviderAccount": lambda has: provider.DisableProviderAccountRequest(provider_account_id=has["account"]),
    "ResumeProviderAccount": lambda has: provider.ResumeProviderAccountRequest(provider_account_id=has["account"]),
    "SetProviderSenders": lambda has: provider.SetProviderSendersRequest(provider_account_id=has["account"]),
    "DisableSenderNumber": lambda has: account.DisableSenderNumberRequest(sender_number_id=has["sender"]),
    "RecordCertificate": lambda has: provider.RecordCertificateRequest(
        provider_account_id=has["account"], certificate=account.Certificate(number="1", check_date="2026-01-01")
    ),
    "CreateProviderWebhook": lambda has: provider.CreateProviderWebhookRequest(provider_account_id=has["account"]),
    "GetAttempt": lambda has: attempt.GetAttemptRequest(attempt_id=has["attempt"]),
    "ResolveAttempt": lambda has: attempt.ResolveAttemptRequest(attempt_id=has["attempt"], decision=1),  # type: ignore[arg-type]
    "UnmaskContact": lambda has: privacy.UnmaskContactRequest(contact_id=has["contact"], reason="남의 고객"),
    "GetExport": lambda has: privacy.GetExportRequest(export_id=has["export"]),
    "DownloadExport": lambda has: privacy.DownloadExportRequest(export_id=has["export"]),
    "CreatePrivacyRequest": lambda has: privacy.CreatePrivacyRequestRequest(contact_id=has["contact"], kind=1),  # type: ignore[arg-type]
    "GetPrivacyRequest": lambda has: privacy.GetPrivacyRequestRequest(privacy_request_id=has["asked"]),
    "DecidePrivacyRequest": lambda has: privacy.DecidePrivacyRequestRequest(privacy_request_id=has["asked"]),
    "GetPersonRecord": lambda has: privacy.GetPersonRecordRequest(privacy_request_id=has["asked"]),
    "GetMessage": lambda has: send.GetMessageRequest(message_id=has["message"]),
    "CancelMessage": lambda has: send.CancelMessageRequest(message_id=has["message"]),
    "GetSegment": lambda has: segment.GetSegmentRequest(segment_id=has["segment"]),
    "UpdateSegment": lambda has: segment.UpdateSegmentRequest(segment_id=has["segment"], segment=segment.Segment(name="x")),
    "ArchiveSegment": lambda has: segment.ArchiveSegmentRequest(segment_id=has["segment"]),
    "PreviewSegment": lambda has: segment.PreviewSegmentRequest(segment_id=has["segment"]),
    "RenameTag": lambda has: segment.RenameTagRequest(name="비밀", new_name="x"),
    "DeleteTag": lambda has: segment.DeleteTagRequest(name="비밀"),
    "DeleteGuest": lambda has: guest.DeleteGuestRequest(guest_id=has["guest"]),
}
# RPC -> a request whose answer must be empty
LISTED: dict[str, Any] = {
    "ListImages": catalog.ListImagesRequest(),
    "ListProducts": catalog.ListProductsRequest(show_archived=True),
    "ListFlyers": catalog.ListFlyersRequest(show_archived=True),
    "ListImports": audience.ListImportsRequest(),
    "ListContacts": audience.ListContactsRequest(show_archived=True),
    "ListSuppressions": audience.ListSuppressionsRequest(),
    "ListCampaigns": campaign.ListCampaignsRequest(show_archived=True),
    "ListSenderNumbers": account.ListSenderNumbersRequest(),
    "ListProviderAccounts": account.ListProviderAccountsRequest(),
    "ListAttempts": attempt.ListAttemptsRequest(),
    "ListSegments": segment.ListSegmentsRequest(show_archived=True),
    "ListTags": segment.ListTagsRequest(),
    "ListAttributes": segment.ListAttributesRequest(),
    "ListGuests": guest.ListGuestsRequest(),
    "ListAccessLog": privacy.ListAccessLogRequest(),
    "ListExports": privacy.ListExportsRequest(),
    "ListPrivacyRequests": privacy.ListPrivacyRequestsRequest(),
}
# RPC -> a request that takes something of the first merchant in
TAKEN: dict[str, Callable[[dict[str, str]], Any]] = {
    "CreateImage": lambda has: catalog.CreateImageRequest(object_name=has["upload"]),
    "CreateProduct": lambda has: catalog.CreateProductRequest(product=catalog.Product(name="x", image_ids=[has["image"]])),
    "CreateFlyer": lambda has: catalog.CreateFlyerRequest(flyer=catalog.Flyer(product_ids=[has["product"]])),
    "CreateProviderAccount": lambda has: provider.CreateProviderAccountRequest(
        provider="aligo", credentials={"key": "k", "user_id": "u"}, sender_number_ids=[has["sender"]]
    ),
    "CreateCampaign": lambda has: campaign.CreateCampaignRequest(campaign=draft(has["sender"])),
    "CreateSenderNumber": lambda has: account.CreateSenderNumberRequest(
        number="0312345678", provider_account_ids=[has["account"]]
    ),
    "UpdateWorkspace": lambda has: account.UpdateWorkspaceRequest(workspace=account.Workspace(notice_sender_id=has["sender"])),
    "CreateSegment": lambda has: segment.CreateSegmentRequest(
        segment=segment.Segment(name="x", rule=segment.SegmentRule(campaign=segment.CampaignRule(campaign_ids=[has["campaign"]])))
    ),
    "CreateImport": lambda has: audience.CreateImportRequest(object_name=has["upload"], file_name="a.xlsx"),
    "SendMessage": lambda has: send.SendMessageRequest(to=PHONE, text="x", purpose=2, sender_number_id=has["sender"]),  # type: ignore[arg-type]
    "BatchSend": lambda has: send.BatchSendRequest(
        messages=[send.BatchSendRequest.Draft(to=PHONE, text="x")],
        purpose=2,
        sender_number_id=has["sender"],  # type: ignore[arg-type]
    ),
}
# RPCs that name nothing that exists, and whose answers their own tests compare
OWN = {
    "CreateSession",
    "GetWorkspace",
    "CreateImageUpload",
    "CreateImportUpload",
    "CreateContact",
    "CreateSuppression",
    "TakePush",
    "ListIncidents",
    "ListEvents",
    "CreateWebhookEndpoint",
    "GetWebhookEndpoint",
    "ListWebhookEndpoints",
    "UpdateWebhookEndpoint",
    "ArchiveWebhookEndpoint",
    "RotateWebhookSecret",
    "SendTestWebhook",
    "ListWebhookDeliveries",
    "ReplayWebhookDelivery",
    "ReplayDeadWebhookDeliveries",
    "ListUnknownWords",
    "SetRouting",
    "SetAttributeType",
    "AddGuest",
}
OWN |= {"ListChecks"}  # tests/server/services/test_operations.py
OWN |= {"ListTemplates", "SyncTemplates", "SyncSenderNumbers"}
OWN |= {"GetAccessReview", "SignAccessReview", "CreateExport", "GetPrivacyDuties"}
# With ids of the first merchant these are asked in tests/flow/test_isolation.py.
OWN |= {"CreateWording", "ArchiveWording", "ListWordings", "RecordConsent", "WithdrawConsent", "ListConsentEvents"}
OWN |= {"ConfirmOptout", "GetOptoutPage", "ListNotices", "ListOptouts", "PreviewNotices"}
OWN |= {"RecordTrade", "ListTrades", "ListRecipients", "ExplainRecipient", "CreateReport", "GetReport"}


def draft(sender: str) -> campaign.Campaign:
    return campaign.Campaign(name="봄", purpose=1, body="안녕하세요", sender_number_id=sender)  # type: ignore[arg-type]


def planned(shop: Shop, written: str, contact: int) -> str:
    """One message of the campaign, as planning leaves it."""
    with database().write(shop.workspace) as tx:
        batch = new_id()
        tx.run(
            "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)"
            " VALUES (:id, :workspace, :campaign, :contact, :contact, ARRAY[:contact], :states, 0, now())",
            id=batch,
            workspace=shop.workspace,
            campaign=UUID(written),
            contact=contact,
            states=b"\0",
        )
    return f"{batch}-0"


def called(shop: Shop, written: str, batch: str, account: UUID) -> str:
    """An attempt of it that waits for a person."""
    made = new_id()
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel,"
            " sender, positions, text_hashes, unit_price, started_at, outcome, escalated_at)"
            " VALUES (:id, :workspace, :batch, :campaign, 1, :account, 'aligo', 'SMS', '02', '{0}', '', 8.4, now(),"
            " 'UNKNOWN', now())",
            id=made,
            workspace=shop.workspace,
            batch=UUID(batch),
            campaign=UUID(written),
            account=account,
        )
    return str(made)


@pytest.fixture
def has(shop: Shop) -> dict[str, str]:
    """Everything the first merchant can have."""
    upload = shop.call("CreateImageUpload", catalog.CreateImageUploadRequest(file_name="a.jpg", content_type="image/jpeg")).upload
    storage().put(upload.object_name, b"x", "image/jpeg")
    image = shop.call("CreateImage", catalog.CreateImageRequest(object_name=upload.object_name)).image.id
    product = shop.call("CreateProduct", catalog.CreateProductRequest(product=catalog.Product(name="원두"))).product.id
    flyer = shop.call("CreateFlyer", catalog.CreateFlyerRequest(flyer=catalog.Flyer(product_ids=[product]))).flyer.id
    who = audience.Contact(phone=PHONE, tags=["비밀"], attributes={"비밀": "x"})
    contact = shop.call("CreateContact", audience.CreateContactRequest(contact=who)).contact.id
    guest_id = shop.call("AddGuest", guest.AddGuestRequest(phone=PHONE)).guest.id
    rule = segment.SegmentRule(age=segment.AgeRule(at_least=20))
    made = shop.call("CreateSegment", segment.CreateSegmentRequest(segment=segment.Segment(name="비밀", rule=rule))).segment
    shop.call("CreateSuppression", audience.CreateSuppressionRequest(phone=PHONE))
    order = audience.CreateImportRequest(object_name=upload.object_name, file_name="a.xlsx")
    imported = getattr(shop.call("CreateImport", order), "import").id
    with database().write(shop.workspace) as tx:
        sender = str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))
        account = accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k"})
        templates.sync(tx, shop.workspace, account, [Template("TX_1", "key", "안녕하세요")], clock.now())
        tx.run("UPDATE imports SET errors_object = 'import-errors/x.csv'")
    [notice] = shop.call("ListTemplates", template.ListTemplatesRequest()).templates
    written = shop.call("CreateCampaign", campaign.CreateCampaignRequest(campaign=draft(sender))).campaign.id
    exported = shop.call("CreateExport", privacy.CreateExportRequest(reason="명단 확인")).export.id
    order = privacy.CreatePrivacyRequestRequest(contact_id=contact, kind=5)  # type: ignore[arg-type]
    asked = shop.call("CreatePrivacyRequest", order).privacy_request.id
    message = planned(shop, written, int(contact))
    return {
        "upload": upload.object_name,
        "account": str(account),
        "attempt": called(shop, written, message.rpartition("-")[0], account),
        "image": image,
        "product": product,
        "flyer": flyer,
        "contact": contact,
        "import": imported,
        "export": exported,
        "asked": asked,
        "sender": sender,
        "template": notice.id,
        "campaign": written,
        "message": message,
        "segment": made.id,
        "guest": guest_id,
    }


def test_a_second_merchant_gets_not_found_nothing_or_a_refusal(shop: Shop, other: Shop, has: dict[str, str]) -> None:
    for rpc, request in NAMED.items():
        shop.call(rpc, request(has)) if rpc.startswith(("Get", "List")) else None
        refusal = other.refused(rpc, request(has))
        assert (rpc, refusal.code) == (rpc, grpc.StatusCode.NOT_FOUND)
    for rpc, request in LISTED.items():
        assert len(shop.call(rpc, request).ListFields()) == 1, rpc
        assert not other.call(rpc, request).ListFields(), rpc
    for rpc, request in TAKEN.items():
        assert (rpc, other.refused(rpc, request(has)).code) == (rpc, grpc.StatusCode.INVALID_ARGUMENT)


def test_every_rpc_stands_here() -> None:
    tested = NAMED.keys() | LISTED.keys() | TAKEN.keys() | OWN
    assert tested == {method.name for service in SERVICES for method in service.described.methods}


def test_a_page_token_is_worth_nothing_elsewhere(shop: Shop, other: Shop) -> None:
    for _ in range(3):
        shop.call("CreateProduct", catalog.CreateProductRequest(product=catalog.Product(name=uuid4().hex)))
    token = shop.call("ListProducts", catalog.ListProductsRequest(page_size=1)).next_page_token
    assert other.refused("ListProducts", catalog.ListProductsRequest(page_token=token)).reason == "BAD_PAGE_TOKEN"

"""A merchant on a running server, as its clients see it: stubs over loopback, a person's token, a program's key."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.rpc import error_details_pb2 as details
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import (
    account_pb2_grpc,
    attempt_pb2_grpc,
    audience_pb2_grpc,
    campaign_pb2_grpc,
    catalog_pb2_grpc,
    consent_pb2_grpc,
    event_pb2_grpc,
    guest_pb2_grpc,
    incident_pb2_grpc,
    notice_pb2_grpc,
    operations_pb2_grpc,
    optout_pb2_grpc,
    privacy_pb2_grpc,
    provider_pb2_grpc,
    receipt_pb2_grpc,
    report_pb2_grpc,
    segment_pb2_grpc,
    send_pb2_grpc,
    template_pb2_grpc,
    webhook_pb2_grpc,
)

from core.db import accounts
from core.db.session import database

PASSWORD = "spring-day-coffee-1"
PHONE = "01023456789"


@dataclass(frozen=True)
class Shop:
    """One workspace, its owner, and stubs that speak for it."""

    channel: grpc.Channel
    workspace: UUID
    email: str
    api_key: str
    metadata: Sequence[tuple[str, str]] = field(default_factory=tuple)

    def call(self, rpc: str, request: Any, **more: Any) -> Any:
        """`call("CreateProduct", pb.CreateProductRequest(...))` as the owner."""
        more.setdefault("metadata", self.metadata)
        return stub(self.channel, rpc)(request, timeout=more.pop("timeout", 20), **more)

    def refused(self, rpc: str, request: Any, **more: Any) -> "Refusal":
        """The refusal of a call that must not succeed."""
        try:
            answer = self.call(rpc, request, **more)
        except grpc.RpcError as error:
            return Refusal.of(error)
        raise AssertionError(f"{rpc} was not refused: {answer}")


@dataclass(frozen=True)
class Refusal:
    """A status with its details unpacked."""

    code: grpc.StatusCode
    message: str
    reason: str
    facts: dict[str, str]
    fields: dict[str, str]
    sentences: dict[str, str]
    status: Status
    trailers: dict[str, Any]

    @classmethod
    def of(cls, error: grpc.RpcError) -> "Refusal":
        status = rpc_status.from_call(error)
        assert status is not None, error
        info, bad = details.ErrorInfo(), details.BadRequest()
        for packed in status.details:
            packed.Unpack(info)
            packed.Unpack(bad)
        assert info.domain == "jeondan.v1"
        fields = {violation.field: violation.reason for violation in bad.field_violations}
        sentences = {violation.field: violation.description for violation in bad.field_violations}
        trailers = dict(error.trailing_metadata())
        return cls(error.code(), error.details(), info.reason, dict(info.metadata), fields, sentences, status, trailers)

    def detail(self, kind: Any) -> Any:
        """The detail of this kind; fails when there is none."""
        for packed in self.status.details:
            if packed.Is(kind.DESCRIPTOR):
                found = kind()
                packed.Unpack(found)
                return found
        raise AssertionError(f"no {kind.DESCRIPTOR.name} among the details")


STUBS = (
    account_pb2_grpc.AccountServiceStub,
    catalog_pb2_grpc.CatalogServiceStub,
    audience_pb2_grpc.AudienceServiceStub,
    consent_pb2_grpc.ConsentServiceStub,
    notice_pb2_grpc.NoticeServiceStub,
    campaign_pb2_grpc.CampaignServiceStub,
    send_pb2_grpc.SendServiceStub,
    receipt_pb2_grpc.ReceiptServiceStub,
    report_pb2_grpc.ReportServiceStub,
    incident_pb2_grpc.IncidentServiceStub,
    operations_pb2_grpc.OperationsServiceStub,
    optout_pb2_grpc.OptoutServiceStub,
    template_pb2_grpc.TemplateServiceStub,
    provider_pb2_grpc.ProviderServiceStub,
    attempt_pb2_grpc.AttemptServiceStub,
    event_pb2_grpc.EventServiceStub,
    webhook_pb2_grpc.WebhookServiceStub,
    segment_pb2_grpc.SegmentServiceStub,
    guest_pb2_grpc.GuestServiceStub,
    privacy_pb2_grpc.PrivacyServiceStub,
)


def stub(channel: grpc.Channel, rpc: str) -> Any:
    for kind in STUBS:
        found = getattr(kind(channel), rpc, None)
        if found is not None:
            return found
    raise AttributeError(rpc)


def open_shop(channel: grpc.Channel, name: str = "봄날커피", role: str = "OWNER") -> Shop:
    """A fresh workspace with one person and one program, signed in."""
    email = f"{uuid4().hex[:12]}@example.com"
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, name, optout_number="0801234567")
        accounts.create_user(tx, workspace, email, PASSWORD, role)
        _, key = accounts.create_api_key(tx, workspace, "orders", role)
    session = account.CreateSessionRequest(email=email, password=PASSWORD)
    token = stub(channel, "CreateSession")(session, timeout=20).token
    return Shop(channel, workspace, email, key, (("authorization", f"Bearer {token}"),))


@contextmanager
def connected(port: int) -> Iterator[grpc.Channel]:
    """A channel of its own: no connection is shared between tests."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel

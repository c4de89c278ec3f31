"""A client made from the published stubs and nothing else of ours: `jeondan.v1`, grpcio, a presigned PUT."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2 as details
from grpc_status import rpc_status
from jeondan.v1 import (
    account_pb2_grpc,
    attempt_pb2_grpc,
    audience_pb2,
    audience_pb2_grpc,
    campaign_pb2,
    campaign_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    consent_pb2_grpc,
    guest_pb2_grpc,
    notice_pb2_grpc,
    operations_pb2_grpc,
    optout_pb2_grpc,
    privacy_pb2_grpc,
    provider_pb2_grpc,
    report_pb2_grpc,
    segment_pb2_grpc,
    send_pb2_grpc,
    template_pb2_grpc,
    types_pb2,
)

PATIENCE = 90.0  # seconds until a test gives up waiting; nothing is measured by it
STUBS = (
    account_pb2_grpc.AccountServiceStub,
    catalog_pb2_grpc.CatalogServiceStub,
    audience_pb2_grpc.AudienceServiceStub,
    consent_pb2_grpc.ConsentServiceStub,
    notice_pb2_grpc.NoticeServiceStub,
    privacy_pb2_grpc.PrivacyServiceStub,
    operations_pb2_grpc.OperationsServiceStub,
    optout_pb2_grpc.OptoutServiceStub,
    campaign_pb2_grpc.CampaignServiceStub,
    send_pb2_grpc.SendServiceStub,
    template_pb2_grpc.TemplateServiceStub,
    provider_pb2_grpc.ProviderServiceStub,
    attempt_pb2_grpc.AttemptServiceStub,
    segment_pb2_grpc.SegmentServiceStub,
    guest_pb2_grpc.GuestServiceStub,
    report_pb2_grpc.ReportServiceStub,
)
ENDS = {campaign_pb2.Campaign.STATE_DONE, campaign_pb2.Campaign.STATE_CANCELLED, campaign_pb2.Campaign.STATE_FAILED}
WAITING = ("planned", "held", "claimed", "unknown")
GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
BUCKETS = ("excluded", *WAITING, "accepted", "delivered", "failed", "cancelled", "expired")


@dataclass(frozen=True)
class Refused:
    """A refusal with its details unpacked."""

    code: str
    reason: str
    message: str
    violations: list[tuple[str, str, str]] = field(default_factory=list)  # field, reason, sentence

    @classmethod
    def of(cls, error: grpc.RpcError) -> "Refused":
        """From what grpc raised; a status without our details is a defect."""
        status = rpc_status.from_call(error)
        assert status is not None, error
        info, bad = details.ErrorInfo(), details.BadRequest()
        for packed in status.details:
            packed.Unpack(info)
            packed.Unpack(bad)
        assert info.domain == "jeondan.v1"
        violations = [(one.field, one.reason, one.description) for one in bad.field_violations]
        return cls(error.code().name, info.reason, status.message, violations)


class Caller:
    """RPCs by name, with the credential of somebody."""

    def __init__(self, channel: grpc.Channel, *credential: tuple[str, str]) -> None:
        self._stubs, self._credential = [made(channel) for made in STUBS], credential

    def __call__(self, rpc: str, request: Any) -> Any:
        """The answer; raises grpc.RpcError."""
        stub = next(found for found in (getattr(stub, rpc, None) for stub in self._stubs) if found)
        return stub(request, metadata=self._credential, timeout=30)

    def refused(self, rpc: str, request: Any) -> Refused:
        """The refusal of a call that must not succeed."""
        try:
            answer = self(rpc, request)
        except grpc.RpcError as error:
            return Refused.of(error)
        raise AssertionError(f"{rpc} was not refused: {answer}")


class Patient(Caller):
    """Asks again while the server is away: every call here may be repeated."""

    def __call__(self, rpc: str, request: Any) -> Any:
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                return super().__call__(rpc, request)
            except grpc.RpcError as error:
                if error.code() not in GONE or time.monotonic() > limit:
                    raise
                time.sleep(0.2)


@contextmanager
def channel(address: str) -> Iterator[grpc.Channel]:
    """A connection of its own."""
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as opened:
        yield opened


def until(ask: Any, settled: Any, patience: float = PATIENCE) -> Any:
    """Ask until the answer has settled."""
    limit = time.monotonic() + patience
    while not settled(found := ask()):
        assert time.monotonic() < limit, f"still not settled: {found}"
        time.sleep(0.1)
    return found


def put(upload: types_pb2.Upload, data: bytes) -> None:
    """The presigned PUT, with the headers it asks for."""
    request = urllib.request.Request(upload.upload_url, data=data, headers=dict(upload.headers), method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def image(call: Caller, data: bytes, kind: str = "image/png") -> catalog_pb2.Image:
    """An uploaded photo, looked at."""
    upload = call("CreateImageUpload", catalog_pb2.CreateImageUploadRequest(file_name="photo", content_type=kind)).upload
    put(upload, data)
    made = call("CreateImage", catalog_pb2.CreateImageRequest(object_name=upload.object_name, file_name="photo")).image
    ask = catalog_pb2.GetImageRequest(image_id=made.id)
    return until(lambda: call("GetImage", ask).image, lambda found: found.state != catalog_pb2.Image.STATE_PENDING)


def flyer(call: Caller, *products: str) -> catalog_pb2.Flyer:
    """A flyer of these products, composed or failed."""
    wanted = catalog_pb2.Flyer(headline="가을 원두전", product_ids=products)
    made = call("CreateFlyer", catalog_pb2.CreateFlyerRequest(flyer=wanted)).flyer
    ask = catalog_pb2.GetFlyerRequest(flyer_id=made.id)
    ends = {catalog_pb2.Flyer.STATE_READY, catalog_pb2.Flyer.STATE_FAILED}
    return until(lambda: call("GetFlyer", ask).flyer, lambda found: found.state in ends)


def customers(call: Caller, file: Path | bytes, *, name: str = "", tag: str = "") -> audience_pb2.Import:
    """A customer file, read to its end or refused."""
    data, name = (file.read_bytes(), name or file.name) if isinstance(file, Path) else (file, name)
    upload = call("CreateImportUpload", audience_pb2.CreateImportUploadRequest(file_name=name)).upload
    put(upload, data)
    order = audience_pb2.CreateImportRequest(object_name=upload.object_name, file_name=name, tag=tag)
    made = getattr(call("CreateImport", order), "import")
    ask = audience_pb2.GetImportRequest(import_id=made.id)
    going = {audience_pb2.Import.STATE_PENDING, audience_pb2.Import.STATE_RUNNING}
    return until(lambda: getattr(call("GetImport", ask), "import"), lambda found: found.state not in going)


def follow(call: Caller, campaign: str, *, results: bool = False, patience: float = PATIENCE) -> campaign_pb2.Campaign:
    """The campaign at its end; with `results`, once every result is known."""
    ask = campaign_pb2.GetCampaignRequest(campaign_id=campaign)
    waiting = (*WAITING, "accepted") if results else WAITING

    def settled(found: campaign_pb2.Campaign) -> bool:
        assert found.counters.selected == sum(getattr(found.counters, name) for name in BUCKETS), found.counters
        return found.state in ENDS and not any(getattr(found.counters, name) for name in waiting)

    return until(lambda: call("GetCampaign", ask).campaign, settled, patience)

"""The gRPC server: `python -m server.main`."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2_grpc
from jeondan.v1 import (
    account_pb2,
    account_pb2_grpc,
    attempt_pb2,
    attempt_pb2_grpc,
    audience_pb2,
    audience_pb2_grpc,
    campaign_pb2,
    campaign_pb2_grpc,
    catalog_pb2,
    catalog_pb2_grpc,
    consent_pb2,
    consent_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    guest_pb2,
    guest_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    notice_pb2,
    notice_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
    options_pb2,
    optout_pb2,
    optout_pb2_grpc,
    privacy_pb2,
    privacy_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    receipt_pb2,
    receipt_pb2_grpc,
    report_pb2,
    report_pb2_grpc,
    segment_pb2,
    segment_pb2_grpc,
    send_pb2,
    send_pb2_grpc,
    template_pb2,
    template_pb2_grpc,
    webhook_pb2,
    webhook_pb2_grpc,
)

from core import leaving, telemetry, tracing
from core.cache import cache
from core.db import accounts, schema
from core.db.session import database
from core.settings import Settings, load
from server import drain, processes, reflection
from server.health import Checker, Statuses, dependencies
from server.interceptors import (
    MOST_SECONDS,
    InFlight,
    Layers,
    Rpc,
    authenticated,
    bounded,
    measured,
    refusals,
    request_identity,
    validated,
)
from server.services.account import AccountService
from server.services.attempt import AttemptService
from server.services.audience import AudienceService
from server.services.campaign import CampaignService
from server.services.catalog import CatalogService
from server.services.consent import ConsentService
from server.services.event import EventService
from server.services.guest import GuestService
from server.services.incident import IncidentService
from server.services.notice import NoticeService
from server.services.operations import OperationsService
from server.services.optout import OptoutService
from server.services.privacy import PrivacyService
from server.services.provider import ProviderService
from server.services.receipt import ReceiptService
from server.services.report import ReportService
from server.services.segment import SegmentService
from server.services.send import SendService
from server.services.template import TemplateService
from server.services.webhook import WebhookService

THREADS = 10
LOOKS = ("Get", "List", "Preview", "Explain")  # RPCs that change nothing
WATCHES = 100  # open health watches count as calls, though they hold no thread
GRACE_SECONDS = 25.0
SETTLE_SECONDS = 0.5
OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.max_connection_age_grace_ms", round(MOST_SECONDS * 1000)),  # the longest call outlives its connection's age
)

_log = telemetry.log("server")


@dataclass(frozen=True)
class Service:
    """One service: its description, its implementation, and how it is added to a server."""

    described: ServiceDescriptor
    made: Callable[[], Any]
    add: Callable[[Any, grpc.Server], None]


SERVICES = (
    Service(
        account_pb2.DESCRIPTOR.services_by_name["AccountService"],
        AccountService,
        account_pb2_grpc.add_AccountServiceServicer_to_server,
    ),
    Service(
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
        CatalogService,
        catalog_pb2_grpc.add_CatalogServiceServicer_to_server,
    ),
    Service(
        audience_pb2.DESCRIPTOR.services_by_name["AudienceService"],
        AudienceService,
        audience_pb2_grpc.add_AudienceServiceServicer_to_server,
    ),
    Service(
        consent_pb2.DESCRIPTOR.services_by_name["ConsentService"],
        ConsentService,
        consent_pb2_grpc.add_ConsentServiceServicer_to_server,
    ),
    Service(
        notice_pb2.DESCRIPTOR.services_by_name["NoticeService"],
        NoticeService,
        notice_pb2_grpc.add_NoticeServiceServicer_to_server,
    ),
    Service(
        campaign_pb2.DESCRIPTOR.services_by_name["CampaignService"],
        CampaignService,
        campaign_pb2_grpc.add_CampaignServiceServicer_to_server,
    ),
    Service(
        report_pb2.DESCRIPTOR.services_by_name["ReportService"],
        ReportService,
        report_pb2_grpc.add_ReportServiceServicer_to_server,
    ),
    Service(
        send_pb2.DESCRIPTOR.services_by_name["SendService"],
        SendService,
        send_pb2_grpc.add_SendServiceServicer_to_server,
    ),
    Service(
        segment_pb2.DESCRIPTOR.services_by_name["SegmentService"],
        SegmentService,
        segment_pb2_grpc.add_SegmentServiceServicer_to_server,
    ),
    Service(
        guest_pb2.DESCRIPTOR.services_by_name["GuestService"],
        GuestService,
        guest_pb2_grpc.add_GuestServiceServicer_to_server,
    ),
    Service(
        provider_pb2.DESCRIPTOR.services_by_name["ProviderService"],
        ProviderService,
        provider_pb2_grpc.add_ProviderServiceServicer_to_server,
    ),
    Service(
        attempt_pb2.DESCRIPTOR.services_by_name["AttemptService"],
        AttemptService,
        attempt_pb2_grpc.add_AttemptServiceServicer_to_server,
    ),
    Service(
        template_pb2.DESCRIPTOR.services_by_name["TemplateService"],
        TemplateService,
        template_pb2_grpc.add_TemplateServiceServicer_to_server,
    ),
    Service(
        receipt_pb2.DESCRIPTOR.services_by_name["ReceiptService"],
        ReceiptService,
        receipt_pb2_grpc.add_ReceiptServiceServicer_to_server,
    ),
    Service(
        incident_pb2.DESCRIPTOR.services_by_name["IncidentService"],
        IncidentService,
        incident_pb2_grpc.add_IncidentServiceServicer_to_server,
    ),
    Service(
        operations_pb2.DESCRIPTOR.services_by_name["OperationsService"],
        OperationsService,
        operations_pb2_grpc.add_OperationsServiceServicer_to_server,
    ),
    Service(
        optout_pb2.DESCRIPTOR.services_by_name["OptoutService"],
        OptoutService,
        optout_pb2_grpc.add_OptoutServiceServicer_to_server,
    ),
    Service(
        event_pb2.DESCRIPTOR.services_by_name["EventService"],
        EventService,
        event_pb2_grpc.add_EventServiceServicer_to_server,
    ),
    Service(
        webhook_pb2.DESCRIPTOR.services_by_name["WebhookService"],
        WebhookService,
        webhook_pb2_grpc.add_WebhookServiceServicer_to_server,
    ),
    Service(
        privacy_pb2.DESCRIPTOR.services_by_name["PrivacyService"],
        PrivacyService,
        privacy_pb2_grpc.add_PrivacyServiceServicer_to_server,
    ),
)


class Server:
    """One process's server with everything around it."""

    def __init__(self, settings: Settings, *, port: int, host: str) -> None:
        self._settings = settings
        self._in_flight = InFlight()
        names = tuple(service.described.full_name for service in SERVICES)
        self._health = Statuses()
        self._checker = Checker(self._health, names, dependencies(settings))
        self._grpc = self._made(names)
        self.port = self._grpc.add_insecure_port(f"{host}:{port}")
        if not self.port:
            raise SystemExit(f"jeondan: GRPC_PORT {port} cannot be opened")

    def start(self) -> None:
        """Serve, once the dependencies have been looked at."""
        self._checker.start()
        self._grpc.start()
        _log.info("serving", port=self.port)

    def stop(self) -> None:
        """Say NOT_SERVING, go on answering until balancers have noticed and connections have ended, close."""
        self._health.enter_graceful_shutdown()
        seconds = self._settings.server_drain_seconds
        _log.info("draining", seconds=seconds)
        time.sleep(seconds / 2)
        if seconds:
            drain.close_doors(self.port)
        time.sleep(seconds / 2)
        stopping = self._grpc.stop(GRACE_SECONDS)
        # An open health Watch would hold stop() for the whole grace although nothing is being answered.
        if self._quiet():
            stopping = self._grpc.stop(0)
        stopping.wait()
        self._checker.stop()
        cache().close()
        database().dispose()
        _log.info("stopped")

    def _quiet(self) -> bool:
        """Nothing is being answered, and a moment later neither: what has just come is counted when its thread begins."""
        if not self._in_flight.wait(GRACE_SECONDS):
            return False
        time.sleep(SETTLE_SECONDS)
        return self._in_flight.wait(GRACE_SECONDS)

    def _made(self, names: tuple[str, ...]) -> grpc.Server:
        around = (self._in_flight.layer, request_identity, measured, refusals, authenticated, bounded, validated)
        server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="rpc"),
            interceptors=[Layers(rpcs(), around)],
            options=(
                *OPTIONS,
                ("grpc.max_connection_age_ms", round(drain.age(self._settings.server_drain_seconds) * 1000)),
                ("grpc.so_reuseport", int(self._settings.server_processes > 1)),
            ),
            maximum_concurrent_rpcs=4 * THREADS + WATCHES,
        )
        for service in SERVICES:
            service.add(service.made(), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.add(server, (*names, health.SERVICE_NAME))
        return server


def rpcs() -> dict[str, Rpc]:
    """Every RPC with the role it declares; one without a role, or one that streams, stops the process."""
    found = {}
    for service in SERVICES:
        for method in service.described.methods:
            access = method.GetOptions().Extensions[options_pb2.access]
            if access.role == options_pb2.ROLE_UNSPECIFIED or method.client_streaming or method.server_streaming:
                raise SystemExit(f"jeondan: {method.full_name} declares no role, or streams")
            path = f"/{service.described.full_name}/{method.name}"
            found[path] = Rpc(path, access.role, access.test_keys or method.name.startswith(LOOKS))
    return found


def serve(settings: Settings, *, port: int, index: int = 0) -> None:
    """One process from start to SIGTERM. Nothing of grpc, PostgreSQL or Redis exists before."""
    leave = leaving.asked()
    metrics = settings.server_metrics_port
    telemetry.start(settings, "server", metrics_port=metrics and metrics + index)
    tracing.start(settings.otel_exporter_otlp_endpoint, "server", settings.app_env)
    server = Server(settings, port=port, host=_host(settings))
    server.start()
    leaving.wait(leave)
    server.stop()
    tracing.stop()


def main() -> None:
    """Check what must be there, then serve in one process or several."""
    settings = load()
    try:
        accounts.keyring()
    except ValueError as error:
        sys.stderr.write(f"jeondan: {error}\n")
        raise SystemExit(2) from None
    schema.refuse_if_pending(settings.database_url, settings.database_replica_url)
    if settings.server_processes == 1:
        serve(settings, port=settings.grpc_port)
        return
    telemetry.start(settings, "server")  # for what the parent has to say; each child starts its own
    processes.run(
        settings.server_processes,
        _host(settings),
        settings.grpc_port,
        lambda port, index: serve(settings, port=port, index=index),
    )


def _host(settings: Settings) -> str:
    return settings.grpc_host or ("127.0.0.1" if settings.app_env == "development" else "0.0.0.0")


if __name__ == "__main__":
    main()

"""WebhookService: endpoints of the merchant's own systems, what was delivered to them, and what was not."""

from datetime import datetime
from typing import Any
from uuid import UUID

from jeondan.v1 import webhook_pb2 as pb
from jeondan.v1 import webhook_pb2_grpc

from core import jobs
from core.db import accounts, webhooks
from core.db.ids import new_id
from core.db.session import Row
from core.errors import WrongState
from core.rules import webhook
from server import webhook_urls
from server.convert import check_etag, enum, enum_name, enum_names, etag, stamp
from server.listing import Field, Lists, next_token, page
from server.rpc import Call, reads, writes
from server.services.event import check_kinds
from server.updates import merged

MOST = 10
ENDPOINTS = Lists({"state": Field(values=enum_names(pb.WebhookEndpoint.State, "STATE"))})
DELIVERIES = Lists({"state": Field(values=enum_names(pb.WebhookDelivery.State, "STATE"))})


class WebhookService(webhook_pb2_grpc.WebhookServiceServicer):
    """Endpoints and deliveries. A secret is in one answer only, which is kept sealed for repeats (server.rpc)."""

    @writes
    def CreateWebhookEndpoint(self, request: pb.CreateWebhookEndpointRequest, call: Call) -> pb.CreateWebhookEndpointResponse:
        """Add one, and show its secret."""
        values, endpoint, secret = _values(request.webhook_endpoint), new_id(), webhook.new_secret()
        if webhooks.in_use(call.tx, call.workspace) >= MOST:
            raise WrongState(f"웹훅 주소는 {MOST}개까지 쓸 수 있습니다.", reason="WEBHOOK_ENDPOINT_LIMIT")
        row = webhooks.add(call.tx, call.workspace, endpoint, values | {"secret": _wrapped(endpoint, secret)}, call.now)
        shown = _endpoint(row, call.now)
        return pb.CreateWebhookEndpointResponse(webhook_endpoint=shown, secret=webhook.written(secret))

    @reads
    def GetWebhookEndpoint(self, request: pb.GetWebhookEndpointRequest, call: Call) -> pb.GetWebhookEndpointResponse:
        """One."""
        row = webhooks.get(call.tx, UUID(request.webhook_endpoint_id))
        return pb.GetWebhookEndpointResponse(webhook_endpoint=_endpoint(row, call.now))

    @reads
    def ListWebhookEndpoints(self, request: pb.ListWebhookEndpointsRequest, call: Call) -> pb.ListWebhookEndpointsResponse:
        """Newest first."""
        found = webhooks.page(call.tx, page(request, ENDPOINTS))
        shown = [_endpoint(row, call.now) for row in found.rows]
        return pb.ListWebhookEndpointsResponse(webhook_endpoints=shown, next_page_token=next_token(request, found.next))

    @writes
    def UpdateWebhookEndpoint(self, request: pb.UpdateWebhookEndpointRequest, call: Call) -> pb.UpdateWebhookEndpointResponse:
        """Change the fields named in the mask."""
        row = _usable(call, request.webhook_endpoint_id)
        stored = _endpoint(row, call.now)
        check_etag(request.etag, stored.etag)
        values = _values(merged(stored, request.webhook_endpoint, request.update_mask, field="webhook_endpoint"))
        if values["state"] != row.state:
            values |= {"disabled_reason": "", "failing_since": None}
        if values["state"] == webhooks.DISABLED:
            webhooks.give_up(call.tx, row.id, "ENDPOINT_DISABLED", call.now)
        changed = webhooks.update(call.tx, row.id, values)
        return pb.UpdateWebhookEndpointResponse(webhook_endpoint=_endpoint(changed, call.now))

    @writes
    def ArchiveWebhookEndpoint(self, request: pb.ArchiveWebhookEndpointRequest, call: Call) -> pb.ArchiveWebhookEndpointResponse:
        """End it; a second time changes nothing."""
        row = webhooks.get(call.tx, UUID(request.webhook_endpoint_id), lock=True)
        if row.archived_at is None:
            webhooks.give_up(call.tx, row.id, "ENDPOINT_ARCHIVED", call.now)
            row = webhooks.update(call.tx, row.id, {"archived_at": call.now})
        return pb.ArchiveWebhookEndpointResponse(webhook_endpoint=_endpoint(row, call.now))

    @writes
    def RotateWebhookSecret(self, request: pb.RotateWebhookSecretRequest, call: Call) -> pb.RotateWebhookSecretResponse:
        """A new secret, shown once; the old one stays a while."""
        row, secret = _usable(call, request.webhook_endpoint_id), webhook.new_secret()
        until = call.now + webhook.OLD_SECRET
        values = {"secret": _wrapped(row.id, secret), "old_secret": row.secret, "old_secret_until": until}
        shown = _endpoint(webhooks.update(call.tx, row.id, values), call.now)
        return pb.RotateWebhookSecretResponse(webhook_endpoint=shown, secret=webhook.written(secret))

    @writes
    def SendTestWebhook(self, request: pb.SendTestWebhookRequest, call: Call) -> pb.SendTestWebhookResponse:
        """One event that says nothing, once."""
        row = _usable(call, request.webhook_endpoint_id)
        given = {"workspace_id": call.workspace, "endpoint_id": row.id, "event_ids": []}
        [made] = webhooks.add_deliveries(call.tx, [given], call.now, call.now)
        call.tx.after_commit(lambda: jobs.deliver_webhook(call.workspace, row.id))
        return pb.SendTestWebhookResponse(webhook_delivery=_delivery(webhooks.get_delivery(call.tx, made)))

    @reads
    def ListWebhookDeliveries(self, request: pb.ListWebhookDeliveriesRequest, call: Call) -> pb.ListWebhookDeliveriesResponse:
        """Newest first."""
        endpoint = webhooks.get(call.tx, UUID(request.webhook_endpoint_id))
        found = webhooks.delivery_page(call.tx, endpoint.id, page(request, DELIVERIES))
        shown = map(_delivery, found.rows)
        return pb.ListWebhookDeliveriesResponse(webhook_deliveries=shown, next_page_token=next_token(request, found.next))

    @writes
    def ReplayWebhookDelivery(self, request: pb.ReplayWebhookDeliveryRequest, call: Call) -> pb.ReplayWebhookDeliveryResponse:
        """Try one again."""
        delivery = webhooks.get_delivery(call.tx, UUID(request.webhook_delivery_id))
        _check_is_active(_usable(call, str(delivery.endpoint_id)))
        if not webhooks.replay(call.tx, call.now, call.now + webhook.PATIENCE, delivery=delivery.id):
            raise WrongState("이미 전달된 웹훅입니다.")
        call.tx.after_commit(lambda: jobs.deliver_webhook(call.workspace, delivery.endpoint_id))
        return pb.ReplayWebhookDeliveryResponse(webhook_delivery=_delivery(webhooks.get_delivery(call.tx, delivery.id)))

    @writes
    def ReplayDeadWebhookDeliveries(
        self, request: pb.ReplayDeadWebhookDeliveriesRequest, call: Call
    ) -> pb.ReplayDeadWebhookDeliveriesResponse:
        """Try every dead one again."""
        row = _usable(call, request.webhook_endpoint_id)
        _check_is_active(row)
        count = webhooks.replay(call.tx, call.now, call.now + webhook.PATIENCE, endpoint=row.id)
        call.tx.after_commit(lambda: jobs.deliver_webhook(call.workspace, row.id))
        return pb.ReplayDeadWebhookDeliveriesResponse(replayed_count=count)


def _usable(call: Call, endpoint: str) -> Row[Any]:
    """An endpoint to do something with, locked."""
    row = webhooks.get(call.tx, UUID(endpoint), lock=True)
    if row.archived_at is not None:
        raise WrongState("보관된 웹훅 주소입니다.")
    return row


def _check_is_active(row: Row[Any]) -> None:
    if row.state != webhooks.ACTIVE:
        raise WrongState("꺼져 있는 웹훅 주소입니다. 다시 켠 뒤 시도해 주세요.")


def _values(endpoint: pb.WebhookEndpoint) -> dict[str, Any]:
    webhook_urls.check(endpoint.url, "webhook_endpoint.url")
    check_kinds("webhook_endpoint.kinds", endpoint.kinds)
    state = enum_name(pb.WebhookEndpoint.State, "STATE", endpoint.state) or webhooks.ACTIVE
    return {"url": endpoint.url, "description": endpoint.description, "kinds": list(endpoint.kinds), "state": state}


def _wrapped(endpoint: UUID, secret: bytes) -> bytes:
    return accounts.keyring().wrap(secret, f"webhook:{endpoint}")


def _endpoint(row: Row[Any], now: datetime) -> pb.WebhookEndpoint:
    old_secret = row.old_secret_until if row.old_secret_until and row.old_secret_until > now else None
    return pb.WebhookEndpoint(
        id=str(row.id),
        url=row.url,
        description=row.description,
        kinds=row.kinds,
        state=enum(pb.WebhookEndpoint.State, "STATE", row.state),
        disabled_reason=row.disabled_reason,
        failing_since_time=stamp(row.failing_since),
        old_secret_expire_time=stamp(old_secret),
        etag=etag(row.id, row.version),
        create_time=stamp(row.created_at),
        archive_time=stamp(row.archived_at),
    )


def _delivery(row: Row[Any]) -> pb.WebhookDelivery:
    return pb.WebhookDelivery(
        id=str(row.id),
        webhook_endpoint_id=str(row.endpoint_id),
        state=enum(pb.WebhookDelivery.State, "STATE", row.state),
        event_count=row.size or 1,
        tries=row.tries,
        last_status=row.last_status,
        last_error=row.last_error,
        next_try_time=stamp(row.due_at),
        create_time=stamp(row.created_at),
        end_time=stamp(row.ended_at),
        test=not row.event_ids,
    )

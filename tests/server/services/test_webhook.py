"""Webhook endpoints and deliveries through the server: secrets shown once, addresses judged, dead ones replayed."""

import socket
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import webhook_pb2 as pb

from core import clock, jobs
from core.db import accounts, webhooks
from core.db.session import database
from core.settings import load
from server import webhook_urls
from tests.server.shop import Shop, open_shop

URL = "http://127.0.0.1:9/hook"
DELIVERY, ENDPOINT = pb.WebhookDelivery, pb.WebhookEndpoint


def create(shop: Shop, url: str = URL, request_id: str = "", **more: Any) -> pb.CreateWebhookEndpointResponse:
    wanted = pb.CreateWebhookEndpointRequest(webhook_endpoint=ENDPOINT(url=url, **more), request_id=request_id)
    return shop.call("CreateWebhookEndpoint", wanted)


def get(shop: Shop, identifier: str) -> pb.WebhookEndpoint:
    return shop.call("GetWebhookEndpoint", pb.GetWebhookEndpointRequest(webhook_endpoint_id=identifier)).webhook_endpoint


def update(shop: Shop, identifier: str, **values: Any) -> pb.WebhookEndpoint:
    request = pb.UpdateWebhookEndpointRequest(webhook_endpoint_id=identifier, webhook_endpoint=ENDPOINT(**values))
    return shop.call("UpdateWebhookEndpoint", request).webhook_endpoint


def delivery(shop: Shop, endpoint: str, state: str = "DEAD", **values: Any) -> str:
    row = {"workspace_id": shop.workspace, "endpoint_id": UUID(endpoint), "event_ids": [uuid4()], "size": 1, **values}
    with database().write(shop.workspace) as tx:
        [made] = webhooks.add_deliveries(tx, [row], clock.now(), clock.now())
        ended = {} if state == "PENDING" else {"ended_at": clock.now(), "due_at": None}
        webhooks.save_delivery(tx, made, {"state": state, **ended})
    return str(made)


def deliveries(shop: Shop, endpoint: str, **more: Any) -> list[pb.WebhookDelivery]:
    request = pb.ListWebhookDeliveriesRequest(webhook_endpoint_id=endpoint, **more)
    return list(shop.call("ListWebhookDeliveries", request).webhook_deliveries)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    found: list[UUID] = []
    monkeypatch.setattr(jobs, "deliver_webhook", lambda _, endpoint: found.append(endpoint))
    return found


# --- endpoints and secrets ----------------------------------------------------------------------------------------


def test_an_endpoint_is_made_read_listed_and_archived(shop: Shop) -> None:
    made = create(shop, description="주문", kinds=["message.failed"]).webhook_endpoint
    assert (made.url, made.description, list(made.kinds), made.state) == (URL, "주문", ["message.failed"], ENDPOINT.STATE_ACTIVE)
    assert get(shop, made.id) == made
    assert list(shop.call("ListWebhookEndpoints", pb.ListWebhookEndpointsRequest()).webhook_endpoints) == [made]
    archive = pb.ArchiveWebhookEndpointRequest(webhook_endpoint_id=made.id)
    waiting = delivery(shop, made.id, "PENDING")
    archived = shop.call("ArchiveWebhookEndpoint", archive).webhook_endpoint
    assert archived.HasField("archive_time")
    assert shop.call("ArchiveWebhookEndpoint", archive).webhook_endpoint == archived
    [dead] = deliveries(shop, made.id)
    assert (dead.id, dead.state, dead.last_error) == (waiting, DELIVERY.STATE_DEAD, "ENDPOINT_ARCHIVED")
    assert not shop.call("ListWebhookEndpoints", pb.ListWebhookEndpointsRequest()).webhook_endpoints
    assert shop.call("ListWebhookEndpoints", pb.ListWebhookEndpointsRequest(show_archived=True)).webhook_endpoints
    test = pb.SendTestWebhookRequest(webhook_endpoint_id=made.id)
    assert shop.refused("SendTestWebhook", test).reason == "WRONG_STATE"


def test_the_secret_is_shown_to_who_made_it_and_stands_nowhere_in_clear(shop: Shop) -> None:
    request_id = str(uuid4())
    made = create(shop, request_id=request_id)
    assert made.secret.startswith("whsec_") and len(made.secret) > 40
    assert create(shop, request_id=request_id) == made, "the same answer to the same request"
    assert "secret" not in str(get(shop, made.webhook_endpoint.id)).replace("old_secret", "")
    hidden = made.secret.removeprefix("whsec_").encode()
    with database().write(shop.workspace) as tx:
        row = webhooks.get(tx, UUID(made.webhook_endpoint.id))
        kept = tx.value("SELECT response FROM requests WHERE method = 'CreateWebhookEndpoint'")
    assert hidden not in bytes(kept) and b"whsec" not in bytes(kept)
    assert b"whsec" not in bytes(row.secret)
    assert webhook_secret(row) == made.secret


def webhook_secret(row: Any) -> str:
    from core.rules import webhook

    return webhook.written(accounts.keyring().unwrap(row.secret, f"webhook:{row.id}"))


def test_a_new_secret_leaves_the_old_one_a_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = create(shop)
    rotate = pb.RotateWebhookSecretRequest(webhook_endpoint_id=made.webhook_endpoint.id, request_id=str(uuid4()))
    rotated = shop.call("RotateWebhookSecret", rotate)
    assert rotated.secret != made.secret and rotated.secret.startswith("whsec_")
    assert shop.call("RotateWebhookSecret", rotate) == rotated
    until = rotated.webhook_endpoint.old_secret_expire_time.ToDatetime(tzinfo=clock.KST)
    assert timedelta(hours=23, minutes=59) < until - clock.now() <= timedelta(hours=24)
    monkeypatch.setattr(clock, "_offset", timedelta(hours=11))
    shop.call("RotateWebhookSecret", pb.RotateWebhookSecretRequest(webhook_endpoint_id=made.webhook_endpoint.id))
    assert get(shop, made.webhook_endpoint.id).HasField("old_secret_expire_time")


def test_an_update_changes_what_is_named_and_knows_its_version(shop: Shop) -> None:
    made = create(shop, description="주문").webhook_endpoint
    changed = update(shop, made.id, kinds=["campaign.done"])
    assert (list(changed.kinds), changed.description) == (["campaign.done"], "주문")
    stale = pb.UpdateWebhookEndpointRequest(
        webhook_endpoint_id=made.id, webhook_endpoint=ENDPOINT(description="x"), etag=made.etag
    )
    assert shop.refused("UpdateWebhookEndpoint", stale).reason == "ETAG_MISMATCH"


def test_disabling_gives_up_what_waits_and_enabling_begins_anew(shop: Shop) -> None:
    made = create(shop).webhook_endpoint
    delivery(shop, made.id, "PENDING")
    assert update(shop, made.id, state=ENDPOINT.STATE_DISABLED).state == ENDPOINT.STATE_DISABLED
    assert [one.last_error for one in deliveries(shop, made.id)] == ["ENDPOINT_DISABLED"]
    with database().write(shop.workspace) as tx:
        webhooks.update(tx, UUID(made.id), {"disabled_reason": "FAILING", "failing_since": clock.now()})
    shown = get(shop, made.id)
    assert shown.disabled_reason == "FAILING" and shown.HasField("failing_since_time")
    enabled = update(shop, made.id, state=ENDPOINT.STATE_ACTIVE)
    assert (enabled.state, enabled.disabled_reason) == (ENDPOINT.STATE_ACTIVE, "")
    assert not enabled.HasField("failing_since_time")


def test_ten_endpoints_and_no_more(shop: Shop) -> None:
    made = [create(shop).webhook_endpoint.id for _ in range(10)]
    eleventh = pb.CreateWebhookEndpointRequest(webhook_endpoint=ENDPOINT(url=URL))
    refusal = shop.refused("CreateWebhookEndpoint", eleventh)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WEBHOOK_ENDPOINT_LIMIT")
    shop.call("ArchiveWebhookEndpoint", pb.ArchiveWebhookEndpointRequest(webhook_endpoint_id=made[0]))
    assert create(shop).secret


def test_a_kind_that_there_is_not_is_refused(shop: Shop) -> None:
    wanted = pb.CreateWebhookEndpointRequest(webhook_endpoint=ENDPOINT(url=URL, kinds=["message.eaten"]))
    assert shop.refused("CreateWebhookEndpoint", wanted).fields == {"webhook_endpoint.kinds[0]": "NOT_ALLOWED"}


def test_only_an_owner_makes_endpoints(channel: grpc.Channel) -> None:
    approver = open_shop(channel, role="APPROVER")
    assert not approver.call("ListWebhookEndpoints", pb.ListWebhookEndpointsRequest()).webhook_endpoints
    wanted = pb.CreateWebhookEndpointRequest(webhook_endpoint=ENDPOINT(url=URL))
    assert approver.refused("CreateWebhookEndpoint", wanted).reason == "PERMISSION_DENIED"
    marketer = open_shop(channel, role="MARKETER")
    assert marketer.refused("ListWebhookEndpoints", pb.ListWebhookEndpointsRequest()).reason == "PERMISSION_DENIED"


# --- where it may go ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["production", "staging"])
def real(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load().model_copy(update={"app_env": request.param})
    monkeypatch.setattr(webhook_urls, "load", lambda: settings)


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def judged(url: str) -> str:
    from core.errors import InvalidInput

    try:
        webhook_urls.check(url, "webhook_endpoint.url")
    except InvalidInput as problem:
        assert [violation.field for violation in problem.violations] == ["webhook_endpoint.url"]
        return problem.reason
    return ""


@pytest.mark.parametrize(
    ("url", "addresses", "reason"),
    [
        ("https://shop.example.com/hook", ("8.8.8.8",), ""),
        ("https://shop.example.com/hook", (), ""),
        ("https://shop.example.com/hook", ("10.0.0.7",), "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("https://shop.example.com/hook", ("8.8.8.8", "127.0.0.1"), "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("https://shop.example.com/hook", ("169.254.169.254",), "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("https://127.0.0.1/hook", ("127.0.0.1",), "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("https://localhost/hook", ("127.0.0.1",), "WEBHOOK_ADDRESS_FORBIDDEN"),
        ("http://shop.example.com/hook", ("8.8.8.8",), "WEBHOOK_URL_INVALID"),
    ],
)
def test_outside_development_only_the_internet_by_https(
    process: None, real: None, monkeypatch: pytest.MonkeyPatch, url: str, addresses: tuple[str, ...], reason: str
) -> None:
    leads_to(monkeypatch, *addresses)
    assert judged(url) == reason


def test_a_refused_address_names_its_field(shop: Shop) -> None:
    wanted = pb.CreateWebhookEndpointRequest(webhook_endpoint=ENDPOINT(url="http://10.0.0.1/hook"))
    refusal = shop.refused("CreateWebhookEndpoint", wanted)
    assert refusal.fields == {"webhook_endpoint.url": "WEBHOOK_ADDRESS_FORBIDDEN"}
    wanted.webhook_endpoint.url = "ftp://a.example.com"
    assert shop.refused("CreateWebhookEndpoint", wanted).reason == "WEBHOOK_URL_INVALID"


# --- deliveries ---------------------------------------------------------------------------------------------------


def test_the_dead_list_and_its_replay(shop: Shop, queued: list[UUID]) -> None:
    endpoint = create(shop).webhook_endpoint.id
    taken, first, second = (delivery(shop, endpoint, state) for state in ("DELIVERED", "DEAD", "DEAD"))
    assert [one.id for one in deliveries(shop, endpoint)] == [second, first, taken]
    assert [one.id for one in deliveries(shop, endpoint, filter='state = "DEAD"')] == [second, first]
    one = shop.call("ReplayWebhookDelivery", pb.ReplayWebhookDeliveryRequest(webhook_delivery_id=first)).webhook_delivery
    assert one.state == DELIVERY.STATE_PENDING and not one.HasField("end_time") and one.HasField("next_try_time")
    assert queued == [UUID(endpoint)]
    rest = pb.ReplayDeadWebhookDeliveriesRequest(webhook_endpoint_id=endpoint)
    assert shop.call("ReplayDeadWebhookDeliveries", rest).replayed_count == 1
    assert shop.call("ReplayDeadWebhookDeliveries", rest).replayed_count == 0
    assert not deliveries(shop, endpoint, filter='state = "DEAD"')
    again = pb.ReplayWebhookDeliveryRequest(webhook_delivery_id=taken)
    assert shop.refused("ReplayWebhookDelivery", again).reason == "WRONG_STATE"


def test_nothing_is_replayed_to_an_endpoint_that_is_disabled(shop: Shop) -> None:
    endpoint = create(shop, state=ENDPOINT.STATE_DISABLED).webhook_endpoint.id
    dead = delivery(shop, endpoint)
    for rpc, request in (
        ("ReplayWebhookDelivery", pb.ReplayWebhookDeliveryRequest(webhook_delivery_id=dead)),
        ("ReplayDeadWebhookDeliveries", pb.ReplayDeadWebhookDeliveriesRequest(webhook_endpoint_id=endpoint)),
    ):
        assert shop.refused(rpc, request).reason == "WRONG_STATE"


def test_a_test_is_a_delivery_to_look_at(shop: Shop, queued: list[UUID]) -> None:
    endpoint = create(shop, state=ENDPOINT.STATE_DISABLED).webhook_endpoint.id
    made = shop.call("SendTestWebhook", pb.SendTestWebhookRequest(webhook_endpoint_id=endpoint)).webhook_delivery
    assert made.test and made.event_count == 1 and made.state == DELIVERY.STATE_PENDING
    assert deliveries(shop, endpoint) == [made]
    assert queued == [UUID(endpoint)]


def test_pages_of_deliveries(shop: Shop) -> None:
    endpoint = create(shop).webhook_endpoint.id
    made = [delivery(shop, endpoint) for _ in range(3)]
    request = pb.ListWebhookDeliveriesRequest(webhook_endpoint_id=endpoint, page_size=2)
    page = shop.call("ListWebhookDeliveries", request)
    request.page_token = page.next_page_token
    rest = shop.call("ListWebhookDeliveries", request)
    assert [one.id for one in (*page.webhook_deliveries, *rest.webhook_deliveries)] == made[::-1]
    assert not rest.next_page_token


def test_nothing_of_another_merchants(shop: Shop, other: Shop) -> None:
    endpoint = create(shop).webhook_endpoint.id
    dead, new = delivery(shop, endpoint), ENDPOINT(url=URL)
    for rpc, request in (
        ("GetWebhookEndpoint", pb.GetWebhookEndpointRequest(webhook_endpoint_id=endpoint)),
        (
            "UpdateWebhookEndpoint",
            pb.UpdateWebhookEndpointRequest(webhook_endpoint_id=endpoint, webhook_endpoint=new),
        ),
        ("ArchiveWebhookEndpoint", pb.ArchiveWebhookEndpointRequest(webhook_endpoint_id=endpoint)),
        ("RotateWebhookSecret", pb.RotateWebhookSecretRequest(webhook_endpoint_id=endpoint)),
        ("SendTestWebhook", pb.SendTestWebhookRequest(webhook_endpoint_id=endpoint)),
        ("ListWebhookDeliveries", pb.ListWebhookDeliveriesRequest(webhook_endpoint_id=endpoint)),
        ("ReplayWebhookDelivery", pb.ReplayWebhookDeliveryRequest(webhook_delivery_id=dead)),
        ("ReplayDeadWebhookDeliveries", pb.ReplayDeadWebhookDeliveriesRequest(webhook_endpoint_id=endpoint)),
    ):
        assert (rpc, other.refused(rpc, request).code) == (rpc, grpc.StatusCode.NOT_FOUND)
    assert not other.call("ListWebhookEndpoints", pb.ListWebhookEndpointsRequest()).webhook_endpoints

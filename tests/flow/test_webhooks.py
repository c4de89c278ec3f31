"""A merchant's own system, told by the running product: real queues, real workers, a receiver on loopback."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from jeondan.v1 import event_pb2, event_pb2_grpc, webhook_pb2, webhook_pb2_grpc

from deploy.local.product import Product
from tests.flow import doors, files, running, stubs
from tests.workers.providers.cases import Request, Stage, says, stage


@pytest.fixture(scope="module")
def receiver() -> Iterator[Stage]:
    with stage(*[says(b"ok")] * 500) as scene:
        yield scene


def until(seen: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not seen():
        assert time.monotonic() - begun < stubs.PATIENCE, "it did not come"
        time.sleep(0.05)


def events(request: Request) -> list[dict[str, object]]:
    return list(json.loads(request.body)["data"]["events"])


def verified(request: Request, secret: str) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    signed = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return request.headers["webhook-signature"] == f"v1,{signed}"


def test_a_campaign_is_told_by_webhook_and_by_cursor_alike(
    product: Product, channel: grpc.Channel, login: dict[str, str], call: stubs.Caller, receiver: Stage
) -> None:
    metadata = (("x-api-key", login["api_key"]),)
    hooks, feed = webhook_pb2_grpc.WebhookServiceStub(channel), event_pb2_grpc.EventServiceStub(channel)
    cursor = feed.ListEvents(event_pb2.ListEventsRequest(page_size=1000), metadata=metadata).next_cursor
    endpoint = webhook_pb2.WebhookEndpoint(url=f"{receiver.url}/hook", description="주문 시스템")
    made = hooks.CreateWebhookEndpoint(webhook_pb2.CreateWebhookEndpointRequest(webhook_endpoint=endpoint), metadata=metadata)
    test = webhook_pb2.SendTestWebhookRequest(webhook_endpoint_id=made.webhook_endpoint.id)
    hooks.SendTestWebhook(test, metadata=metadata)
    until(lambda: bool(receiver.requests))
    assert [event["type"] for event in events(receiver.requests[0])] == ["webhook.test"]

    people = files.numbers(7_700_000, 7)
    stubs.customers(call, files.agreed(people), name="웹훅.csv", tag="웹훅")
    sent = launched(product, channel, login)
    stubs.follow(call, sent)

    def told() -> list[dict[str, object]]:
        return [event for request in list(receiver.requests) for event in events(request) if event["campaignId"] == sent]

    until(lambda: any(event["type"] == "campaign.done" for event in told()))
    until(lambda: sum(event["type"] == "message.accepted" for event in told()) == len(people))
    assert all(verified(request, made.secret) for request in receiver.requests)
    assert not any(number in request.body.decode() for number in people for request in receiver.requests)

    listed: list[str] = []
    more = True
    while more:
        request = event_pb2.ListEventsRequest(cursor=cursor, page_size=5)
        answer = feed.ListEvents(request, metadata=metadata)
        listed += [event.id for event in answer.events if event.campaign_id == sent]
        cursor, more = answer.next_cursor, answer.has_more
    assert {str(event["id"]) for event in told()} <= set(listed)
    assert len(listed) == len(set(listed))
    logs = "".join(log.read_text(errors="replace") for log in running.logs(product))
    assert made.secret not in logs and receiver.url not in logs


def launched(product: Product, channel: grpc.Channel, login: dict[str, str]) -> str:

    shop = doors.Grpc(channel, login["api_key"])
    sender = shop("ListSenderNumbers")["senderNumbers"][0]["id"]
    draft = {
        "name": "웹훅",
        "purpose": "PURPOSE_AD",
        "body": "오늘만 할인",
        "senderNumberId": sender,
        "audience": {"anyTags": ["웹훅"]},
    }
    made: str = shop("CreateCampaign", campaign=draft)["campaign"]["id"]
    shop("LaunchCampaign", campaignId=made)
    return made

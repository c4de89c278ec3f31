"""One of everything is replaced while callers call and a campaign runs: no call fails, no message is lost."""

import json
from collections.abc import Sequence

import grpc
import httpx
import pytest
from jeondan.v1 import account_pb2, campaign_pb2, types_pb2

from deploy.local.product import Product
from tests.drills import fleet
from tests.drills.fleet import Instance
from tests.drills.load import Load
from tests.flow import files, stubs
from tests.flow.running import Sandbox, login

RECIPIENTS = 1000
_BALANCED = json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}})


class Either(httpx.BaseTransport):
    """Knows the addresses of several gateways: whoever does not take the connection is passed over."""

    def __init__(self, gateways: Sequence[Instance]) -> None:
        self._ports, self._inner = [each.port.number for each in gateways], httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The first that listens."""
        for port in self._ports[:-1]:
            request.url = request.url.copy_with(port=port)
            try:
                return self._inner.handle_request(request)
            except httpx.ConnectError:
                continue
        request.url = request.url.copy_with(port=self._ports[-1])
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Nothing more to ask."""
        self._inner.close()


@pytest.fixture(scope="module")
def audience(product: Product, channel: grpc.Channel) -> str:
    call = stubs.Caller(channel, ("x-api-key", login(product)["api_key"]))
    read = stubs.customers(call, files.agreed(files.numbers(6_000_000, RECIPIENTS)), name="교체.csv", tag="교체")
    assert read.created_count == RECIPIENTS
    return "교체"


def test_a_roll_out_fails_no_call_and_loses_no_message(product: Product, audience: str, sandbox: Sandbox) -> None:
    key, before = login(product)["api_key"], sandbox.stats()
    with fleet.fleet(product) as (servers, gateways):
        target = "ipv4:" + ",".join(each.address for each in servers)

        def rest() -> httpx.Client:  # no connection is kept: without a front door nobody mends the one that just closes
            headers = {"X-API-Key": key, "Connection": "close"}
            return httpx.Client(base_url="http://127.0.0.1", transport=Either(gateways), headers=headers, timeout=30)

        def balanced() -> grpc.Channel:
            # No retry policy: what is repeated is only what gRPC knows never to have left, as when a connection has just aged.
            options = [("grpc.service_config", _BALANCED), ("grpc.use_local_subchannel_pool", 1)]
            return grpc.insecure_channel(target, options=options)

        with balanced() as channel:
            call = stubs.Caller(channel, ("x-api-key", key))
            sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0].id
            campaign = launched(call, audience, sender)
            load = Load(rest, balanced, key, sender)
            with load.going("rest send", "grpc send", "grpc read", "stream", campaign=campaign):
                load.until_moved()
                for each in (servers[0], gateways[0]):
                    each.replace()
                    load.until_moved()
                fleet.replace_child(product, "worker-bulk-1")
                load.until_moved()
            done = stubs.follow(call, campaign)
    counted = before["accepted_messages"] + RECIPIENTS + len(load.texts)
    after = stubs.until(sandbox.stats, lambda now: now["accepted_messages"] >= counted)
    assert load.failed == []
    assert done.counters.selected == RECIPIENTS == done.counters.accepted + done.counters.delivered + done.counters.failed
    assert (after["accepted_messages"], after["duplicates"]) == (counted, before["duplicates"])
    assert load.done["stream events"]


def launched(call: stubs.Caller, tag: str, sender: str) -> str:
    """An advertisement to everybody of this tag."""
    wanted = campaign_pb2.Campaign(
        name="교체",
        purpose=types_pb2.PURPOSE_AD,
        body="#{이름}님, 교체 중에도 도착합니다.",
        sender_number_id=sender,
        audience=campaign_pb2.Audience(any_tags=[tag]),
    )
    made = call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=wanted)).campaign
    call("LaunchCampaign", campaign_pb2.LaunchCampaignRequest(campaign_id=made.id, etag=made.etag))
    return str(made.id)

"""The primary away, a replica there: what only looks goes on, what has to be written down is refused in a way programs can tell.

The replica's part is played by the same server, by a way that stays open; a real pair is in tests/core/db/test_replica.py.
"""

from pathlib import Path

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import catalog_pb2 as catalog
from jeondan.v1 import receipt_pb2 as receipt

from tests.deploy.local.waiting import until
from tests.server import program, proxy
from tests.server.shop import PASSWORD, PHONE, Shop, connected, open_shop
from tests.server.test_health import DOWN, UP, check

PRODUCT = catalog.CreateProductRequest(product=catalog.Product(name="원두"))


def test_reads_go_on_and_writes_come_back_by_themselves(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    with proxy.door(environment["DATABASE_URL"]) as (door, url):
        told = {**environment, "DATABASE_URL": url, "DATABASE_REPLICA_URL": environment["DATABASE_URL"]}
        with program.running(told, tmp_path) as server, connected(server.port) as channel:
            shop = open_shop(channel)
            by_key = [("x-api-key", shop.api_key)]
            shop.call("CreateProduct", PRODUCT)
            shop.call("CreateContact", audience.CreateContactRequest(contact=audience.Contact(phone=PHONE)))
            assert check(channel, "jeondan.dependency.replica") == UP
            door.shut()

            for metadata in (shop.metadata, by_key):
                assert len(shop.call("ListProducts", catalog.ListProductsRequest(), metadata=metadata).products) == 1
            again = account.CreateSessionRequest(email=shop.email, password=PASSWORD)
            assert shop.call("CreateSession", again, metadata=()).token
            only_reads(shop)
            until(lambda: check(channel, "jeondan.dependency.database") == DOWN)
            assert [check(channel, name) for name in ("", "jeondan.v1.CatalogService", "jeondan.dependency.replica")] == [UP] * 3

            door.reopen()
            until(lambda: written(shop))
            until(lambda: check(channel, "jeondan.dependency.database") == UP)
            assert shop.call("ListContacts", audience.ListContactsRequest()).contacts


def only_reads(shop: Shop) -> None:
    refusal = shop.refused("CreateProduct", PRODUCT)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "READ_ONLY")
    assert "조회만 할 수 있습니다" in refusal.message
    assert refusal.detail(RetryInfo).retry_delay.seconds == 5
    # Whoever was shown must be written down (R-PII-5): nobody is shown who could not be.
    assert shop.refused("ListContacts", audience.ListContactsRequest()).reason == "READ_ONLY"
    # A push is not taken, so that the provider pushes again.
    push = receipt.TakePushRequest(request_id="8f6f3b9a-6d3c-4b8e-9d0a-3d7b6a0c1e55", provider="solapi", token="x" * 32)
    assert shop.refused("TakePush", push, metadata=()).code is grpc.StatusCode.UNAVAILABLE


def written(shop: Shop) -> bool:
    try:
        shop.call("CreateProduct", PRODUCT)
    except grpc.RpcError:
        return False
    return True


def test_a_server_starts_while_only_the_replica_answers(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    told = {**environment, "DATABASE_URL": "postgresql://a:b@127.0.0.1:1/c", "DATABASE_REPLICA_URL": environment["DATABASE_URL"]}
    with program.running(told, tmp_path) as server, connected(server.port) as channel:
        assert not open_shop(channel).call("ListProducts", catalog.ListProductsRequest()).products
        assert check(channel, "") == UP

"""What load balancers are told, with the parts we need really away."""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import catalog_pb2 as catalog

from tests.server import program, proxy
from tests.server.shop import Shop, connected, open_shop

UP, DOWN = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ["", *(f"jeondan.v1.{name}Service" for name in ("Account", "Catalog", "Audience"))]


class Watched:
    """Every status of one service, as it comes."""

    def __init__(self, channel: grpc.Channel, service: str) -> None:
        self._watch = health_pb2_grpc.HealthStub(channel).Watch
        self._wanted = health_pb2.HealthCheckRequest(service=service)
        self._seen: queue.Queue[int] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, status: int) -> None:
        """Wait for this status; fails after half a minute."""
        while self._seen.get(timeout=30) != status:
            pass

    def _read(self) -> None:
        """Again where a connection ends, as whoever watches health does: connections grow old."""
        code = grpc.StatusCode.UNAVAILABLE
        while code is grpc.StatusCode.UNAVAILABLE:
            try:
                for answer in self._watch(self._wanted):
                    self._seen.put(answer.status)
            except grpc.RpcError as error:
                code = error.code()
                print("watch ended", code, error.details())
            except ValueError:  # the channel is closed
                return
            time.sleep(0.1)


def check(channel: grpc.Channel, service: str) -> Any:
    return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status


def test_everything_serves_and_unknown_services_are_not_found(channel: grpc.Channel) -> None:
    for service in [*SERVICES, *(f"jeondan.dependency.{name}" for name in ("database", "redis", "s3"))]:
        assert (service, check(channel, service)) == (service, UP)
    with pytest.raises(grpc.RpcError) as caught:
        check(channel, "jeondan.v1.Nothing")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_watches_hold_no_thread(shop: Shop) -> None:
    watches = [Watched(shop.channel, "") for _ in range(40)]
    for watch in watches:
        watch.until(UP)
    assert shop.call("GetWorkspace", account.GetWorkspaceRequest()).workspace.name
    assert check(shop.channel, "") == UP


@contextmanager
def behind_doors(environment: dict[str, str], folder: Path) -> Iterator[tuple[program.Program, dict[str, proxy.Door]]]:
    """A server that reaches its parts through doors."""
    with ExitStack() as stack:
        doors, changed = {}, dict(environment)
        for name in ("DATABASE_URL", "REDIS_URL", "AWS_ENDPOINT_URL_S3"):
            doors[name], changed[name] = stack.enter_context(proxy.door(environment[name]))
        yield stack.enter_context(program.running(changed, folder)), doors


def test_without_the_database_nothing_serves_until_it_is_back(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    with behind_doors(environment, tmp_path) as (server, doors), connected(server.port) as channel:
        shop = open_shop(channel)
        watches = [Watched(channel, service) for service in [*SERVICES, "jeondan.dependency.database"]]
        for watch in watches:
            watch.until(UP)
        doors["DATABASE_URL"].shut()
        for watch in watches:
            watch.until(DOWN)
        refusal = shop.refused("ListProducts", catalog.ListProductsRequest())
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
        assert check(channel, "jeondan.dependency.redis") == UP
        doors["DATABASE_URL"].reopen()
        for watch in watches:
            watch.until(UP)
        assert not shop.call("ListProducts", catalog.ListProductsRequest()).products


def test_without_redis_and_storage_services_go_on(environment: dict[str, str], process: None, tmp_path: Path) -> None:
    with behind_doors(environment, tmp_path) as (server, doors), connected(server.port) as channel:
        shop = open_shop(channel)
        watches = [Watched(channel, f"jeondan.dependency.{name}") for name in ("redis", "s3")]
        doors["REDIS_URL"].shut()
        doors["AWS_ENDPOINT_URL_S3"].shut()
        for watch in watches:
            watch.until(DOWN)
        for service in SERVICES:
            assert check(channel, service) == UP
        product = shop.call("CreateProduct", catalog.CreateProductRequest(product=catalog.Product(name="원두"))).product
        flyer = catalog.CreateFlyerRequest(flyer=catalog.Flyer(product_ids=[product.id]))
        assert shop.call("CreateFlyer", flyer).flyer.id, "the row waits for the sweeper"
        again = account.CreateSessionRequest(email=shop.email, password="wrong")
        assert [shop.refused("CreateSession", again, metadata=()).reason for _ in range(6)][-1] == "RATE_LIMITED"
        missing = catalog.CreateImageRequest(object_name=f"uploads/{shop.workspace}/{product.id}/a.jpg")
        assert shop.refused("CreateImage", missing).reason == "DEPENDENCY_UNAVAILABLE"
        doors["REDIS_URL"].reopen()
        doors["AWS_ENDPOINT_URL_S3"].reopen()
        for watch in watches:
            watch.until(UP)

"""Redis and the storage killed, and hung: every part of the API answers meanwhile, and goes on by itself afterwards."""

import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2 as details
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import catalog_pb2 as catalog

from core.db.session import database
from deploy.local.stack import Stack
from server.main import SERVICES
from tests.deploy.local.waiting import until
from tests.server import program
from tests.server.shop import Shop, connected, open_shop
from tests.server.test_health import DOWN, UP, Watched
from tests.stack import folder

DEADLINE = 10.0  # seconds, what a caller gets who names none: whoever waits for the dead part is over it
NEVER = 3600.0
WAYS = ("killed", "hung")


class Ground:
    """A server with a Redis and a storage of its own, to be hurt."""

    def __init__(self, stack: Stack, server: program.Program, shop: Shop) -> None:
        self.stack, self.server, self.shop = stack, server, shop

    def watch(self, part: str) -> Watched:
        return Watched(self.shop.channel, f"jeondan.dependency.{part}")

    @contextmanager
    def away(self, name: str, how: str) -> Iterator[None]:
        """Gone inside the `with`, as the server knows; back after it, as the server knows."""
        watched = self.watch({"valkey": "redis", "storage": "s3"}[name])
        watched.until(UP)
        pid = self.stack.supervisor.pid(name)
        if how == "hung":
            os.kill(pid, signal.SIGSTOP)
        else:
            self.stack.supervisor.keep_down(name, NEVER)
        try:
            watched.until(DOWN)
            yield
        finally:
            if how == "hung":
                os.kill(pid, signal.SIGCONT)
            else:
                self.stack.supervisor.keep_down(name, 0)
        watched.until(UP)


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    with folder() as made:
        yield made


@pytest.fixture
def ground(environment: dict[str, str], process: None, module_folder: Path, tmp_path: Path) -> Iterator[Ground]:
    given = {"DATABASE_URL": environment["DATABASE_URL"]}
    with Stack(module_folder, environment=given, durable=False) as stack:
        ours = {name: stack.environment()[name] for name in ("REDIS_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID")}
        ours["AWS_SECRET_ACCESS_KEY"] = stack.environment()["AWS_SECRET_ACCESS_KEY"]
        with program.running({**environment, **ours}, tmp_path) as server, connected(server.port) as channel:
            yield Ground(stack, server, open_shop(channel))


def lists() -> list[tuple[ServiceDescriptor, str, Any]]:
    """A list of every service that has one which asks for nothing more."""
    found = {}
    for served in SERVICES:
        for method in served.described.methods:
            required = any(field.name.endswith("_id") or field.name == "method" for field in method.input_type.fields)
            if method.name.startswith("List") and not required:
                period = {"period": 1} if "period" in method.input_type.fields_by_name else {}
                request = GetMessageClass(method.input_type)(**period)
                found.setdefault(served.described.full_name, (served.described, method.name, request))
    return list(found.values())


def everything_answers(shop: Shop) -> None:
    """A list of every family, and what queues jobs, signs in, counts tries and is done once."""
    for service, rpc, request in lists():
        stub = shop.channel.unary_unary(
            f"/{service.full_name}/{rpc}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=GetMessageClass(service.methods_by_name[rpc].output_type).FromString,
        )
        stub(request, metadata=shop.metadata, timeout=DEADLINE)
    by_key = {"metadata": (("x-api-key", shop.api_key),), "timeout": DEADLINE}
    made = catalog.CreateProductRequest(product=catalog.Product(name="원두"))
    product = shop.call("CreateProduct", made, **by_key).product
    flyers = [new_flyer(shop, product.id) for _ in range(8)]  # a job each
    assert len(set(flyers)) == 8
    wrong = account.CreateSessionRequest(email=shop.email, password="wrong")
    reasons = [shop.refused("CreateSession", wrong, metadata=(), timeout=DEADLINE).reason for _ in range(6)]
    assert reasons[-1] == "RATE_LIMITED", reasons


def new_flyer(shop: Shop, product: str) -> str:
    request = catalog.CreateFlyerRequest(flyer=catalog.Flyer(product_ids=[product]))
    return str(shop.call("CreateFlyer", request, timeout=DEADLINE).flyer.id)


def test_without_redis_every_family_answers_and_jobs_are_queued_again_when_it_is_back(ground: Ground) -> None:
    shop = ground.shop
    assert len(lists()) > 12
    made = catalog.CreateProductRequest(product=catalog.Product(name="원두"))
    product = shop.call("CreateProduct", made).product.id
    for how in WAYS:
        with ground.away("valkey", how):
            everything_answers(shop)
        until(lambda: queued(ground, new_flyer(shop, product)))


def queued(ground: Ground, flyer: str) -> bool:
    redis = pytest.importorskip("redis")
    with redis.Redis.from_url(ground.stack.environment()["REDIS_URL"]) as client:
        return any(flyer in message.decode() for message in client.hvals("dramatiq:compose.msgs"))


def picture(shop: Shop) -> Callable[[], catalog.Image]:
    """An image that a worker has looked at."""
    offer = catalog.CreateImageUploadRequest(file_name="a.jpg", content_type="image/jpeg")
    upload = shop.call("CreateImageUpload", offer).upload
    put = urllib.request.Request(upload.upload_url, b"jpeg", dict(upload.headers), method="PUT")
    with urllib.request.urlopen(put):
        pass
    image = shop.call("CreateImage", catalog.CreateImageRequest(object_name=upload.object_name)).image
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE images SET state = 'READY', photo_name = 'photos/x.jpg' WHERE id = :id", id=UUID(image.id))
    return lambda: shop.call("GetImage", catalog.GetImageRequest(image_id=image.id), timeout=DEADLINE).image


def test_without_storage_pictures_have_a_stand_in_and_uploads_are_told_to_come_back(ground: Ground) -> None:
    shop = ground.shop
    look = picture(shop)
    assert "X-Amz-Signature" in look().view_url and not look().placeholder
    for how in WAYS:
        with ground.away("storage", how):
            assert look().placeholder and look().view_url.endswith("/placeholder.svg")
            everything_answers(shop)
            uploads_are_refused(shop)
        assert not look().placeholder
        picture(shop)


def uploads_are_refused(shop: Shop) -> None:
    """With what it lacks and when to come back: before the browser puts a photo to nobody, and after."""
    taken = catalog.CreateImageRequest(object_name=f"uploads/{shop.workspace}/{UUID(int=1)}/a.jpg")
    offer = catalog.CreateImageUploadRequest(file_name="a.jpg", content_type="image/jpeg")
    for rpc, request in (("CreateImage", taken), ("CreateImageUpload", offer)):
        refusal = shop.refused(rpc, request, timeout=DEADLINE)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
        assert refusal.facts == {"dependency": "s3"} and "저장소" in refusal.message
        assert refusal.detail(details.RetryInfo).retry_delay.ToSeconds() > 0

"""The disk of the database fills up for real: told before, refused in time, refused with a reason, nothing lost, and over."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import psycopg
import pytest
from google.rpc import error_details_pb2 as details
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import campaign_pb2 as campaign
from jeondan.v1 import catalog_pb2 as catalog

from core.db import accounts, disk, migrate, session
from core.rules.alerts import Kind
from deploy.local.stack import Stack
from tests import stack as parts
from tests.server import conftest, program
from tests.server.services import marketer
from tests.server.shop import Refusal, Shop, connected, open_shop
from workers import alerts, watch

SIZE = 320 << 20
MOST = 400  # products that fit into what is left, at the very most


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of its own, in memory; skipped where nobody may mount one."""
    with parts.folder() as home:
        disk_ = home / "disk"
        disk_.mkdir()
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "none", str(disk_)],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
        try:
            yield disk_
        finally:
            subprocess.run(["umount", "-l", str(disk_)], check=True)


class Full:
    """The product on that disk, and a file that takes the room away."""

    def __init__(self, stack: Stack, disk_: Path, shop: Shop) -> None:
        self.stack, self.shop = stack, shop
        self._filler, self._disk = disk_ / "filler", disk_

    def leave(self, bytes_: int) -> None:
        """Only so much room, from a fresh segment of the log on."""
        with psycopg.connect(parts.postgres(self.stack).superuser_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            connection.execute("SELECT pg_switch_wal()")
        self._filler.unlink(missing_ok=True)
        found = os.statvfs(self._disk)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - bytes_)

    def give_back(self) -> None:
        """Somebody made room."""
        self._filler.unlink()

    def product(self, number: int) -> str:
        """One that needs some room."""
        wanted = catalog.Product(name=f"원두 {number}", sku=str(number), description=os.urandom(900).hex())
        return str(self.shop.call("CreateProduct", catalog.CreateProductRequest(product=wanted)).product.id)


@pytest.fixture
def full(
    small_disk: Path, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh_redis: str
) -> Iterator[Full]:
    given = {name: environment[name] for name in ("REDIS_URL", "AWS_ENDPOINT_URL_S3")}
    with Stack(small_disk, environment=given, durable=False) as stack:
        told = {**environment, "DATABASE_URL": parts.postgres(stack).url, "DISK_PATHS": str(small_disk)}
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        conftest.forget()
        alerts.channels.cache_clear()
        disk.forget()
        migrate.upgrade(told["DATABASE_URL"])
        with program.running(told, tmp_path) as server, connected(server.port) as channel:
            yield Full(stack, small_disk, open_shop(channel))
        session.database().dispose()
    conftest.forget()
    disk.forget()


def told(kind: Kind) -> bool:
    disk.forget()
    watch.from_the_clock()
    with session.database().system() as tx:
        rows = tx.rows("SELECT kind FROM incidents WHERE closed_at IS NULL AND cleared_at IS NULL")
    return kind.value in {row.kind for row in rows}


def begins(shop: Shop, draft: campaign.Campaign) -> list[Refusal]:
    """What would fill more: refused in the same way, whatever else is wrong with it."""
    launch = campaign.LaunchCampaignRequest(campaign_id=draft.id, etag=draft.etag, request_id=str(uuid4()))
    taken = audience.CreateImportRequest(object_name=f"uploads/{shop.workspace}/{uuid4()}/a.csv", file_name="a.csv")
    return [shop.refused("LaunchCampaign", launch), shop.refused("CreateImport", taken)]


def test_nothing_new_begins_on_a_nearly_full_disk_and_a_full_one_loses_nothing(full: Full) -> None:
    shop = full.shop
    with session.database().write(shop.workspace) as tx:
        sender = accounts.add_sender_number(tx, shop.workspace, "0212345678")
    draft = marketer.create(shop, str(sender))
    assert not told(Kind.DISK_LOW)
    full.leave(SIZE // 10)
    assert told(Kind.DISK_LOW) and not told(Kind.DISK_FULL)

    full.leave(SIZE // 25)
    assert told(Kind.DISK_FULL)
    for refusal in until_full(shop, draft):
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DISK_FULL")
        assert "저장 공간" in refusal.message
        assert refusal.detail(details.RetryInfo).retry_delay.ToSeconds() == 60

    full.leave(256 << 10)
    kept, refusal = fill(full)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "DISK_FULL"), refusal
    assert refusal.detail(details.RetryInfo).retry_delay.ToSeconds() == 30
    assert shop.call("ListProducts", catalog.ListProductsRequest(page_size=1)).products, "reading goes on"

    full.give_back()
    full.product(len(kept))
    assert not told(Kind.DISK_FULL) and not told(Kind.DISK_LOW)
    found = catalog.ListProductsRequest(page_size=200)
    names: set[str] = set()
    while True:
        answer = shop.call("ListProducts", found)
        names |= {one.id for one in answer.products}
        if not answer.next_page_token:
            break
        found.page_token = answer.next_page_token
    assert kept <= names, "what was acknowledged is there"
    assert len(names) == len(kept) + 1, "and what was refused is not"


def until_full(shop: Shop, draft: campaign.Campaign) -> list[Refusal]:
    """The server looks every few seconds."""
    while True:
        refusals = begins(shop, draft)
        if all(refusal.reason == "DISK_FULL" for refusal in refusals):
            return refusals


def fill(full: Full) -> tuple[set[str], Any]:
    """Products until one is refused; who was acknowledged, and the refusal."""
    kept: set[str] = set()
    for number in range(MOST):
        try:
            kept.add(full.product(number))
        except grpc.RpcError as error:
            return kept, Refusal.of(error)
    raise AssertionError("the disk did not fill up")

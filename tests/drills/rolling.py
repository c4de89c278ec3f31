"""Everything is replaced under load behind the real nginx, and the schema goes on beside it: `make drill-rolling`."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jeondan.v1 import account_pb2, campaign_pb2, types_pb2

from core.db import migrate, schema
from deploy.local.product import Product
from tests.deploy.nginx.nginx import Nginx
from tests.drills import fleet, next_version
from tests.drills.fleet import Instance
from tests.drills.load import Load
from tests.flow import files, running, stubs
from tests.stack import folder

RECIPIENTS = int(os.environ.get("DRILL_RECIPIENTS") or "20000")
READY_SECONDS = 3  # before the next one goes, as minReadySeconds has it: the gateways find a server that came back within two
PACED_SECONDS = 300.0  # what the pace of the campaign may still need when everything is replaced
KINDS = ("rest read", "rest send", "grpc read", "grpc send", "grpc write", "stream")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running.product() as started:
        yield started


@contextmanager
def door(servers: list[Instance], gateways: list[Instance]) -> Iterator[Nginx]:
    """The front door before both pairs."""
    ports = [[each.port.number for each in pair] for pair in (gateways, servers)]
    with folder() as where, Nginx(where, *ports).up() as made:
        yield made


def audience(call: stubs.Caller, people: int) -> str:
    read = stubs.customers(call, files.agreed(files.numbers(5_000_000, people)), name="모두.csv", tag="모두")
    assert read.created_count == people
    return "모두"


def launched(call: stubs.Caller, tag: str, pace: int) -> str:
    """A campaign that takes its time."""
    sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0]
    wanted = campaign_pb2.Campaign(
        name="교체 중에도",
        purpose=types_pb2.PURPOSE_AD,
        body="#{이름}님, 교체 중에도 도착합니다.",
        sender_number_id=sender.id,
        audience=campaign_pb2.Audience(any_tags=[tag]),
    )
    wanted.pace.people = pace
    wanted.pace.duration.FromSeconds(60)
    made = call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=wanted)).campaign
    call("LaunchCampaign", campaign_pb2.LaunchCampaignRequest(campaign_id=made.id, etag=made.etag))
    return str(made.id)


def test_everything_is_replaced_under_load(product: Product, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("nginx"), "nginx is missing (Debian: apt-get install nginx)"
    key, sandbox = running.login(product)["api_key"], running.Sandbox(product)
    url, versions = product.environment["DATABASE_URL"], next_version.write(tmp_path / "versions")
    tree = fleet.next_tree(tmp_path / "next")
    told: dict[str, Any] = {}
    with fleet.fleet(product) as (servers, gateways), door(servers, gateways) as nginx, nginx.channel() as channel:
        call = stubs.Caller(channel, ("x-api-key", key))
        sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0].id
        tag, before = audience(call, RECIPIENTS), sandbox.stats()
        campaign = launched(call, tag, max(RECIPIENTS // 3, 1000))
        load = Load(lambda: nginx.client(**{"X-API-Key": key}), nginx.channel, key, sender)
        began = time.monotonic()
        with load.going(*KINDS, campaign=campaign):
            load.until_moved()
            told["same version"] = replaced(product, servers, gateways, load)
            migrate.upgrade(url, schema.needed(versions), versions=versions)  # the old version is at work
            load.until_moved()
            for each in (*servers, *gateways):
                each.tree = tree
            told["next version"] = replaced(product, servers[:1], gateways, load)
            with pytest.raises(migrate.Refused, match="sessions of version"):
                migrate.upgrade(url, versions=versions)
            servers[0].tree = fleet.ROOT
            told["back"] = replaced(product, servers[:1], [], load)
            done = stubs.follow(call, campaign, patience=PACED_SECONDS)
            took = time.monotonic() - began
        # On a fast machine callers outrun what the account may be called: the lane of single messages empties afterwards.
        stubs.until(lambda: sandbox.stats()["accepted_messages"], lambda now: now >= counted(before, load), PACED_SECONDS * 2)
        after = sandbox.stats()
    report(told, load, took, done)
    assert load.failed == []
    assert done.counters.selected == RECIPIENTS == done.counters.accepted + done.counters.delivered + done.counters.failed
    assert after["accepted_messages"] == counted(before, load)
    assert after["duplicates"] == before["duplicates"]
    assert load.done["stream opened again"] and load.done["stream events"]
    sandbox.close()


def counted(before: dict[str, Any], load: Load) -> int:
    """What the provider must have by now: the campaign's people and every single message that was accepted at our doors."""
    return int(before["accepted_messages"]) + RECIPIENTS + len(load.texts)


def replaced(product: Product, servers: list[Instance], gateways: list[Instance], load: Load) -> dict[str, float]:
    """One after the other, workers and clock included; callers get around to each before the next one goes."""
    took = {}
    for each in (*servers, *gateways):
        each.replace()
        took[each.name] = round(each.seconds[-1], 1)
        time.sleep(READY_SECONDS)
        load.until_moved()
    if len(servers) == 2:
        took |= fleet.each([*product.workers, "clock"], lambda name: fleet.replace_child(product, name))
    return took


def report(told: dict[str, Any], load: Load, took: float, done: campaign_pb2.Campaign) -> None:
    for title, seconds in told.items():
        print(f"{title}: " + ", ".join(f"{name} {value} s" for name, value in seconds.items()))
    print(f"{took:.0f} s under load: " + ", ".join(f"{kind} {count}" for kind, count in sorted(load.done.items())))
    print("slowest: " + ", ".join(f"{kind} {seconds:.2f} s" for kind, seconds in load.slowest.items()))
    reached = done.counters.accepted + done.counters.delivered
    print(f"campaign: {done.counters.selected} selected, {reached} accepted or delivered")
    print(f"failed: {len(load.failed)}" + "".join(f"\n  {kind}: {what}" for kind, what in load.failed[:20]))

"""Whatever is killed in the middle of a campaign, it ends with every recipient once at the provider."""

import os
import shutil
import signal
import time
from collections.abc import Callable

import grpc
import pytest
from jeondan.v1 import account_pb2, campaign_pb2, types_pb2

from deploy.local.product import Product
from tests.flow import files, stubs
from tests.flow.running import Sandbox, login
from tests.flow.stubs import Patient

RECIPIENTS = int(os.environ.get("KILL_RECIPIENTS", "3000"))
SHARE = 0.3  # how much the provider has when it happens


@pytest.fixture(scope="module")
def patient(product: Product, channel: grpc.Channel) -> Patient:
    return Patient(channel, ("x-api-key", login(product)["api_key"]))


@pytest.fixture(scope="module")
def audience(patient: Patient) -> str:
    """The tag of so many customers who may all get advertising."""
    read = stubs.customers(patient, files.agreed(files.numbers(1_000_000, RECIPIENTS)), name="많은 고객.csv", tag="많은 고객")
    assert read.created_count == RECIPIENTS
    return "많은 고객"


def kill_workers(product: Product) -> None:
    for name in product.workers:
        if "bulk" in name:
            product.kill(name)


def kill_one_worker(product: Product) -> None:
    product.kill("worker-bulk-1")


def stop_workers(product: Product) -> None:
    for name in product.workers:
        if "bulk" in name:
            os.kill(product.supervisor.pid(name), signal.SIGTERM)


def kill_server(product: Product) -> None:
    product.kill("server")


def kill_clock(product: Product) -> None:
    product.kill("clock")


def lose_valkey(product: Product) -> None:
    product.kill("valkey")
    for path in (product.stack.var / "valkey").iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def launched(call: Patient, tag: str, body: str) -> str:
    sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0]
    wanted = campaign_pb2.Campaign(
        name=body,
        purpose=types_pb2.PURPOSE_AD,
        body=body,
        sender_number_id=sender.id,
        audience=campaign_pb2.Audience(any_tags=[tag]),
    )
    made = call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=wanted)).campaign
    call("LaunchCampaign", campaign_pb2.LaunchCampaignRequest(campaign_id=made.id, etag=made.etag))
    return str(made.id)


def restarts(product: Product) -> int:
    return sum(product.supervisor.restarts(name) for name in product.supervisor.names())


# Two workers share so few calls that either may hold none of them: only with more is it certain that one will do.
WORKERS = (kill_workers,) if RECIPIENTS < 10_000 else (kill_one_worker, kill_workers)
HURTS = (*WORKERS, stop_workers, kill_server, lose_valkey, kill_clock)


@pytest.mark.parametrize("hurt", HURTS, ids=lambda hurt: hurt.__name__)
def test_everybody_gets_it_once(
    product: Product, patient: Patient, sandbox: Sandbox, audience: str, hurt: Callable[[Product], None]
) -> None:
    """At that moment half of the calls are accepted and not yet answered, the other half sent and not yet accepted."""
    before, started = sandbox.stats(), restarts(product)
    late, unanswered = {"delay": 1.5, "probability": 0.5}, {"delay": 1.5}
    with sandbox.fault("latency", path="/send*", **late), sandbox.fault("slow_answer", path="/send*", **unanswered):
        campaign = launched(patient, audience, f"#{{이름}}님, 오늘만 할인합니다. {hurt.__name__}")
        stubs.until(sandbox.stats, lambda now: now["accepted_messages"] - before["accepted_messages"] >= SHARE * RECIPIENTS)
        assert sandbox.stats()["accepted_messages"] - before["accepted_messages"] < RECIPIENTS
        hurt(product)
        hit = time.monotonic()
    done = stubs.follow(patient, campaign)
    after = sandbox.stats()
    print(f"{hurt.__name__}: {time.monotonic() - hit:.1f} s until DONE; {after}")
    assert done.state == campaign_pb2.Campaign.STATE_DONE
    assert done.counters.selected == RECIPIENTS == done.counters.accepted + done.counters.delivered + done.counters.failed
    assert after["accepted_messages"] - before["accepted_messages"] == RECIPIENTS
    assert after["duplicates"] == before["duplicates"]
    stubs.until(lambda: restarts(product), lambda now: now > started)

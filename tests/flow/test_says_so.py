"""The product says what happens: results come in by push alone, and trouble goes out to people, once each way."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest
from jeondan.v1 import account_pb2, campaign_pb2, types_pb2

from core import clock
from deploy.local import children, process
from deploy.local.demo import daytime_offset
from deploy.local.guardian import ROOT
from deploy.local.product import Product, start_product
from tests.deploy.sandbox.solapi_shop import signed
from tests.flow import files, running, stubs
from tests.stack import folder
from tests.workers.receiver import Receiver, receiving

PEOPLE = files.numbers(6_000_000, 60)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture(scope="module")
def told(receiver: Receiver) -> Iterator[Product]:
    """A product of its own, whose people can be reached."""
    offset = int(daytime_offset(clock.now()).total_seconds())
    extra = {"CLOCK_OFFSET_SECONDS": str(offset), "RATE_LIMIT": "600000/minute", "ALERT_URLS": receiver.address}
    with folder() as var, start_product(var, environment={}, quiet=True, extra=extra) as started:
        yield started


@pytest.fixture
def sandbox(told: Product) -> Iterator[running.Sandbox]:
    found = running.Sandbox(told)
    yield found
    found.close()


def launched(call: stubs.Caller, tag: str) -> str:
    sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0]
    wanted = campaign_pb2.Campaign(
        name=tag,
        purpose=types_pb2.PURPOSE_AD,
        body="#{이름}님, 오늘만 할인합니다.",
        sender_number_id=sender.id,
        audience=campaign_pb2.Audience(any_tags=[tag]),
    )
    made = call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=wanted)).campaign
    call("LaunchCampaign", campaign_pb2.LaunchCampaignRequest(campaign_id=made.id, etag=made.etag))
    return str(made.id)


def pushes(told: Product) -> list[tuple[str, bytes]]:
    with psycopg.connect(told.environment["DATABASE_URL"]) as connection:
        connection.execute("SET ROLE jeondan_system")
        return connection.execute("SELECT state, body_sealed FROM pushes").fetchall()


def test_results_come_in_by_push_alone(told: Product, sandbox: running.Sandbox) -> None:
    """The account is not polled: whatever is known was pushed, through gateway, server and worker."""
    made = subprocess.run(
        children.python("tests.flow.pushing_shop"),
        cwd=ROOT,
        env=process.inherited(told.environment, str(told.stack.var)),
        check=True,
        capture_output=True,
        text=True,
    )
    shop = json.loads(made.stdout)
    address = f"{told.gateway_url}/webhooks/solapi/{shop['token']}"
    now = daytime_offset(clock.now()) + clock.now()
    registered = httpx.post(
        f"{told.sandbox_url}/webhook/v1/outgoing",
        json={"eventId": "SINGLE-REPORT", "url": address, "name": "reports"},
        headers={"authorization": signed(date=now.isoformat())},
    )
    assert registered.status_code == 200, registered.text
    assert httpx.post(address[:-1], content=b"[]").status_code == 404
    assert httpx.post(address, content=json.dumps([{"to": PEOPLE[0]}]).encode()).status_code == 200  # without the secret
    with stubs.channel(told.grpc_address) as channel, sandbox.fault("webhook_twice"):
        call = stubs.Caller(channel, ("x-api-key", shop["api_key"]))
        stubs.customers(call, files.agreed(PEOPLE), name="손님.csv", tag="손님")
        done = stubs.follow(call, launched(call, "손님"), results=True)
    assert done.counters.delivered + done.counters.failed == len(PEOPLE)
    states = [state for state, _ in stubs.until(lambda: pushes(told), lambda rows: all(row[0] not in ("NEW",) for row in rows))]
    assert states.count("FORGED") == 1
    assert states.count("DONE") >= 2
    assert not any(number.encode() in bytes(body) for _, body in pushes(told) for number in PEOPLE)
    logs = b"".join(path.read_bytes() for path in running.logs(told))
    assert shop["token"].encode() not in logs
    assert not any(number.encode() in logs for number in PEOPLE)


def test_people_hear_once_that_an_account_is_refused_and_once_that_it_works(
    told: Product, sandbox: running.Sandbox, receiver: Receiver
) -> None:
    receiver.taken.clear()
    with stubs.channel(told.grpc_address) as channel:
        call = stubs.Caller(channel, ("x-api-key", running.login(told)["api_key"]))
        tag = uuid4().hex[:8]
        stubs.customers(call, files.agreed(files.numbers(6_100_000, 20)), name="손님.csv", tag=tag)
        with sandbox.fault("ip_blocked", path="/send*,/remain/"):  # of Aligo alone: the second way stays open
            campaign = launched(call, tag)
            stubs.until(lambda: list(receiver.titles), lambda titles: len(titles) == 1)
            told.kill("clock")  # in the middle of it
            time.sleep(6)
        stubs.until(lambda: list(receiver.titles), lambda titles: len(titles) == 2)
        assert stubs.follow(call, campaign).counters.planned == 0
    time.sleep(6)
    about = [title.removeprefix("[전단] ").split(" · ")[0] for title in receiver.titles]
    assert about == ["발송 계정 정지", "해결: 발송 계정 정지"]
    assert "알리고 계정이 정지되었습니다: 이 서버의 IP가" in receiver.taken[0]["message"]
    assert not re.search(r"01\d-?\d{3,4}-?\d{4}", json.dumps(receiver.taken, ensure_ascii=False))

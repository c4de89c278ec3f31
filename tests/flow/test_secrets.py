"""After a whole run nothing that is secret or personal stands in a log, a metric or the queues."""

import contextlib
import re
from collections.abc import Iterator

import grpc
import httpx
import psycopg
import pytest
import redis
from jeondan.v1 import account_pb2

from deploy.local.product import Product
from tests import stack as parts
from tests.flow import doors, files, running, stubs

BODY = "비밀스러운 소식을 조용히 전합니다"
PEOPLE = files.numbers(4_000_000, 40)
NOTICED = files.numbers(4_000_100, 2)
WRONG = ("02-987-6543", "010-98-76", "01098765432109")


@pytest.fixture(scope="module")
def secrets(product: Product, channel: grpc.Channel, login: dict[str, str], sandbox: running.Sandbox) -> dict[str, str]:
    """A run in which everything happened that is tempted to tell: bad rows, refusals, a provider that misbehaves."""
    call = stubs.Caller(channel, ("x-api-key", login["api_key"]))
    rows = [("가나다", number, *files.AGREED) for number in (*PEOPLE, *WRONG)]
    assert stubs.customers(call, files.csv(rows), name="비밀.csv", tag="비밀스러운").error_count == len(WRONG)
    shop = doors.Grpc(channel, login["api_key"])
    rest = doors.Rest(product.gateway_url, login["api_key"])
    sender = shop("ListSenderNumbers")["senderNumbers"][0]["id"]
    draft = {"name": "x", "purpose": "PURPOSE_AD", "senderNumberId": sender, "audience": {"anyTags": ["비밀스러운"]}}
    with contextlib.ExitStack() as faults:
        for turn, kind in enumerate(("busy", "lost_answer_reset", "truncated")):
            faults.enter_context(sandbox.fault(kind, path="/send*", after=turn, count=1))
        sent = [shop("CreateCampaign", campaign={**draft, "body": f"{BODY} {number}"})["campaign"]["id"] for number in range(3)]
        for campaign in sent:
            shop("LaunchCampaign", campaignId=campaign)
        for campaign in sent:
            stubs.follow(call, campaign)
    for door in (shop, rest):
        door.refused("CreateContact", contact={"phone": WRONG[0], "name": BODY})
        assert door("ListContacts", filter=f'phone = "{PEOPLE[0]}"')["contacts"]
        door.refused("ListContacts", filter=f'phone : "{PEOPLE[1]}"')
        door.refused("CreateSession", email=login["email"], password=BODY)
        door("CreateSession", email=login["email"], password=login["password"])
        door("CreateSuppression", phone=PEOPLE[2])
        common = {"senderNumberId": sender, "purpose": "PURPOSE_INFO"}
        door("SendMessage", to=NOTICED[0], text=BODY, **common)
        door("BatchSend", messages=[{"to": number, "text": BODY} for number in (NOTICED[1], WRONG[0])], **common)
        door.refused("SendMessage", to=WRONG[1], text=BODY, **common)
    rest.http.get("/api/v1/workspace", headers={"X-API-Key": login["api_key"] + "x"})
    rest.http.get(f"/api/v1/contacts/{PEOPLE[3]}")
    rest.http.get("/api/v1/contacts", params={"filter": f'phone = "{PEOPLE[4]}"'})
    rest.http.post(
        "/api/v1/products", content=f'{{"{BODY}": "{PEOPLE[5]}"'.encode(), headers={"Content-Type": "application/json"}
    )
    rest.http.close()
    token = call("CreateSession", account_pb2.CreateSessionRequest(email=login["email"], password=login["password"])).token
    keys = product.environment
    return {
        "API key": login["api_key"],
        "test key": login["test_key"],
        "password": login["password"],
        "token": token.rpartition(".")[2],
        "provider key": "sandbox-key",
        "encryption key": keys["ENCRYPTION_KEY"],
        "token secret": keys["JWT_SECRET"],
        "storage secret": keys["AWS_SECRET_ACCESS_KEY"],
        "body": BODY,
        **{f"number {number[-4:]}": number for number in (*PEOPLE, *NOTICED, *(re.sub(r"\D", "", wrong) for wrong in WRONG))},
    }


def forms(secret: str) -> Iterator[str]:
    """As it may be written: as it is, as text in JSON and in an address, a number also with dashes and without its zero."""
    yield secret
    yield secret.encode("unicode_escape").decode()
    yield httpx.QueryParams({"x": secret}).__str__().removeprefix("x=")
    if secret.startswith("010") and len(secret) == 11:
        yield f"{secret[:3]}-{secret[3:7]}-{secret[7:]}"
        yield f"82{secret[1:]}"


def told(text: str, secrets: dict[str, str]) -> list[str]:
    """Which secrets stand in a text."""
    return [name for name, secret in secrets.items() if any(form in text for form in forms(secret))]


def test_the_search_finds_what_is_there(secrets: dict[str, str]) -> None:
    number = PEOPLE[0]
    for text in (
        number,
        f"010-{number[3:7]}-{number[7:]}",
        "x" + BODY + "y",
        BODY.encode("unicode_escape").decode(),
        secrets["API key"],
    ):
        assert told(text, secrets)


def test_no_log_tells(product: Product, secrets: dict[str, str]) -> None:
    logs = running.logs(product)
    assert {"server.log", "gateway.log", "clock.log", "worker-plan.log", "worker-bulk-1.log"} <= {log.name for log in logs}
    assert {log.name: told(log.read_text(errors="replace"), secrets) for log in logs} == {log.name: [] for log in logs}


def test_no_metric_tells(product: Product, secrets: dict[str, str]) -> None:
    ports = {name: product.stack.port(f"{name} metrics") for name in (*product.workers, "clock")}
    ports |= {"server": product.stack.port("SERVER_METRICS_PORT"), "gateway": product.stack.port("GATEWAY_PORT")}
    pages = {name: httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text for name, port in ports.items()}
    assert {name: told(page, secrets) for name, page in pages.items()} == {name: [] for name in pages}
    everything = "\n".join(pages.values())
    for name in ("messages_total", "batch_seconds", "queue_depth", "unknown_messages", "provider_breaker"):
        assert f"jeondan_{name}" in everything
    for name in ("rpc_seconds", "http_seconds", "db_round_trips_total", "compose_seconds"):
        assert f"jeondan_{name}" in everything


def test_no_queue_and_no_cache_tells(product: Product, secrets: dict[str, str]) -> None:
    with redis.Redis.from_url(product.environment["REDIS_URL"]) as valkey:
        held = "\n".join(f"{key!r} {value(valkey, key)!r}" for key in valkey.scan_iter(count=1000))
    assert held
    assert told(held, secrets) == []
    on_disk = b"".join(path.read_bytes() for path in (product.stack.var / "valkey").rglob("*.aof")).decode(errors="replace")
    assert "deliver_batch" in on_disk
    assert told(on_disk, secrets) == []


def value(valkey: "redis.Redis[bytes]", key: bytes) -> object:
    """Whatever lies under a key."""
    readers = {
        b"string": valkey.get,
        b"hash": valkey.hgetall,
        b"set": valkey.smembers,
        b"list": lambda name: valkey.lrange(name, 0, -1),
        b"zset": lambda name: valkey.zrange(name, 0, -1, withscores=True),
        b"none": lambda name: None,
    }
    return readers[valkey.type(key)](key)


def test_the_database_does_not_hold_a_number_in_clear(product: Product, login: dict[str, str], secrets: dict[str, str]) -> None:
    """Nor a key, nor a password: in the files of PostgreSQL, once everything is written to them."""
    with psycopg.connect(parts.postgres(product.stack).superuser_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    hidden = {secret.encode(): name for name, secret in secrets.items() if name != "body"}
    found, seen = set(), False
    for path in (product.stack.var / "pg18" / "base").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        seen = seen or login["email"].encode() in content
        found |= {name for secret, name in hidden.items() if secret in content}
    assert seen, "the search does not find what is there"
    assert found == set()

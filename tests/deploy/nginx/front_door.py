"""The real nginx with our front door, before a running product with two gateways: `make verify-nginx`."""

import json
import shutil
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from jeondan.v1 import catalog_pb2

from deploy.lint.front_door import certificate
from deploy.local import children, process
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, Port, answers
from deploy.local.product import Product
from tests.deploy.nginx.nginx import NAME, Nginx
from tests.flow import running, stubs
from tests.stack import folder


def load(work: Callable[[], object], until: Callable[[], bool], hands: int = 6) -> tuple[int, list[str]]:
    """Several at once call again and again; how many calls there were, and what failed."""
    calls, failed, held = 0, [], threading.Lock()

    def call() -> None:
        nonlocal calls
        while not until():
            error = ""
            try:
                work()
            except (grpc.RpcError, httpx.HTTPError) as found:
                error = str(found.code()) if isinstance(found, grpc.RpcError) else str(found)
            with held:
                calls += 1
                failed.extend([error] if error else [])

    threads = [threading.Thread(target=call) for _ in range(hands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return calls, failed


def for_seconds(seconds: float, then: Callable[[], object]) -> Callable[[], bool]:
    """True when so much time has passed; in the middle of it something is done once."""
    begun, middle = time.monotonic(), threading.Timer(seconds / 2, then)
    middle.start()
    return lambda: time.monotonic() - begun > seconds


@contextmanager
def another(product: Product, module: str, **settings: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A second process of a kind, on a port of its own."""
    with_port = Port()
    variable = "GATEWAY_PORT" if module == "gateway.main" else "GRPC_PORT"
    values = {**product.environment, variable: str(with_port.number), **settings}
    with product.log(f"another-{module}").open("wb") as log:
        started = subprocess.Popen(
            children.python(module),
            cwd=ROOT,
            env=process.inherited(values, str(product.stack.var)),
            stdout=log,
            stderr=log,
        )
    try:
        stubs.until(lambda: answers(with_port.number), bool)
        yield with_port.number, started
    finally:
        started.kill()
        started.wait(10)
        with_port.release()


@pytest.fixture(scope="module", autouse=True)
def nginx_is_here() -> None:
    assert shutil.which("nginx"), "nginx is missing (Debian: apt-get install nginx)"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running.product() as started:
        yield started


@pytest.fixture(scope="module")
def key(product: Product) -> str:
    return running.login(product)["api_key"]


@pytest.fixture(scope="module")
def door(product: Product) -> Iterator[Nginx]:
    """Before the one gateway and the one server of the product."""
    with folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT")], [product.stack.port("GRPC_PORT")])
        with made.up():
            yield made


def test_nginx_takes_the_file_and_refuses_a_broken_one() -> None:
    with folder() as where:
        made = Nginx(where, [1], [2])
        assert made.check().returncode == 0, made.check().stderr
        made.write((where / "nginx.conf").read_text().replace("grpc_pass ", "grpc_passes "))
        assert made.check().returncode != 0
        made.release()


def test_rest_goes_through_with_tls_and_keeps_browsers_there(door: Nginx, key: str) -> None:
    with door.client(**{"X-API-Key": key}) as http:
        answer = http.get("/api/v1/products")
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["server"] == "nginx"
        assert http.get("/health").json()["status"] == "healthy"
        assert http.get("/metrics").status_code == 404


def test_clear_text_is_sent_to_tls_except_for_the_renewal(door: Nginx) -> None:
    (door.folder / "acme/.well-known/acme-challenge/abc").write_text("proof")
    base = f"http://{LOOPBACK}:{door.http}"
    assert httpx.get(f"{base}/.well-known/acme-challenge/abc", headers={"Host": NAME}).text == "proof"
    moved = httpx.get(f"{base}/api/v1/products?page_size=1", headers={"Host": NAME})
    assert (moved.status_code, moved.headers["location"]) == (308, f"https://{NAME}/api/v1/products?page_size=1")


def test_grpc_goes_through_with_its_refusals(door: Nginx, key: str) -> None:
    with door.channel() as channel:
        call = stubs.Caller(channel, ("x-api-key", key))
        assert call("ListProducts", catalog_pb2.ListProductsRequest()).products is not None
        refused = call.refused("GetProduct", catalog_pb2.GetProductRequest(product_id="no-id"))
        assert (refused.code, bool(refused.violations)) == ("INVALID_ARGUMENT", True)
        health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert health.status == health_pb2.HealthCheckResponse.SERVING


def test_tokens_in_addresses_are_not_written_down(door: Nginx) -> None:
    with door.client() as http:
        http.get("/o/secret-token-1?x=secret-2")
        http.post("/webhooks/solapi/secret-token-3", json={})
    written = stubs.until(lambda: (door.folder / "jeondan.access.log").read_text(), lambda text: "POST /webhooks/-" in text)
    assert "GET /o/-" in written
    assert "secret" not in written + (door.folder / "jeondan.error.log").read_text()


def test_a_made_up_address_is_not_believed(product: Product, door: Nginx) -> None:
    """The gateway's limit of public calls is per address: who invents addresses is counted all the same."""
    with another(product, "gateway.main", RATE_LIMIT="5/hour") as (port, _), folder() as where:
        made = Nginx(where, [port], [product.stack.port("GRPC_PORT")])
        with made.up(), made.client() as http:
            wrong = {"email": "nobody@example.com", "password": "wrong-password-1"}
            seen = [
                http.post("/api/v1/sessions", json=wrong, headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
                for n in range(8)
            ]
    assert seen[5:] == [429, 429, 429]


def test_a_flood_from_one_address_is_held_back_at_the_door(product: Product, key: str) -> None:
    with folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT")], [product.stack.port("GRPC_PORT")], rate=("1r/s", 5))
        with made.up(), made.client() as http:
            seen = [http.get("/livez").status_code for _ in range(12)]
            assert seen.count(200) >= 6 and 429 in seen
            with made.channel() as channel, pytest.raises(grpc.RpcError) as error:
                for _ in range(12):
                    stubs.Caller(channel, ("x-api-key", key))("ListProducts", catalog_pb2.ListProductsRequest())
    assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_one_of_two_gateways_killed_under_load_fails_no_read(product: Product, key: str) -> None:
    with another(product, "gateway.main") as (port, victim), folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT"), port], [product.stack.port("GRPC_PORT")])
        seen: list[int] = []
        with made.up(), made.client(**{"X-API-Key": key}) as http:
            killer = threading.Timer(1.0, victim.kill)
            killer.start()
            end = time.monotonic() + 3
            while time.monotonic() < end:
                seen.append(http.get("/api/v1/products").status_code)
            killer.join()
    assert len(seen) > 50
    assert set(seen) == {200}


def test_one_of_two_servers_killed_between_calls_fails_none_and_both_away_says_so(product: Product, key: str) -> None:
    with another(product, "server.main") as (first, one), another(product, "server.main") as (second, two), folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT")], [first, second])
        with made.up(), made.channel() as channel:
            call = stubs.Caller(channel, ("x-api-key", key))
            for _ in range(20):
                call("ListProducts", catalog_pb2.ListProductsRequest())
            one.kill()
            one.wait(10)
            for _ in range(100):
                call("ListProducts", catalog_pb2.ListProductsRequest())
            two.kill()
            two.wait(10)
            with pytest.raises(grpc.RpcError) as error:
                call("ListProducts", catalog_pb2.ListProductsRequest())
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE


HANDS = 6


def test_a_server_killed_under_load_costs_no_call_but_those_it_was_answering(product: Product, key: str) -> None:
    with another(product, "server.main") as (first, _), another(product, "server.main") as (second, victim), folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT")], [first, second])
        with made.up(), made.channel() as channel:
            call = stubs.Caller(channel, ("x-api-key", key))
            read = catalog_pb2.ListProductsRequest()
            calls, failed = load(lambda: call("ListProducts", read), for_seconds(6, victim.kill), HANDS)
    print(f"gRPC: {calls} calls, {len(failed)} failed: {sorted(set(failed))}")
    # One call of each hand was being answered; one more may go to a connection whose end nginx has not noticed yet.
    assert calls > 100 and len(failed) <= 2 * HANDS
    assert set(failed) <= {"StatusCode.UNAVAILABLE"}


def test_a_gateway_killed_under_load_costs_no_write_but_those_it_was_answering(product: Product, key: str) -> None:
    """And who asks again with the same key gets what was made, once."""
    with another(product, "gateway.main") as (port, victim), folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT"), port], [product.stack.port("GRPC_PORT")])
        with made.up(), made.client(**{"X-API-Key": key}) as http:
            seen: dict[str, int] = {}

            def write() -> None:
                unique = str(uuid.uuid4())
                answer = post(http, unique)
                seen[unique] = answer.status_code
                answer.raise_for_status()

            calls, failed = load(write, for_seconds(6, victim.kill), HANDS)
            again = {unique: post(http, unique) for unique, status in seen.items() if status != 200}
            names = [one["name"] for one in every_product(http)]
    print(f"REST writes: {calls} calls, {len(failed)} failed: {sorted(set(failed))}")
    assert calls > 50 and len(failed) <= 2 * HANDS
    assert {answer.status_code for answer in again.values()} <= {200}
    assert {unique: names.count(unique) for unique in seen} == dict.fromkeys(seen, 1)


def test_a_server_killed_behind_the_gateways_fails_no_read(product: Product, key: str) -> None:
    with another(product, "server.main") as (first, victim), folder() as where:
        target = f"ipv4:{LOOPBACK}:{first},{LOOPBACK}:{product.stack.port('GRPC_PORT')}"
        with another(product, "gateway.main", GRPC_ADDRESS=target) as (port, _):
            made = Nginx(where, [port], [first])
            with made.up(), made.client(**{"X-API-Key": key}) as http:
                read = lambda: http.get("/api/v1/products").raise_for_status()  # noqa: E731
                calls, failed = load(read, for_seconds(6, victim.kill), HANDS)
    print(f"REST reads, server killed: {calls} calls, failed: {failed}")
    assert calls > 100 and failed == []


def post(http: httpx.Client, unique: str) -> httpx.Response:
    body = {"name": unique, "priceKrw": 1000}
    return http.post("/api/v1/products", json=body, headers={"Idempotency-Key": unique})


def every_product(http: httpx.Client) -> Iterator[dict[str, str]]:
    token = ""
    while True:
        page = http.get("/api/v1/products", params={"pageSize": 100, "pageToken": token}).raise_for_status().json()
        yield from page["products"]
        token = page.get("nextPageToken", "")
        if not token:
            return


def test_progress_comes_line_by_line_and_for_longer_than_an_answer_may_take(door: Nginx, key: str) -> None:
    with door.client(**{"X-API-Key": key}) as http:
        sender = http.get("/api/v1/senderNumbers").json()["senderNumbers"][0]["id"]
        draft = {"name": "처음", "purpose": "PURPOSE_AD", "body": "내일부터 책을 할인합니다.", "senderNumberId": sender}
        made = http.post("/api/v1/campaigns", json=draft).raise_for_status().json()["campaign"]
        with http.stream("GET", f"/api/v1/campaigns/{made['id']}/events", timeout=60) as stream:
            lines, begun = stream.iter_lines(), time.monotonic()
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert next_name(lines) == "처음"
            # Longer than proxy_read_timeout of ordinary answers: nobody changes anything meanwhile.
            while time.monotonic() - begun < 32:
                assert next(lines) in ("", ": still here")
            with door.client(**{"X-API-Key": key}) as other:
                path, match = f"/api/v1/campaigns/{made['id']}", {"If-Match": made["etag"]}
                other.patch(path, json={"name": "나중"}, headers=match).raise_for_status()
            assert next_name(lines) == "나중"


def next_name(lines: Iterator[str]) -> str:
    """The campaign's name in the next event."""
    data = next(line for line in lines if line.startswith("data: "))
    return str(json.loads(data.removeprefix("data: "))["name"])


def test_a_renewed_certificate_is_loaded_under_load_without_a_failed_call(product: Product, key: str) -> None:
    with folder() as where:
        made = Nginx(where, [product.stack.port("GATEWAY_PORT")], [product.stack.port("GRPC_PORT")])
        # Nobody signed the second certificate: who calls under load looks at what comes, not at whom it comes from.
        base = f"https://{NAME}:{made.https}"
        with made.up(), httpx.Client(base_url=base, verify=False, headers={"X-API-Key": key}, timeout=30) as http:
            before = made.shown()

            def renew() -> None:
                certificate(where)
                assert made.renewed().returncode == 0

            calls, failed = load(lambda: http.get("/api/v1/products").raise_for_status(), for_seconds(4, renew), 3)
            wanted = (where / "fullchain.pem").read_text().strip()
            stubs.until(made.shown, lambda now: now == wanted)
            print(f"renewal under load: {calls} calls, failed: {failed}")
            assert calls > 20 and failed == [] and wanted != before
            (where / "fullchain.pem").write_text("no certificate")
            assert made.renewed().returncode != 0
            assert made.shown() == wanted


def test_what_nginx_answers_alone_is_a_problem_like_every_other(product: Product) -> None:
    with folder() as where:
        made = Nginx(where, [1], [1], rate=("1r/s", 3))
        with made.up(), made.client() as http:
            away = http.get("/api/v1/products")
            large = http.post("/api/v1/products", content=b"x" * (2 << 20))
            busy = next(answer for answer in (http.get("/api/v1/products") for _ in range(20)) if answer.status_code == 429)
    found = [(one.status_code, one.json()["reason"], one.json()["status"]) for one in (away, large, busy)]
    assert found == [(503, "DEPENDENCY_UNAVAILABLE", 503), (413, "BODY_TOO_LARGE", 413), (429, "RATE_LIMITED", 429)]
    assert {one.headers["content-type"] for one in (away, large, busy)} == {"application/problem+json"}
    assert away.headers["retry-after"] == "2" and busy.headers["retry-after"] == "1"
    assert "strict-transport-security" in away.headers


def test_every_answer_carries_each_header_for_browsers_once(door: Nginx, key: str) -> None:
    with door.client(**{"X-API-Key": key}) as http:
        for path in ("/api/v1/products", "/docs/", "/metrics", "/nowhere"):
            headers = http.get(path).headers
            for name in ("x-content-type-options", "referrer-policy", "content-security-policy", "strict-transport-security"):
                assert len(headers.get_list(name)) == 1, (path, name)


def test_behind_nginx_on_another_host_everybody_is_counted_apart(product: Product) -> None:
    """nginx speaks from an address of its own; the gateway believes that one, and writes down who asked."""
    with (
        another(product, "gateway.main", RATE_LIMIT="3/hour", TRUSTED_PROXIES="127.0.0.9", LOG_FORMAT="json") as (port, _),
        folder() as where,
    ):
        made = Nginx(where, [port], [1])
        text = (where / "nginx.conf").read_text()
        made.write(text.replace("proxy_http_version", "proxy_bind 127.0.0.9;\n proxy_http_version"))
        with made.up():
            seen = {host: from_host(made, host) for host in ("127.0.0.2", "127.0.0.3")}
        lying = [
            httpx.post(
                f"http://{LOOPBACK}:{port}/api/v1/sessions", json=stranger(), headers={"X-Forwarded-For": f"203.0.113.{n}"}
            ).status_code
            for n in range(5)
        ]
        log = product.log("another-gateway.main").read_text()
    assert seen == dict.fromkeys(seen, [401, 401, 401, 429])
    assert lying[3:] == [429, 429]
    assert all(f'"client": "{host}"' in log for host in (*seen, LOOPBACK)) and "203.0.113" not in log


def stranger() -> dict[str, str]:
    """Another one each time: the server counts tries per account, the doors count callers."""
    return {"email": f"{uuid.uuid4()}@example.com", "password": "wrong-password-1"}


def from_host(made: Nginx, host: str) -> list[int]:
    trusted = ssl.create_default_context(cafile=str(made.folder / "fullchain.pem"))
    transport = httpx.HTTPTransport(local_address=host, verify=trusted)
    with httpx.Client(transport=transport, base_url=f"https://{NAME}:{made.https}") as http:
        return [http.post("/api/v1/sessions", json=stranger()).status_code for _ in range(4)]

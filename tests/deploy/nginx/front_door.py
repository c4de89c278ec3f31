"""The real nginx with our front door, before a running product with two gateways: `make verify-nginx`."""

import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from jeondan.v1 import catalog_pb2

from deploy.local import children, process
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, Port, answers
from deploy.local.product import Product
from tests.flow import running, stubs
from tests.stack import folder

TEMPLATE = ROOT / "deploy/nginx/jeondan.conf.template"
NAME = "localhost"


def certificate(where: Path) -> None:
    """A certificate for `localhost` that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=2))
    signed = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), False).sign(key, hashes.SHA256())
    (where / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (where / "privkey.pem").write_bytes(private)


class Nginx:
    """A master and its workers in a folder of their own."""

    def __init__(self, where: Path, gateways: list[int], servers: list[int], rate: tuple[str, int] = ("10000r/s", 1000)) -> None:
        self.folder, self._ports = where, (Port(), Port())
        self.http, self.https = (port.number for port in self._ports)
        certificate(where)
        (where / "acme/.well-known/acme-challenge").mkdir(parents=True)
        values = {
            "GATEWAYS": "\n".join(f"server {LOOPBACK}:{port} max_fails=1 fail_timeout=1s;" for port in gateways),
            "SERVERS": "\n".join(f"server {LOOPBACK}:{port} max_fails=1 fail_timeout=1s;" for port in servers),
            "RATE": rate[0],
            "BURST": str(rate[1]),
            "HTTP_LISTEN": f"{LOOPBACK}:{self.http}",
            "HTTPS_LISTEN": f"{LOOPBACK}:{self.https}",
            "SERVER_NAME": NAME,
            "CERTIFICATE_FOLDER": str(where),
            "ACME_FOLDER": str(where / "acme"),
            "LOG_FOLDER": str(where),
        }
        self.write(Template(TEMPLATE.read_text()).safe_substitute(values))

    def write(self, text: str) -> None:
        """The whole configuration; what nginx writes stays in its folder."""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        user = "user root;" if os.getuid() == 0 else ""
        head = f"{user}\nworker_processes 1;\ndaemon off;\npid {self.folder}/pid;\nevents {{}}\n"
        (self.folder / "nginx.conf").write_text(f"{head}http {{\n{temporary}\n{text}\n}}\n")

    @property
    def command(self) -> list[str]:
        """How it is called."""
        return ["nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        return subprocess.run([*self.command, "-t"], capture_output=True, text=True, check=False)

    @contextmanager
    def up(self) -> Iterator["Nginx"]:
        """Listening inside the `with`."""
        started = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            stubs.until(lambda: answers(self.https), bool)
            yield self
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(10)
            self.release()

    def release(self) -> None:
        """Give its ports back."""
        for port in self._ports:
            port.release()

    def client(self, **headers: str) -> httpx.Client:
        """A caller who trusts this certificate."""
        trusted = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        return httpx.Client(base_url=f"https://{NAME}:{self.https}", verify=trusted, headers=headers, timeout=30)

    def channel(self) -> grpc.Channel:
        """The same for gRPC, to which retries are not given: what fails is seen."""
        trusted = grpc.ssl_channel_credentials((self.folder / "fullchain.pem").read_bytes())
        return grpc.secure_channel(f"{NAME}:{self.https}", trusted, options=[("grpc.enable_retries", 0)])


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

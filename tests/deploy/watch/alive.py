"""The real Prometheus and Alertmanager with our files before a running product: an alert is fired and taken back."""

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from core import clock
from deploy.local import process
from deploy.local.demo import daytime_offset
from deploy.local.ports import LOOPBACK, Port, answers
from deploy.local.product import Product, start_product
from tests.deploy.test_watch import BOARDS, WATCH, metrics, panels
from tests.flow import running, stubs
from tests.otlp import Collector, collecting
from tests.stack import folder


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with folder() as where:
        yield where


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


@pytest.fixture(scope="module")
def product(home: Path, collector: Collector) -> Iterator[Product]:
    offset = str(int(daytime_offset(clock.now()).total_seconds()))
    extra = {"CLOCK_OFFSET_SECONDS": offset, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with start_product(home / "product", environment={}, quiet=True, extra=extra) as started:
        yield started


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Where people are told, and what they were told: every alert of every call."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}/", taken
        server.shutdown()


@contextmanager
def up(command: list[str], port: int, log: Path) -> Iterator[None]:
    """This program inside the `with`, once it answers."""
    with log.open("wb") as output:
        started = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        stubs.until(lambda: answers(port) or started.poll() is not None, bool)
        assert started.poll() is None, log.read_text()
        yield
    finally:
        started.terminate()
        started.wait(20)


@pytest.fixture(scope="module")
def alertmanager(home: Path, told: tuple[str, list[dict[str, Any]]]) -> Iterator[int]:
    """Ours, with another address and no patience."""
    text = re.sub(r'url: "[^"]+"', f'url: "{told[0]}"', (WATCH / "alertmanager.yml").read_text())
    text = text.replace("group_wait: 10s", "group_wait: 0s").replace("group_interval: 2m", "group_interval: 1s")
    (home / "alertmanager.yml").write_text(text)
    port = Port()
    command = ["prometheus-alertmanager", f"--config.file={home}/alertmanager.yml", f"--storage.path={home}/alertmanager"]
    command += [f"--web.listen-address={LOOPBACK}:{port.number}", "--cluster.listen-address="]
    with up(command, port.number, home / "alertmanager.log"):
        yield port.number
    port.release()


def targets(product: Product) -> dict[str, int]:
    """The port of /metrics of every process."""
    found = {"gateway": product.stack.port("GATEWAY_PORT"), "server": product.stack.port("SERVER_METRICS_PORT")}
    return found | {name: product.stack.port(f"{name} metrics") for name in [*product.workers, "clock"]}


@pytest.fixture(scope="module")
def prometheus(home: Path, product: Product, alertmanager: int) -> Iterator[httpx.Client]:
    """Ours, with the addresses of this product, and a second for a minute."""
    config = yaml.safe_load((WATCH / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"{LOOPBACK}:{alertmanager}"]}]}]
    (job,) = config["scrape_configs"]
    del job["dns_sd_configs"], job["relabel_configs"]
    job["static_configs"] = [
        {"targets": [f"{LOOPBACK}:{port}"], "labels": {"service": name}} for name, port in targets(product).items()
    ]
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    (home / "rules.yml").write_text(re.sub(r"for: \d+m", "for: 2s", (WATCH / "rules.yml").read_text()))
    port = Port()
    command = ["prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/prometheus"]
    command += [f"--web.listen-address={LOOPBACK}:{port.number}"]
    client = httpx.Client(base_url=f"http://{LOOPBACK}:{port.number}/api/v1/", timeout=30, trust_env=False)
    with up(command, port.number, home / "prometheus.log"), client:
        yield client
    port.release()


def query(prometheus: httpx.Client, expression: str) -> list[dict[str, Any]]:
    answer = prometheus.get("query", params={"query": expression})
    assert answer.status_code == 200, (expression, answer.text)
    return list(answer.json()["data"]["result"])


@pytest.fixture(scope="module")
def sent(product: Product) -> str:
    """One message by REST, delivered; the trace it belongs to."""
    trace = uuid4().hex
    headers = {"X-API-Key": running.login(product)["api_key"], "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    with httpx.Client(base_url=product.gateway_url, headers=headers, timeout=30, trust_env=False) as rest:
        sender = rest.get("/api/v1/senderNumbers").json()["senderNumbers"][0]["id"]
        given = {"to": "010-0077-0001", "text": f"주문 {trace}", "senderNumberId": sender, "purpose": "PURPOSE_INFO"}
        message = rest.post("/api/v1/messages", json=given).raise_for_status().json()["message"]
        look = f"/api/v1/messages/{message['id']}"
        stubs.until(lambda: rest.get(look).json()["message"]["state"], lambda state: state == "STATE_DELIVERED")
    return trace


def test_every_process_is_scraped_and_every_metric_is_there(prometheus: httpx.Client, product: Product, sent: str) -> None:
    alive = stubs.until(lambda: query(prometheus, 'up{job="jeondan"} == 1'), lambda found: len(found) == len(targets(product)))
    assert {one["metric"]["service"] for one in alive} == targets(product).keys()
    declared = {re.sub(r"_total$", "", name) for name in metrics()}
    text = "".join(httpx.get(f"http://{LOOPBACK}:{port}/metrics", trust_env=False).text for port in targets(product).values())
    assert {name for name in declared if f"# TYPE {name}" not in text} == set()
    assert stubs.until(lambda: query(prometheus, 'jeondan_single_messages_total{in_time="yes"} > 0'), bool)
    assert query(prometheus, 'jeondan_messages_total{state="accepted",provider="aligo"}')
    assert query(prometheus, "jeondan_cost_won_total > 0")


def test_every_expression_of_every_dashboard_is_one(prometheus: httpx.Client) -> None:
    for path in BOARDS:
        for panel in panels(path):
            for target in panel["targets"]:
                query(prometheus, target["expr"])


def test_an_alert_reaches_people_and_is_taken_back(
    prometheus: httpx.Client, product: Product, told: tuple[str, list[dict[str, Any]]]
) -> None:
    """Redis stands still; nobody else is told anything of it by Prometheus than this."""
    stubs.until(lambda: query(prometheus, "min(jeondan_dependency_up) == 1"), bool)
    before = len(told[1])
    redis = process.family([product.supervisor.pid("valkey")], process.table())
    process.send(redis, signal.SIGSTOP)
    try:
        fired = stubs.until(lambda: about(told[1][before:], "firing"), bool)
    finally:
        process.send(redis, signal.SIGCONT)
    assert fired[0]["labels"]["dependency"] == "redis"
    assert (WATCH.parent.parent / fired[0]["annotations"]["runbook"]).exists()
    assert stubs.until(lambda: about(told[1][before:], "resolved"), bool)


def about(alerts: list[dict[str, Any]], status: str) -> list[dict[str, Any]]:
    return [one for one in alerts if one["labels"]["alertname"] == "DependencyDown" and one["status"] == status]


def test_one_trace_from_the_door_to_the_provider(product: Product, collector: Collector, sent: str) -> None:
    wanted = {"POST /api/v1/messages", "jeondan.v1.SendService/SendMessage", "deliver_single", "transaction", "provider call"}
    found = stubs.until(lambda: collector.of(sent), lambda spans: wanted <= spans.keys())
    door, rpc, job = found["POST /api/v1/messages"], found["jeondan.v1.SendService/SendMessage"], found["deliver_single"]
    assert [one.service for one in (door, rpc, job)] == ["jeondan-gateway", "jeondan-server", "jeondan-workers"]
    assert (rpc.parent, found["provider call"].parent) == (door.id, job.id)
    assert b"00770001" not in collector.raw and "주문".encode() not in collector.raw


def test_a_broken_file_is_refused(home: Path) -> None:
    assert shutil.which("amtool")
    for name, tool in (("alertmanager.yml", ["amtool", "check-config"]), ("prometheus.yml", ["promtool", "check", "config"])):
        broken = home / f"broken-{name}"
        broken.write_text((WATCH / name).read_text() + "\nroutes: [\n")
        assert subprocess.run([*tool, str(broken)], capture_output=True, check=False).returncode != 0

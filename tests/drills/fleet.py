"""Servers and gateways in pairs, as they stand in production, each of which is replaced while the other one works."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from core.db import schema
from deploy.local import children, process
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, Port
from deploy.local.product import Product
from tests.drills import next_version
from tests.flow import stubs

DRAIN_SECONDS = 2
# The next version reads and writes another column, which its own migrations bring.
_CHANGES = {
    "core/db/tables.py": ('text("badge")', 'sa.Column("label", sa.Text, key="badge")'),
    "core/db/goods.py": ("p.badge", "coalesce(p.label, '') AS badge"),
    "core/db/pictures.py": ("p.badge", "coalesce(p.label, '') AS badge"),
    "server/services/catalog.py": ("badge=row.badge", 'badge=row.label or ""'),
}


def next_tree(folder: Path) -> Path:
    """A copy of the product that is one version further."""
    for room in ("core", "server", "workers", "gateway"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    next_version.write(folder / schema.VERSIONS.relative_to(ROOT))
    for name, (old, new) in _CHANGES.items():
        text = (folder / name).read_text()
        assert old in text, name
        (folder / name).write_text(text.replace(old, new))
    return folder


@dataclass
class Instance:
    """One process on a port of its own; `tree` is the version it runs from its next start on."""

    name: str
    module: str
    environment: Mapping[str, str]
    log: Path
    tree: Path = ROOT
    port: Port = field(default_factory=Port)
    seconds: list[float] = field(default_factory=list)  # how long each replacement took
    running: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        variable = "GATEWAY_PORT" if self.module == "gateway.main" else "GRPC_PORT"
        told = process.inherited({**self.environment, variable: str(self.port)}, self.environment["VAR"])
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(children.python(self.module), cwd=self.tree, env=told, stdout=log, stderr=log)

    def ready(self) -> bool:
        assert self.running is not None and self.running.poll() is None, self.log.read_text()[-2000:]
        return _healthy(self.address) if self.module == "server.main" else _answers(self.address)

    def replace(self) -> None:
        """The old one ends in order, then a new one on the same port, until it is ready."""
        began = time.monotonic()
        self.end()
        self.start()
        stubs.until(self.ready, bool)
        self.seconds.append(time.monotonic() - began)

    def end(self) -> None:
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        # uvicorn ends in order and then by the signal that it got
        assert self.running.wait(60) in (0, -signal.SIGTERM), (self.name, self.running.returncode)


def _healthy(address: str) -> bool:
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def fleet(product: Product) -> Iterator[tuple[list[Instance], list[Instance]]]:
    """Two servers, and two gateways that know both of them; all ready."""
    told = {**product.environment, "SERVER_DRAIN_SECONDS": str(DRAIN_SECONDS)}
    told |= {"SERVER_METRICS_PORT": "0", "SERVER_PROCESSES": "1"}
    servers = [Instance(f"server-{which}", "server.main", told, product.log(f"fleet-server-{which}")) for which in "ab"]
    both = {**told, "GRPC_ADDRESS": "ipv4:" + ",".join(each.address for each in servers)}
    gateways = [Instance(f"gateway-{which}", "gateway.main", both, product.log(f"fleet-gateway-{which}")) for which in "ab"]
    with ExitStack() as ends:
        for each in (*servers, *gateways):
            ends.callback(each.port.release)
            each.start()
            ends.callback(_kill, each)
        for each in (*servers, *gateways):
            stubs.until(each.ready, bool)
        yield servers, gateways


def _kill(instance: Instance) -> None:
    if instance.running:
        instance.running.kill()
        instance.running.wait(10)


def replace_child(product: Product, name: str) -> float:
    """A worker or the clock: SIGTERM, and the supervisor starts it again; how long until it was ready."""
    began, before = time.monotonic(), product.supervisor.restarts(name)
    os.kill(product.supervisor.pid(name), signal.SIGTERM)
    stubs.until(lambda: product.supervisor.restarts(name), lambda now: now > before)
    stubs.until(product.supervisor._children[name].ready, bool)
    return time.monotonic() - began


def each(names: list[str], work: Callable[[str], float]) -> dict[str, float]:
    """One after another."""
    return {name: round(work(name), 1) for name in names}

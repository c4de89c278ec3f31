"""What is watched from outside: rules and dashboards name metrics that exist, every alert has its page and its tests."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.rules.alerts import Kind, opening, runbook
from deploy.local import children
from deploy.watch import dashboards

ROOT = Path(__file__).parent.parent.parent
WATCH = ROOT / "deploy/watch"
RULES = [rule for group in yaml.safe_load((WATCH / "rules.yml").read_text())["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
TESTS = yaml.safe_load((WATCH / "rules_test.yml").read_text())["tests"]
BOARDS = sorted((WATCH / "grafana/dashboards").glob("*.json"))
PARTS = ("증상", "저절로", "볼 것", "할 일")
# Written with the drills of this outage.
OUTAGES = {"deploy/runbooks/database-down.md"}


def metrics() -> set[str]:
    files = (ROOT / "core/telemetry.py", ROOT / "gateway/telemetry.py")
    return {name for file in files for name in re.findall(r'"(jeondan_\w+)"', file.read_text())}


def unknown(expression: str) -> set[str]:
    """The names in it that no process shows and no rule records."""
    named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bjeondan_\w+", expression)}
    recorded = set(re.findall(r"\bjeondan:[\w:]+", expression))
    return (named - metrics()) | (recorded - {rule.get("record") for rule in RULES})


def panels(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())["panels"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_only_what_is_shown(rule: dict[str, Any]) -> None:
    assert unknown(rule["expr"]) == set()


def test_a_wrong_name_is_seen() -> None:
    assert unknown("rate(jeondan_mesages_total[5m]) > jeondan:nothing") == {"jeondan_mesages_total", "jeondan:nothing"}


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_names_only_what_is_shown_and_every_panel_asks(path: Path) -> None:
    asked = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in panels(path)}
    assert asked and all(asked.values())
    assert {title: unknown(expression) for title, found in asked.items() for expression in found if unknown(expression)} == {}


@pytest.mark.parametrize("name", dashboards.BOARDS)
def test_a_dashboard_is_what_its_builder_writes(name: str) -> None:
    assert (dashboards.FOLDER / f"{name}.json").read_text() == dashboards.document(name), "make dashboards"


def test_every_dashboard_has_a_builder_and_everything_asked_for_is_drawn() -> None:
    assert {path.stem for path in BOARDS} == set(dashboards.BOARDS)
    drawn = "".join(path.read_text() for path in BOARDS)
    seen = re.findall(r"jeondan[_:]\w+", drawn) + [name for rule in RULES for name in re.findall(r"jeondan_\w+", rule["expr"])]
    assert metrics() <= {re.sub(r"_(bucket|count|sum)$", "", name) for name in seen}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_page(alert: dict[str, Any]) -> None:
    assert_is_a_page(alert["annotations"]["runbook"])


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_incident_names_its_page(kind: Kind) -> None:
    assert runbook(kind) in opening(kind, {}, "", "").body
    assert (ROOT / runbook(kind)).exists()
    if runbook(kind) not in OUTAGES:
        assert_is_a_page(runbook(kind))


def assert_is_a_page(name: str) -> None:
    text = (ROOT / name).read_text()
    assert [part for part in PARTS if f"**{part}:**" not in text] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_is_tested_both_ways(alert: dict[str, Any]) -> None:
    looks = [
        bool(look["exp_alerts"]) for test in TESTS for look in test["alert_rule_test"] if look["alertname"] == alert["alert"]
    ]
    assert set(looks) == {True, False}


def test_compose_scrapes_every_process_of_the_product() -> None:
    (job,) = yaml.safe_load((WATCH / "prometheus.yml").read_text())["scrape_configs"]
    asked = {name for found in job["dns_sd_configs"] for name in found["names"]}
    services = yaml.safe_load((ROOT / "compose.prod.yaml").read_text())["services"]
    aliases = {alias for one in services.values() for alias in _aliases(one)}
    assert asked <= services.keys() | aliases
    workers = {re.sub(r"-\d+$", "", name) for name in children.worker_names()}
    assert workers | {"clock", "server", "gateway-1", "gateway-2"} <= asked
    assert job["job_name"] == "jeondan"


def _aliases(service: dict[str, Any]) -> list[str]:
    networks = service.get("networks", {})
    return [alias for one in networks.values() for alias in one.get("aliases", [])] if isinstance(networks, dict) else []


def test_kubernetes_scrapes_every_deployment_by_the_names_of_its_ports() -> None:
    (job,) = yaml.safe_load((WATCH / "prometheus-kubernetes.yml").read_text())["scrape_configs"]
    kept = re.compile(next(one["regex"] for one in job["relabel_configs"] if "container_port_name" in str(one)))
    for file in ("server", "workers", "gateway"):
        for one in yaml.safe_load_all((ROOT / f"deploy/kubernetes/base/{file}.yaml").read_text()):
            if one["kind"] != "Deployment":
                continue
            pod = one["spec"]["template"]
            assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "jeondan"
            ports = [port["name"] for box in pod["spec"]["containers"] for port in box["ports"]]
            assert any(kept.fullmatch(f"{one['metadata']['name']};{port}") for port in ports), one["metadata"]["name"]


def test_cloudwatch_collects_what_is_shown() -> None:
    agent = json.loads((WATCH / "cloudwatch/agent.json").read_text())
    declared = agent["logs"]["metrics_collected"]["prometheus"]["emf_processor"]["metric_declaration"]
    named = {name for one in declared for pattern in one["metric_selectors"] for name in re.findall(r"jeondan_\w+", pattern)}
    assert "jeondan_queue_depth" in named
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= metrics()
    (job,) = yaml.safe_load((WATCH / "cloudwatch/prometheus.yml").read_text())["scrape_configs"]
    assert job["job_name"] == "jeondan"

"""What is watched from outside: every rule names metrics that exist, every alert has its page and its tests."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
WATCH = ROOT / "deploy/watch"
RULES = yaml.safe_load((WATCH / "rules.yml").read_text())["groups"][0]["rules"]
ALERTS = [rule for rule in RULES if "alert" in rule]
TESTS = yaml.safe_load((WATCH / "rules_test.yml").read_text())["tests"]


def metrics() -> set[str]:
    files = (ROOT / "core/telemetry.py", ROOT / "gateway/telemetry.py")
    return {name for file in files for name in re.findall(r'"(jeondan_\w+)"', file.read_text())}


def unknown(expression: str) -> set[str]:
    """The names in it that no process shows and no rule records."""
    named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bjeondan_\w+", expression)}
    recorded = set(re.findall(r"\bjeondan:[\w:]+", expression))
    return (named - metrics()) | (recorded - {rule.get("record") for rule in RULES})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_only_what_is_shown(rule) -> None:
    assert unknown(rule["expr"]) == set()


def test_a_wrong_name_is_seen() -> None:
    assert unknown("rate(jeondan_mesages_total[5m]) > jeondan:nothing") == {"jeondan_mesages_total", "jeondan:nothing"}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_page(alert) -> None:
    text = (ROOT / alert["annotations"]["runbook"]).read_text()
    assert all(f"**{part}:**" in text for part in ("By itself", "Look at", "Do"))


def test_every_page_has_an_alert() -> None:
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "deploy/runbooks").glob("*.md")}
    assert pages == {alert["annotations"]["runbook"] for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_is_tested_both_ways(alert) -> None:
    looks = [
        bool(look["exp_alerts"]) for test in TESTS for look in test["alert_rule_test"] if look["alertname"] == alert["alert"]
    ]
    assert set(looks) == {True, False}

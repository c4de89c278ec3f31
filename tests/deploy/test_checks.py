"""The operator's command, its parts: what is scraped, what is installed, what the table looks like, which installation it is."""

import json
import os
import re
import stat
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from core.rules.checks import finding as rules
from core.rules.checks.errors import Requests
from core.rules.checks.finding import Finding, Period, State
from core.rules.checks.updates import Advisories
from deploy.checks import looks, packages, scrape, surroundings, table

ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)


def measured() -> str:
    registry = CollectorRegistry()
    histogram = Histogram("jeondan_http_seconds", "x", ["route", "status"], registry=registry, buckets=(0.1, 1))
    for route, status, seconds in (("/a", "200", 0.05), ("/b", "503", 0.5), ("/b", "200", 5), ("/health", "503", 0.01)):
        histogram.labels(route, status).observe(seconds)
    return generate_latest(registry).decode()


def test_what_a_process_measured_is_read_over_all_routes_but_the_quiet_ones() -> None:
    assert scrape.histogram(measured(), "jeondan_http_seconds") == {0.1: 1, 1.0: 2, inf: 3}
    assert scrape.requests(measured()) == Requests(3, 1)
    assert scrape.histogram("", "jeondan_http_seconds") == {}
    assert (scrape.histogram(None, "x"), scrape.requests(None)) == (None, None)


def test_nobody_there_is_no_answer() -> None:
    assert (scrape.health("http://127.0.0.1:9"), scrape.metrics("http://127.0.0.1:9")) == (None, None)


def test_the_lock_is_read_for_this_python() -> None:
    locked, installed = packages.locked(), packages.installed()
    assert len(locked) > 100
    assert {name: installed[name] for name in ("redis", "grpcio", "networkx")} == {
        name: locked[name] for name in ("redis", "grpcio", "networkx")
    }


def test_a_file_that_is_not_there_is_nothing_known(tmp_path: Path) -> None:
    assert packages.locked(tmp_path / "x") == {}
    assert packages.system_changed(tmp_path / "x") is None
    os.utime(ROOT / "requirements.lock")
    assert packages.system_changed(ROOT / "requirements.lock") is not None


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("", Advisories(True, False)),
        ('{"dependencies": []}', Advisories(True, False)),
        ('{"dependencies": [{"name": "a", "version": "1", "skip_reason": "not found"}]}', Advisories(True, False)),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', Advisories(True, True)),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": [{}]}]}', Advisories(True, True, ("a 1",))),
    ],
)
def test_an_audit_that_audited_nothing_is_no_answer(answer: str, told: Advisories) -> None:
    assert packages.audited(answer) == told


def test_it_is_not_asked_unless_wanted_and_never_guessed() -> None:
    assert packages.advisories(False) == Advisories(False, False)


FINDINGS = [
    Finding("health", "database", State.OK, "ANSWERS", "데이터베이스: 응답합니다."),
    Finding("health", "redis", State.ATTENTION, "SILENT", "Redis: 응답하지 않습니다.", "Redis를 켜 주세요."),
    Finding("errors", "requests", State.UNKNOWN, "NO_METRICS", "읽지 못했습니다."),
]


def test_the_table_is_aligned_and_says_what_to_do() -> None:
    lines = table.table(Period.DAILY, FINDINGS, "환경 변수", NOW).splitlines()
    assert lines[0] == "일일 점검 · 2026-11-26 03:00 KST · 환경 변수"
    assert [line.rstrip() for line in lines[2:6]] == [
        "  시스템 상태  정상  데이터베이스: 응답합니다.",
        "               주의  Redis: 응답하지 않습니다.",
        "                     → Redis를 켜 주세요.",
        "  오류         모름  읽지 못했습니다.",
    ]
    assert lines[-1] == table.ENDS[State.UNKNOWN]


def test_the_same_as_json() -> None:
    told = json.loads(table.document(Period.DAILY, FINDINGS, NOW))
    assert (told["verdict"], told["exit"], told["period"]) == ("UNKNOWN", 2, "DAILY")
    assert [(one["check"], one["state"], one["reason"]) for one in told["findings"]] == [
        (one.check, one.state, one.reason) for one in FINDINGS
    ]


def test_every_check_is_looked_at() -> None:
    assert set(looks.LOOKS) == set(rules.TITLES)


def test_every_page_that_is_named_exists() -> None:
    texts = [path.read_text() for path in (ROOT / "core/rules/checks").glob("*.py")]
    pages = {page for text in texts for page in re.findall(r"deploy/[\w./-]+\.md", text)}
    assert len(pages) > 3
    assert [page for page in pages if not (ROOT / page).exists()] == []


def test_what_make_run_leaves_is_for_its_owner_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        surroundings.enter({"VAR": str(tmp_path)})
    assert (ended.value.code, "make run" in capsys.readouterr().err) == (2, True)
    path = surroundings.write(tmp_path, {"DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = {"VAR": str(tmp_path), "REDIS_URL": "redis://own"}
    assert surroundings.enter(told).startswith("make run")
    assert (told["DATABASE_URL"], told["REDIS_URL"]) == ("postgresql://x", "redis://own")
    named = {"VAR": str(tmp_path), "DATABASE_URL": "postgresql://named"}
    assert (surroundings.enter(named), named["DATABASE_URL"]) == ("환경 변수", "postgresql://named")
    surroundings.forget(tmp_path)
    assert not path.exists()

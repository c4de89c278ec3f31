"""The capacity page: it is what the command prints, every figure has its command, and more load never asks for less."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from core import jobs
from core.db import partitions
from core.settings import Settings
from deploy.capacity import model, page
from deploy.capacity.model import Load

ROOT = Path(__file__).parent.parent.parent
COMMANDS = {"make bench", "make capacity-measure"}


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "deploy.capacity", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def number(text: str) -> float:
    """The first number of a value, in the unit it is written in."""
    found = re.search(r"[\d,.]+", text)
    assert found, text
    unit = {"TB": 1e12, "GB": 1e9, "MB": 1e6}.get(text.split()[-1], 1)
    return float(found[0].replace(",", "")) * unit


def test_the_page_is_what_the_command_prints() -> None:
    assert (ROOT / "deploy/capacity.ko.md").read_text() == run()


def test_every_figure_says_by_which_command_and_when() -> None:
    for one in model.figures().values():
        assert one.value > 0 and one.title and one.unit, one
        assert date.fromisoformat(one.at) <= date(2026, 12, 31)
        assert one.command.split(" ·")[0] in COMMANDS or (ROOT / one.command.partition(":")[0]).exists(), one.command


def test_what_the_code_fixes_is_what_the_code_says() -> None:
    assert model.of("worker_threads") == Settings.model_fields["worker_threads"].default
    assert len(partitions.LEDGER) == model.LEDGER_TABLES
    assert "bulk" in jobs.LANES


def test_every_figure_is_used_and_every_one_that_is_named_exists() -> None:
    source = "".join((ROOT / "deploy/capacity" / name).read_text() for name in ("model.py", "page.py"))
    assert set(re.findall(r'of\(["\'](\w+)["\']\)', source)) == set(model.figures())


def test_a_hundred_million_a_month_is_computed_from_the_hours_that_are_lawful() -> None:
    load = Load()
    assert round(load.average, 1) == 72.2  # 100,000,000 / 30 days / 46,200 s
    assert round(load.peak) == 694
    found = {one.name: one.value for one in model.needs(load)}
    assert found["가장 바쁜 시간"] == "694건/초"
    assert found["파티션"] == "90개"


@pytest.mark.parametrize("change", [{"messages": 200_000_000}, {"people": 40_000}, {"keep_months": 24}, {"busiest_day": 6.0}])
def test_more_load_never_asks_for_less(change: dict[str, float]) -> None:
    before, after = model.needs(Load()), model.needs(replace(Load(), **change))  # type: ignore[arg-type]
    less = [
        (one.name, one.value, other.value)
        for one, other in zip(before, after, strict=True)
        if "배" not in one.value and number(other.value) < number(one.value)
    ]
    assert less == []
    assert [one.value for one in before] != [other.value for other in after]


def test_parameters_on_the_command_line() -> None:
    assert "1,389건/초" in run("--messages", "200000000")
    assert "단건 50%" in run("--singles", "0.5")


def test_the_page_shows_every_stage_with_its_machine() -> None:
    text = page.page()
    for title in page.STAGES:
        assert f"### {title}" in text
    assert set(page.SIZES) == set(page.STAGES)
    assert json.loads(model.DATA.read_text())["figures"]

"""The short form: a handful of drills, one of each sort of trouble, on one running product. `make faults` has the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.guardian import ROOT
from tests.faults.drill import Drill
from tests.faults.kinds import ALL, KINDS

SHORT = ("kill_all_workers", "outage_redis", "crash_postgres", "cut_after", "error_500", "truncated", "kill_server")
SHORT += ("outage_storage", "outage_provider")


def test_nothing_is_lost_or_doubled_whatever_happens(tmp_path: Path) -> None:
    told = {"DRILL": ",".join(SHORT), "SEED": "20261125", "FAULT_PEOPLE": "60", "FAULT_SEED": "1", "VAR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.faults"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "faults" / "report.json").read_text())
    assert [drill["kind"] for drill in sorted(report["drills"], key=lambda drill: drill["number"])] == list(SHORT)
    for drill in report["drills"]:
        assert drill["recipients"] == 60
        assert (drill["lost"], drill["doubled"], drill["unknown"], drill["words"]) == (0, 0, 0, [])


def test_a_seed_is_a_plan() -> None:
    for kind in ALL:
        plans = [[str(blow) for blow in Drill(number, kind.name, 7).plan()[1]] for number in (1, 2)]
        assert plans[0] == plans[1]
    assert {str(Drill(1, "kill_worker", seed).plan()[1][0]) for seed in range(20)} > {
        str(Drill(1, "kill_worker", 1).plan()[1][0])
    }


def test_every_kind_of_trouble_the_sandbox_makes_with_sends_is_drilled() -> None:
    drilled = " ".join(str(blow) for name in KINDS for blow in Drill(1, name, 1).plan()[1])
    for kind in ("late", "error_500", "html_403", "busy", "truncated", "cut_body", "empty", "lost_answer_hang",
                 "lost_answer_reset", "error_500_after", "partial", "refuse", "list_delay", "slow_answer"):  # fmt: skip
        assert f"provider: {kind} " in drilled

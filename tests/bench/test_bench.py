"""The benchmark itself, short: every loop and every campaign accounts for every message. No speed is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.guardian import ROOT
from tests.bench import report

PEOPLE = 3000


def test_every_message_of_every_loop_is_accounted_for(tmp_path: Path) -> None:
    told = {"RECIPIENTS": str(PEOPLE), "BENCH_ROUNDS": "1", "VAR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.bench"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "bench" / "report.json").read_text())
    assert set(found["median"]) == set(report.TITLES)
    assert [run["name"] for run in found["runs"] if not run["complete"]] == []
    assert {run["recipients"] for run in found["runs"]} == {PEOPLE}
    assert found["worker_peak_mb"] > 0
    assert found["notice"]["complete"] and found["notice"]["notices"] > 0
    for name in ("product", "product+plan"):
        assert 0 < found["median"][name]["round_trips"] <= 0.05
        assert found["median"][name]["wal_bytes"] > 0

"""The short form of `make drill-primary`: the primary killed under load, its replica promoted, nobody helped."""

import json
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.guardian import ROOT


def test_reads_go_on_no_write_is_lost_and_no_ad_leaves(tmp_path: Path) -> None:
    told = {**os.environ, "PRIMARY_SHORT": "1", "RECIPIENTS": "200", "VAR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.primary"]
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "primary" / "report.json").read_text())
    assert (report["wrong"], report["lost"], report["campaign"]) == ([], 0, "DONE")
    [outage] = report["outages"]
    assert outage["reads"]["answered"] > 0 and outage["ads"] == 0
    assert any("READ_ONLY" in word for word in outage["writes"]["others"])

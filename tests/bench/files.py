"""`python -m tests.bench.files`: customer files of a million rows, read as the worker reads them, in a process of its own.

RECIPIENTS (1000000), BENCH_ONLY (csv xlsx csv-dry). The report goes to VAR/bench/files.json. Nothing here is a test of speed: the
exit code says whether every row was accounted for.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

from core import clock, images, settings
from core.db import accounts, imports, migrate, session
from core.db.ids import new_id
from core.db.session import database
from deploy.local.guardian import ROOT
from deploy.local.sample import customers
from deploy.local.stack import Stack
from tests import stack as parts
from workers import imports as reader


def main() -> None:
    """Measure, print, write."""
    rows, kinds = int(os.environ.get("RECIPIENTS") or 1_000_000), (os.environ.get("BENCH_ONLY") or "csv xlsx csv-dry").split()
    report = Path(os.environ.get("VAR") or "var").resolve() / "bench" / "files.json"
    with parts.folder() as var, Stack(var, environment={}) as stack:
        os.environ.update(stack.environment())
        settings.load()
        migrate.upgrade(settings.load().database_url)
        images.storage().prepare()
        found = [_measured(var / f"file.{kind.removesuffix('-dry')}", rows, kind.endswith("-dry")) for kind in kinds]
        session.database().dispose()
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(found, ensure_ascii=False, indent=1))
    print(f"written to {report}")
    if not all(one["complete"] for one in found):
        raise SystemExit("bench: not every row was accounted for")


def _measured(path: Path, rows: int, dry: bool) -> dict[str, object]:
    summary = customers.write(path, rows * 1000 // 1030, seed=7)  # with the bad rows and the duplicates at most `rows`
    workspace, name = new_id(), ""
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "봄날커피", workspace=workspace)
    name = images.upload_name(workspace, path.name)
    images.storage().put_file(name, path, "application/octet-stream")
    values = {"object_name": name, "file_name": path.name, "tag": "", "mapping": {}, "dry_run": dry}
    with database().write(workspace) as tx:
        made = imports.add_import(tx, workspace, values, clock.now()).id
    command = [sys.executable, "-m", "tests.bench.files", str(workspace), str(made)]
    child = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    with database().read(workspace) as tx:
        row = imports.get_import(tx, made)
        contacts = int(tx.value("SELECT count(*) FROM contacts"))
    counts = row.created_count, row.duplicate_count, row.error_count, contacts
    expected = summary.good, summary.duplicates, sum(summary.bad.values()), 0 if dry else summary.good
    found = {
        "file": path.suffix[1:],
        "dry_run": dry,
        "megabytes": path.stat().st_size / 1e6,
        "rows": row.rows_done,
        **child,
        "rows_per_second": row.rows_done / child["seconds"],
        "errors_file": bool(row.errors_object),
        "complete": counts == expected,
    }
    print(json.dumps(found), flush=True)
    return found


def child(workspace: str, made: str) -> None:
    """One import, and what it took."""
    begun = time.perf_counter()
    reader.read(UUID(workspace), UUID(made))
    seconds = time.perf_counter() - begun
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time(), "peak_mb": int(peak[1]) / 1000 if peak else 0}))


if __name__ == "__main__":
    child(*sys.argv[1:]) if len(sys.argv) > 1 else main()

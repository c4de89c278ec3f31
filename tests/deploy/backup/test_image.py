"""The image of backups holds all that it runs; its schedule names commands and variables that exist."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from deploy.backup import __main__ as command_line
from deploy.backup.settings import Settings

ROOT = Path(__file__).parents[3]
JOBS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "deploy/kubernetes/base/backup.yaml").read_text()))


def test_what_the_image_copies_is_enough_to_run(tmp_path: Path) -> None:
    stage = (ROOT / "deploy/Dockerfile").read_text().split(" AS backup\n", 1)[1].split("\nFROM ", 1)[0]
    for line in re.findall(r"^COPY (deploy/.+)$", stage, re.MULTILINE):
        *sources, target = line.split()
        (tmp_path / target).mkdir(parents=True, exist_ok=True)
        for source in sources:
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, tmp_path / target)
    command = [sys.executable, "-c", "import sys; sys.path = [p for p in sys.path if p]; import runpy; sys.path.insert(0, '.');"
               " sys.argv = ['backup', 'keys']; runpy.run_module('deploy.backup', run_name='__main__')"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "BACKUP_KEY=age1" in done.stdout, done.stderr


def test_every_scheduled_command_exists_and_runs_in_the_image_of_backups() -> None:
    assert [job["kind"] for job in JOBS] == ["CronJob"] * 3
    for job in JOBS:
        (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        assert container["image"].startswith("jeondan-backup:")
        assert container["command"][:3] == ["python", "-m", "deploy.backup"] and container["command"][3] in command_line.COMMANDS
        assert job["spec"]["timeZone"] == "Asia/Seoul" and job["spec"]["concurrencyPolicy"] == "Forbid"


def test_the_single_machine_runs_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = re.findall(r"make ([a-z -]+)$", (ROOT / "deploy/backup/crontab").read_text(), re.MULTILINE)
    assert used and {name for line in used for name in line.split()} <= targets
    service = (ROOT / "deploy/backup/jeondan-wal.service").read_text()
    assert re.search(r"-m deploy\.backup (\w+)", service)[1] in command_line.COMMANDS  # type: ignore[index]
    assert "BACKUP_IDENTITY" not in service and "backup_identity" in Settings.model_fields

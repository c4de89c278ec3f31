"""Tools are asked as a person would ask them: silence is a yes, anything else is what they say."""

import shutil
import subprocess
import sys
from pathlib import Path


def wheel(name: str) -> str:
    """A tool that came with the lock."""
    return str(Path(sys.executable).parent / name)


def installed(name: str) -> bool:
    """Whether a program of the machine is there."""
    return shutil.which(name) is not None


def ask(*command: str | Path, folder: Path | None = None) -> str:
    """What the tool says when it refuses; nothing when it does not."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=folder)
    said = f"{done.stdout}\n{done.stderr}".strip()
    return "" if done.returncode == 0 else said or f"{Path(command[0]).name} ended with {done.returncode}"

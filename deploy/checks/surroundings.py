"""Which installation is looked at: the one that the environment names, else the `make run` of this folder."""

import json
import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path

FILE = "run.json"  # what `make run` tells the processes of its product; holds secrets


def write(var: Path, environment: Mapping[str, str]) -> Path:
    """Leave it for commands that look at this product; readable by its owner only."""
    path = var / FILE
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(dict(environment), file)
    return path


def forget(var: Path) -> None:
    """The product is down."""
    (var / FILE).unlink(missing_ok=True)


def enter(environment: MutableMapping[str, str]) -> str:
    """Take the variables of `make run` over where nothing else is named; where they are from, for people."""
    if environment.get("DATABASE_URL"):
        return "환경 변수"
    path = Path(environment.get("VAR") or "var") / FILE
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        sys.stderr.write("jeondan: DATABASE_URL이 없고, 이 폴더의 `make run`도 켜져 있지 않습니다.\n")
        raise SystemExit(2) from None
    for name, value in found.items():
        environment.setdefault(name, value)
    return f"make run ({path.parent})"

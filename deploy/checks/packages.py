"""What is installed here, what was locked, how old the system is, and what an audit says where one can be made."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from packaging.requirements import Requirement

from core.rules.checks.updates import Advisories

ROOT = Path(__file__).parent.parent.parent
LOCK = ROOT / "requirements.lock"
DPKG = Path("/var/lib/dpkg/status")
_LOCKED = re.compile(r"^([A-Za-z0-9][^#\n]*==[^\\\n]+)", re.MULTILINE)
_SECONDS = 300


def plain(name: str) -> str:
    """As PEP 503 writes names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path = LOCK) -> dict[str, str]:
    """Name -> version."""
    try:
        text = path.read_text()
    except OSError:
        return {}
    wanted = [one for line in _LOCKED.findall(text) if _for_here(one := Requirement(line))]
    return {plain(one.name): str(one.specifier).removeprefix("==") for one in wanted}


def _for_here(one: Requirement) -> bool:
    return one.marker is None or one.marker.evaluate()


def installed() -> dict[str, str]:
    """Name -> version, of the Python that runs this."""
    return {plain(one.metadata["Name"]): one.version for one in importlib.metadata.distributions()}


def system_changed(path: Path = DPKG) -> datetime | None:
    """When packages of the system were last changed here; None where there is no dpkg."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def advisories(asked: bool, path: Path = LOCK) -> Advisories:
    """By pip-audit, which has to be installed for it. Strict: without that it calls what it cannot find well."""
    if not asked:
        return Advisories(False, False)
    if importlib.util.find_spec("pip_audit") is None:
        return Advisories(True, False)
    command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes", "-r", str(path)]
    try:
        done = subprocess.run([*command, "-f", "json"], capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return Advisories(True, False)
    return audited(done.stdout)


def audited(answer: str) -> Advisories:
    """From its JSON; anything else, or a package that was left out, is no answer."""
    try:
        found = json.loads(answer)["dependencies"]
        unsafe = tuple(f"{one['name']} {one['version']}" for one in found if one.get("vulns"))
    except (ValueError, KeyError, TypeError):
        return Advisories(True, False)
    complete = bool(found) and not any("skip_reason" in one for one in found)
    return Advisories(True, complete or bool(unsafe), unsafe)

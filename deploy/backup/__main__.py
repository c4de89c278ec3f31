"""`python -m deploy.backup COMMAND`: the operator's hands; `make help` names the usual ones, the runbook all."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyrage

from deploy.backup import basebackup, checks, drills, dump, hold, lifecycle, rehearsal, restore, role, wal
from deploy.backup.settings import Settings, load, var
from deploy.backup.store import Store
from deploy.local.refusal import Refusal

Command = Callable[[Settings, Store, argparse.Namespace], None]


def say(line: str) -> None:
    """One line for the operator."""
    print(line, flush=True)


def make_role(settings: Settings, _: Store, given: argparse.Namespace) -> None:
    """The login of backups; SUPERUSER_URL in the environment, the password from BACKUP_DATABASE_URL."""
    settings.need("backup_database_url")
    told = role.told(settings.backup_database_url)
    role.make(os.environ.get("SUPERUSER_URL", ""), told["database"], told["password"])
    say(f"{role.NAME} 역할을 만들었습니다: 모두 읽고 아무것도 바꾸지 못하며, WAL 을 따라갑니다.")


def make_keys(*_: object) -> None:
    """A new pair: the secret half belongs into a safe, not onto the machine that takes backups."""
    secret = pyrage.x25519.Identity.generate()
    say(f"BACKUP_KEY={secret.to_public()}\nBACKUP_IDENTITY={secret}")


def follow(settings: Settings, store: Store, given: argparse.Namespace) -> None:
    """Until SIGTERM."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    store.prepare()
    wal.Archiver(settings, store, Path(given.spool) if given.spool else var() / "backup" / "wal", say).run(stop)


def take_base(settings: Settings, store: Store, _: argparse.Namespace) -> None:
    """The whole cluster, now."""
    store.prepare()
    made = basebackup.take(settings, store)
    seconds = (made.ended_at - made.started_at).total_seconds()
    say(f"기본 백업 {made.name}: {made.plain_bytes >> 20:,}MB → {made.sealed_bytes >> 20:,}MB, {seconds:.1f}초, 다시 읽어 확인함")


def show(_: Settings, store: Store, given: argparse.Namespace) -> None:
    """What can be restored."""
    for name in dump.dumps(store):
        say(name)
    for one in basebackup.bases(store):
        first = wal.place(one.first_segment)
        pieces = [piece for piece in wal.segments(store, one.system) if piece.place >= first]
        gap = wal.gap(pieces, first)
        until = max((piece.kept.at for piece in pieces if gap is None or piece.place < gap), default=one.ended_at)
        span = f"{_local(one.ended_at)} 부터 {_local(until)} 까지"
        say(f"{one.name}  {span}  {one.sealed_bytes >> 20:,}MB  {'이어짐' if gap is None else '빈 WAL 있음'}")


def take_dump(settings: Settings, store: Store, _: argparse.Namespace) -> None:
    """One database as of now, for servers whose log is not ours."""
    store.prepare()
    told = dump.take(settings, store)
    rows, size = sum(told["counts"].values()), told["data"]
    say(f"덤프 {told['name']}: {rows:,}행, {size['plain_bytes'] >> 10:,}KB → {size['sealed_bytes'] >> 10:,}KB, 다시 읽어 확인함")
    for name, wrong in told["wrong"].items():
        say(f"  틀림  {name}: {', '.join(wrong[:3])}")


def load_dump(settings: Settings, store: Store, given: argparse.Namespace) -> None:
    """A dump into the empty database of RESTORE_DATABASE_URL."""
    url = os.environ.get("RESTORE_DATABASE_URL", "")
    if not url:
        raise Refusal("RESTORE_DATABASE_URL 에 비어 있는 새 데이터베이스의 주소를 넣어 주세요(역할을 만들 수 있는 관리자로).")
    began = time.monotonic()
    told = dump.load(settings, store, given.name, url, say)
    say(f"되살림: {told['name']}, {sum(told['counts'].values()):,}행, {time.monotonic() - began:.1f}초. 발송은 멈춘 채입니다.")


def bring_back(settings: Settings, store: Store, given: argparse.Namespace) -> None:
    """A cluster of that moment in a folder of its own."""
    to = datetime.fromisoformat(given.to) if given.to else None
    if to is not None and to.tzinfo is None:
        raise Refusal("TO 에는 시간대가 있어야 합니다. 예: TO=2026-11-25T10:00:00+09:00")
    into = Path(given.into) if given.into else var() / "restored" / "pg"
    wish = restore.Wish(into, to, force=given.force, system=given.system, superuser=given.superuser)
    report = restore.restore(settings, store, wish, say)
    say(f"복구됨: {report.data}\n  기본 백업 {report.base.name}, WAL {report.segments}조각, {report.bytes >> 20:,}MB")
    say(f"  마지막 거래 {report.last_commit or '-'} (복구 시점), 걸린 시간 {report.total:.1f}초 (복구 시간)")
    say("  발송은 멈춘 채로 올라옵니다. 다음 순서: deploy/runbooks/restore.md")


def stop_sending(_: Settings, __: Store, given: argparse.Namespace) -> None:
    """The first thing after an accident: nothing more leaves DATABASE_URL's product, whichever worker runs."""
    with psycopg.connect(os.environ.get("DATABASE_URL", ""), autocommit=True) as connection:
        if not hold.begin(connection, None):
            raise Refusal("DATABASE_URL 은 전단의 데이터베이스가 아닙니다.")
    say("멈췄습니다. 다시 보내려면: make resume-after-restore FREE=1")


def rehearse(settings: Settings, store: Store, given: argparse.Namespace) -> None:
    """The newest backup comes back, is questioned and thrown away."""
    scratch = Path(given.into) if given.into else var() / "rehearsal"
    at, begun = datetime.now(UTC), time.monotonic()
    try:
        report = rehearsal.run(settings, store, scratch, given.superuser, say)
    except Refusal:
        drills.record(store, at=at, passed=False, seconds=time.monotonic() - begun)
        raise
    drills.record(store, at=at, passed=True, seconds=report.total, last_commit=report.last_commit)
    took = f"복구 시간 {report.total:.1f}초, 마지막 거래 {report.last_commit or '-'}"
    say(f"복구 연습: 모두 맞음. {took}, WAL {report.segments}조각, {report.bytes >> 20:,}MB")


def check(settings: Settings, store: Store, _: argparse.Namespace) -> None:
    """The database in BACKUP_DATABASE_URL, and the chain of dumps."""
    with psycopg.connect(settings.backup_database_url) as connection:
        found = checks.ask(connection)
    for one in found:
        say(one.line)
    wrong = dump.chain(store)
    say(f"  {'맞음' if not wrong else '틀림'}  덤프의 사슬과 접속기록의 봉인{': ' + wrong[0] if wrong else ''}")
    if wrong or any(one.wrong for one in found):
        raise Refusal("맞지 않는 것이 있습니다.")


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S%z}"


def prune(settings: Settings, store: Store) -> None:
    """What is past its time."""
    lifecycle.prune(settings, store, say)


COMMANDS: dict[str, Command] = {
    "role": make_role,
    "keys": make_keys,
    "wal": follow,
    "base": take_base,
    "dump": take_dump,
    "load": load_dump,
    "list": show,
    "restore": bring_back,
    "hold": stop_sending,
    "check": check,
    "rehearse": rehearse,
    "lifecycle": lambda settings, store, _: lifecycle.set_rules(settings, store, say),
    "prune": lambda settings, store, _: prune(settings, store),
}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--to", default="", help="2026-11-25T10:00:00+09:00; without it: as far as the log goes")
    parser.add_argument("--into", default="", help="folder of the restored cluster")
    parser.add_argument("--force", action="store_true", help="overwrite that folder")
    parser.add_argument("--system", default="", help="system identifier, when the bucket has several clusters")
    parser.add_argument("--name", default="", help="which dump; the newest without it")
    parser.add_argument("--superuser", default="postgres")
    parser.add_argument("--spool", default="", help="folder of the log on its way")
    given = parser.parse_args()
    try:
        settings = load()
        COMMANDS[given.command](settings, Store(settings), given)
    except Refusal as refusal:
        print(f"jeondan: {refusal}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

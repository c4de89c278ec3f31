"""The product behind the real PgBouncer in transaction mode, with fewer connections than callers: `make verify-pgbouncer`."""

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from deploy.local import children, process
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, Port, answers
from deploy.local.stack import Stack
from tests import stack as parts
from tests.flow import stubs

POOL = 6  # server connections; the processes of the product open several times as many


@dataclass(frozen=True)
class Pooler:
    """Where it is, and what it says of itself."""

    url: str
    port: int

    def ask(self, what: str) -> list[dict[str, object]]:
        """`SHOW ...` on its console."""
        console = f"postgresql://pgbouncer@{LOOPBACK}:{self.port}/pgbouncer"
        with psycopg.connect(console, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            cursor = connection.execute(f"SHOW {what}".encode())
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def pooler(folder: Path, database_url: str) -> Iterator[Pooler]:
    """PgBouncer before this database, with as good as its defaults."""
    to, port = urlsplit(database_url), Port()
    own = f"host={to.hostname} port={to.port} dbname={to.path[1:]} user={to.username} password={to.password}"
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{to.path[1:]} = {own}\n\n[pgbouncer]\nlisten_addr = {LOOPBACK}\nlisten_port = {port.number}\n"
        f"unix_socket_dir =\nauth_type = any\nadmin_users = pgbouncer\npool_mode = transaction\ndefault_pool_size = {POOL}\n"
        f"max_client_conn = 500\nlogfile = {folder / 'pgbouncer.log'}\npidfile = {folder / 'pgbouncer.pid'}\n"
    )
    for path in (folder, *folder.iterdir()):
        path.chmod(0o777 if path.is_dir() else 0o666)
    user = ("-u", "nobody") if os.getuid() == 0 else ()
    started = subprocess.Popen(["pgbouncer", *user, str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL)
    try:
        stubs.until(lambda: answers(port.number), bool)
        yield Pooler(f"postgresql://{to.username}@{LOOPBACK}:{port.number}{to.path}", port.number)
    finally:
        started.terminate()
        started.wait(10)
        port.release()


@pytest.fixture(scope="module", autouse=True)
def pgbouncer_is_here() -> None:
    assert shutil.which("pgbouncer"), "pgbouncer is missing (Debian: apt-get install pgbouncer)"


@pytest.fixture
def pooled(stack: Stack, tmp_path: Path) -> Iterator[Pooler]:
    with parts.folder() as folder, pooler(folder, parts.postgres(stack).url) as made:
        yield made


def test_a_whole_campaign_through_few_connections(stack: Stack, pooled: Pooler, tmp_path: Path) -> None:
    """Migrations, seed, every process and a campaign; each transaction may be on another server connection."""
    told = {"DATABASE_URL": pooled.url, "DATABASE_PREPARED": "false", "VAR": str(tmp_path / "var"), "RECIPIENTS": "3000"}
    log = tmp_path / "demo.log"
    clients = 0
    with log.open("wb") as output:
        command, told = children.python("deploy.local.demo"), process.inherited(told, str(tmp_path / "var"))
        with subprocess.Popen(command, cwd=ROOT, env=told, stdout=output, stderr=output) as done:
            while done.poll() is None:
                pools = pooled.ask("POOLS")
                clients = max(clients, *(int(str(row["cl_active"])) + int(str(row["cl_waiting"])) for row in pools))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    done.wait(0.5)
    assert done.returncode == 0, log.read_text()[-3000:]  # 0: every message is accounted for
    report = json.loads((tmp_path / "var/demo/report.json").read_text())
    stats = next(row for row in pooled.ask("STATS") if row["database"] == "jeondan")
    servers = len(pooled.ask("SERVERS"))
    print(f"accepted {report['accepted']}, at most {clients} clients on {servers} server connections (pool {POOL}),", end=" ")
    print(f"{stats['total_xact_count']} transactions, {stats['total_query_count']} queries")
    assert report["accepted"] > 2000 and report["unknown"] == 0
    assert servers <= POOL < clients

"""After a restore nothing leaves until a person has looked: one table that says so, and every claim asks whether it is there."""

import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.local.pgbinaries import Runner
from deploy.local.refusal import Refusal

TABLE = "restored"  # core.db.send looks for it by this name
_OURS = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('public.workspaces')"


def databases(connection: psycopg.Connection[Any]) -> list[str]:
    """Every database of this cluster that may be ours."""
    rows = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn").fetchall()
    return [str(row[0]) for row in rows]


def owner(connection: psycopg.Connection[Any]) -> str | None:
    """Who owns the product's schema; None: this is another database."""
    row = connection.execute(_OURS).fetchone()
    return str(row[0]) if row else None


def begin(connection: psycopg.Connection[Any], to: datetime | None) -> bool:
    """Hold this database, when it is ours; of the owner of the schema, so that it can be freed without a superuser."""
    ours = owner(connection)
    if ours is None:
        return False
    connection.execute(
        "CREATE TABLE IF NOT EXISTS public.restored (to_time timestamptz NOT NULL, restored_at timestamptz DEFAULT now())"
    )
    connection.execute(sql.SQL("ALTER TABLE public.restored OWNER TO {}").format(sql.Identifier(ours)))
    connection.execute("DELETE FROM public.restored")
    # Without a wanted moment it is that of the last thing the log knew: what happened later is asked for from there on.
    last = "coalesce(CAST(%s AS timestamptz), pg_last_xact_replay_timestamp(), now())"
    connection.execute(f"INSERT INTO public.restored (to_time) VALUES ({last})", [to])  # noqa: S608 - a constant
    return True


def move_transactions(runner: Runner, data: Path) -> None:
    """The numbers of transactions go on where the lost cluster never was, so that no reader's cursor lies in the future (0011).

    As pg_upgrade does: the epoch, which stands nowhere but in the control file, on a cluster that was stopped cleanly.
    """
    state = _run(runner, "pg_controldata", str(data))
    if "shut down" not in state.split("Database cluster state:")[1].splitlines()[0]:
        raise Refusal("복구된 클러스터가 깨끗이 멈추지 않았습니다. 처음부터 다시 복구하세요.")
    found = re.search(r"NextXID:\s+(\d+):\d+", state)
    if not found:
        raise Refusal("pg_controldata 의 답을 읽을 수 없습니다.")
    _run(runner, "pg_resetwal", "--epoch", str(int(found[1]) + 1), str(data))


def _run(runner: Runner, program: str, *arguments: str) -> str:
    done = subprocess.run(
        runner.command(program, *arguments), capture_output=True, text=True, check=False, env={"LC_ALL": "C"}, **runner.as_user()
    )
    if done.returncode:
        raise Refusal(f"{program} 실패: {done.stderr.strip()[-300:]}")
    return done.stdout

"""Daily logical dumps, for servers whose log is not ours: one snapshot, sealed, with a manifest that can be checked."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from deploy.backup import checks, hold, programs, sealing
from deploy.backup.settings import Settings
from deploy.backup.store import Counted, Store
from deploy.local.refusal import Refusal

PREFIX = "dump/"
_DATA, _SCHEMA, _ROLES, _MANIFEST = "data.dump", "schema.sql", "roles.json", "manifest.json"


def take(settings: Settings, store: Store) -> dict[str, Any]:
    """One dump of the database in BACKUP_DATABASE_URL; its manifest."""
    settings.need("backup_key", "backup_database_url")
    url, started = settings.backup_database_url, datetime.now(UTC)
    name = f"{PREFIX}{started:%Y%m%dT%H%M%SZ}/"
    previous = dumps(store)[-1:]
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        _refuse_if_blind(connection)
        snapshot = str(_first(connection, "SELECT pg_export_snapshot()"))
        told: dict[str, Any] = {
            "taken_at": started,
            "server": _first(connection, "SHOW server_version"),
            "program": programs.version(settings),
            "schema": _first(connection, "SELECT version_num FROM alembic_version"),
            "counts": checks.counts(connection),
            "access_log": checks.seals(connection),
            "wrong": {one.name: one.wrong for one in checks.ask(connection) if one.wrong},
        }
        command = ("pg_dump", "--no-password", f"--snapshot={snapshot}")
        told["data"] = _send(settings, store, f"{name}{_DATA}", url, *command, "-Fc", "-Z0")
        told["schema_sql"] = _send(settings, store, f"{name}{_SCHEMA}", url, *command, "-s")
        roles = json.dumps(_roles(connection), indent=1).encode()
    with sealing.sealed(settings, io.BytesIO(roles)) as stream:
        told["roles"] = store.put(f"{name}{_ROLES}{sealing.SUFFIX}", stream).digest
    # Each names the one before: whoever exchanges an old one has to exchange every later one, too.
    told["previous"] = {"name": previous[0], "sha256": _digest(store, previous[0])} if previous else None
    store.put_json(f"{name}{_MANIFEST}", told)
    return {"name": name, **told}


def dumps(store: Store) -> list[str]:
    """Every complete one, the oldest first."""
    found = [one.name for one in store.list(PREFIX) if one.name.endswith(f"/{_MANIFEST}")]
    return [name.removesuffix(_MANIFEST) for name in found]


def chain(store: Store) -> list[str]:
    """What does not fit: a manifest that is not the one its successor names, or a sealed day of the access log that changed."""
    names = dumps(store)
    wrong = []
    for earlier, later in zip(names, names[1:], strict=False):
        one, other = store.get_json(f"{earlier}{_MANIFEST}"), store.get_json(f"{later}{_MANIFEST}")
        if other["previous"] != {"name": earlier, "sha256": _digest(store, earlier)}:
            wrong.append(f"{earlier} 은 {later} 가 이어받은 것과 다릅니다")
        days = checks.broken(one["access_log"], other["access_log"])
        wrong += [f"{day} 의 접속기록이 {earlier} 뒤에 바뀌었습니다" for day in days]
    return wrong


def load(settings: Settings, store: Store, name: str, url: str, say: Callable[[str], object]) -> dict[str, Any]:
    """A dump into an empty database, held; refused unless every table has the rows that the manifest counts."""
    known = dumps(store)
    chosen = name or (known[-1] if known else "")
    if chosen not in known:
        raise Refusal(f"'{name}' 라는 덤프가 없습니다. make backup-list 로 보세요.")
    manifest = store.get_json(f"{chosen}{_MANIFEST}")
    with psycopg.connect(url, autocommit=True) as connection:
        if _first(connection, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"):
            raise Refusal("복구할 데이터베이스가 비어 있지 않습니다. 새 데이터베이스를 만들어 주세요.")
        key = f"{chosen}{_ROLES}{sealing.SUFFIX}"
        with store.get(key) as body, sealing.opened(settings, key, body) as plain:
            _make_roles(connection, json.loads(plain.read()))
        key = f"{chosen}{_DATA}{sealing.SUFFIX}"
        with store.get(key) as body, sealing.opened(settings, key, body) as plain:
            programs.fed(settings, url, plain, "pg_restore", "--exit-on-error", "--no-password", "-d", connection.info.dbname)
        found = checks.counts(connection)
        different = [table for table, rows in manifest["counts"].items() if found.get(table) != rows]
        if different:
            raise Refusal(f"행 수가 덤프의 목록과 다릅니다: {', '.join(different)}")
        hold.begin(connection, datetime.fromisoformat(manifest["taken_at"]))
        say(f"  사건의 순번을 옮김: {_shift_events(connection):,}")
        for one in checks.ask(connection):
            say(one.line)
    return {"name": chosen, **manifest}


def _send(settings: Settings, store: Store, name: str, url: str, *command: str) -> dict[str, Any]:
    with programs.flowing(settings, url, *command) as stream:
        plain = Counted(stream)
        with sealing.sealed(settings, plain) as flow:  # type: ignore[arg-type]
            sent = store.put(f"{name}{sealing.SUFFIX}", flow)
    return {"plain_bytes": plain.size, "plain_sha256": plain.digest, "sealed_bytes": sent.size, "sha256": sent.digest}


def _digest(store: Store, name: str) -> str:
    with store.get(f"{name}{_MANIFEST}") as body:
        counted = Counted(body)
        counted.read()
    return counted.digest


def _refuse_if_blind(connection: psycopg.Connection[Any]) -> None:
    """Every table hides its rows: a role that does not pass would take empty tables for a backup."""
    sees = _first(connection, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
    if not sees:
        raise Refusal("백업 역할이 모든 행을 볼 수 없습니다(BYPASSRLS). python -m deploy.backup role 로 역할을 다시 만드세요.")


def _roles(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """A dump has no roles: these are ours, without passwords, and who may become whom."""
    rows = connection.execute(
        "SELECT r.rolname, r.rolcanlogin, r.rolcreaterole, array_agg(m.rolname ORDER BY m.rolname)"
        " FILTER (WHERE m.rolname IS NOT NULL) FROM pg_roles r LEFT JOIN pg_auth_members a ON a.member = r.oid"
        " LEFT JOIN pg_roles m ON m.oid = a.roleid WHERE r.rolname LIKE 'jeondan%' GROUP BY r.oid, 1, 2, 3 ORDER BY 1"
    ).fetchall()
    return [{"name": name, "login": login, "createrole": creates, "of": list(of or ())} for name, login, creates, of in rows]


def _make_roles(connection: psycopg.Connection[Any], roles: list[dict[str, Any]]) -> None:
    name = sql.Identifier
    for role in roles:
        if not _first(connection, "SELECT count(*) FROM pg_roles WHERE rolname = %s", role["name"]):
            flags = sql.SQL(f"{'LOGIN' if role['login'] else 'NOLOGIN'}{' CREATEROLE' if role['createrole'] else ''}")
            connection.execute(sql.SQL("CREATE ROLE {} {}").format(name(role["name"]), flags))
    for role in roles:
        for of in (one for one in role["of"] if one.startswith("jeondan")):
            grant = sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE")
            connection.execute(grant.format(name(of), name(role["name"])))


def _shift_events(connection: psycopg.Connection[Any]) -> int:
    """Transactions are counted by each cluster for itself: what was told comes to lie before this one's present (0011)."""
    highest = "SELECT greatest((SELECT max(transaction) FROM events), (SELECT max(cursor_transaction) FROM webhook_endpoints))"
    by = _first(connection, f"SELECT ({highest}) - pg_snapshot_xmin(pg_current_snapshot())::text::bigint + 1")
    if by is None or int(by) <= 0:
        return 0
    connection.execute("UPDATE events SET transaction = transaction - %s", [by])
    connection.execute("UPDATE webhook_endpoints SET cursor_transaction = cursor_transaction - %s", [by])
    return int(by)


def _first(connection: psycopg.Connection[Any], query: str, *values: object) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None

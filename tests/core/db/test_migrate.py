"""Migrations beside a running product: who may run on which schema, what gives way to whom, and how old rows are filled."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from core.db import backfill, migrate, schema, send, session
from core.db.blockers import application
from deploy.local import children
from tests.core.db.test_schema import add_product
from tests.drills import next_version
from tests.drills.next_version import CONTRACT, EXPAND

SQUAWK = Path(sys.executable).parent / "squawk"
PRESENT = schema.newest()


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    return next_version.write(tmp_path / "versions")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []
    monkeypatch.setattr(migrate, "_say", heard.append)
    return heard


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "PAUSE", 0.01)
    monkeypatch.setattr(migrate, "LONGEST_PAUSE", 0.01)


@pytest.fixture
def reporter(database: str) -> Iterator[psycopg.Connection]:
    """A session that has looked at products and does not end its transaction."""
    with psycopg.connect(database, application_name="reporter") as session:
        session.execute("SELECT count(*) AS secret_question FROM products")
        yield session


def starts(database: str, monkeypatch: pytest.MonkeyPatch, versions: Path | None = None) -> bool:
    if versions:
        monkeypatch.setattr(schema, "VERSIONS", versions)
    try:
        schema.refuse_if_pending(database)
    except SystemExit:
        return False
    finally:
        monkeypatch.undo()
    return True


def fill(database: str, rows: int) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE jeondan_system")
        for _ in range(2):
            workspace = uuid.uuid4()
            connection.execute(
                "INSERT INTO workspaces (id, data_key, lookup_key, created_at) VALUES (%s, '', '', now())", (workspace,)
            )
            connection.execute(
                "INSERT INTO products (id, workspace_id, name, price_krw, created_at, updated_at)"
                " SELECT gen_random_uuid(), %s, '원두 ' || n, 1000, now(), now() FROM generate_series(1, %s) n",
                (workspace, rows // 2),
            )


def count(database: str, condition: str) -> int:
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE jeondan_system")
        return int(connection.execute(f"SELECT count(*) FROM products WHERE {condition}").fetchone()[0])  # type: ignore[index]


# --- who may run --------------------------------------------------------------------------------------------------


def test_the_old_version_starts_on_an_expanded_schema_and_not_on_a_contracted_one(
    database: str, versions: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate.upgrade(database, EXPAND, versions=versions)
    assert schema.look(database) == schema.Found(EXPAND, "")
    assert starts(database, monkeypatch)
    migrate.upgrade(database, versions=versions)
    assert schema.look(database) == schema.Found(CONTRACT, CONTRACT)
    assert not starts(database, monkeypatch)
    assert f"knows the schema up to {PRESENT}; the database serves versions from {CONTRACT} on" in capsys.readouterr().err
    assert starts(database, monkeypatch, versions)
    migrate.downgrade(database, EXPAND, versions=versions)
    assert schema.look(database) == schema.Found(EXPAND, "")
    assert starts(database, monkeypatch)


def test_the_new_version_waits_for_what_expands_and_not_for_what_contracts(
    database: str, versions: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not starts(database, monkeypatch, versions)
    assert f"the database has {PRESENT}, this version needs {EXPAND}" in capsys.readouterr().err
    migrate.upgrade(database, schema.needed(versions), versions=versions)
    assert schema.look(database).present == EXPAND
    assert starts(database, monkeypatch, versions)


def test_a_contract_that_says_so_lets_the_version_before_run(
    database: str, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = versions / f"{CONTRACT}.py"
    path.write_text(f'{path.read_text()}\n\ncompatible_from = "{PRESENT}"\n')
    migrate.upgrade(database, versions=versions)
    assert schema.look(database) == schema.Found(CONTRACT, PRESENT)
    assert starts(database, monkeypatch)


def test_a_contract_is_refused_while_an_older_version_is_open_and_a_way_back_while_a_newer_is(
    database: str, versions: Path
) -> None:
    migrate.upgrade(database, EXPAND, versions=versions)
    with (
        psycopg.connect(database, application_name=application(PRESENT)),
        pytest.raises(migrate.Refused, match=f"1 sessions of version {PRESENT[:4]} are open; it needs {CONTRACT[:4]} or later"),
    ):
        migrate.upgrade(database, versions=versions)
    assert schema.look(database).present == EXPAND
    with (
        psycopg.connect(database, application_name=application(EXPAND)),
        pytest.raises(migrate.Refused, match=f"version {EXPAND[:4]} are open; it would take away"),
    ):
        migrate.downgrade(database, PRESENT, versions=versions)
    migrate.downgrade(database, PRESENT, versions=versions)
    assert schema.look(database).present == PRESENT


def test_a_process_that_may_not_find_all_its_connections_says_so(
    database: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, int]] = []
    monkeypatch.setattr(schema._log, "warning", lambda event, **facts: said.append((event, facts["free"])), raising=False)
    schema.refuse_if_pending(database)
    assert said == []
    free = schema.look(database).free
    others = [psycopg.connect(postgres_url) for _ in range(free - schema.MOST_CONNECTIONS + 3)]
    schema.refuse_if_pending(database)
    for other in others:
        other.close()
    assert [event for event, _ in said] == ["connections_scarce"] and said[0][1] < schema.MOST_CONNECTIONS


def test_the_processes_of_one_machine_fit_a_plain_postgresql() -> None:
    """Server, workers, clock: with every pool full they stay under its 100 connections, those for upkeep kept free."""
    assert (1 + len(children.WORKERS) + 1) * schema.MOST_CONNECTIONS <= 100 - 3


# --- who gives way ------------------------------------------------------------------------------------------------


def test_a_long_transaction_is_not_waited_for_and_is_named(
    database: str, versions: Path, said: list[str], reporter: psycopg.Connection, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TRIES", 2)
    with pytest.raises(migrate.Refused, match=r"gave up, nothing was changed; in the way: session \d+ \(\w+, reporter, idle in"):
        migrate.upgrade(database, EXPAND, versions=versions)
    assert [line.split("; in")[0] for line in said] == [f"{EXPAND}: gave way (try {n} of 2)" for n in (1, 2)]
    assert str(reporter.info.backend_pid) in said[-1] and "secret_question" not in "".join(said)
    assert schema.look(database).present == PRESENT
    with psycopg.connect(database) as another:  # nobody waits behind a migration that gave up
        another.execute("SET lock_timeout = '100ms'")
        another.execute("SELECT count(*) FROM products")


def test_a_migration_that_gave_way_comes_again(
    database: str, versions: Path, reporter: psycopg.Connection, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        if "gave way" in line:
            reporter.rollback()

    monkeypatch.setattr(migrate, "_say", hear)
    migrate.upgrade(database, EXPAND, versions=versions)
    assert "gave way (try 1 of 30)" in lines[0] and lines[-1].startswith(f"{EXPAND} -> {EXPAND}")
    assert schema.look(database).present == EXPAND


def test_two_jobs_at_once_do_it_once(database: str, versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    waiting = threading.Event()
    backfilled = backfill.run

    def hear(line: str) -> None:
        lines.append(line)
        if "another migration is running" in line:
            waiting.set()

    def slow(*arguments: object) -> int:  # the first is in the middle of it until the second has come
        assert waiting.wait(60)
        return backfilled(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(migrate, "_say", hear)
    monkeypatch.setattr(backfill, "run", slow)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: migrate.upgrade(database, versions=versions), range(2)))
    assert schema.look(database).present == CONTRACT
    assert sorted(line.split(":")[0] for line in lines if "->" in line) == [f"{EXPAND} -> {EXPAND}", f"{CONTRACT} -> {CONTRACT}"]


# --- old rows -----------------------------------------------------------------------------------------------------


def test_old_rows_are_filled_in_short_transactions_and_what_somebody_holds_is_come_back_to(
    database: str, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, 50)
    migrate.upgrade(database, EXPAND, versions=versions)
    work = backfill.Backfill("products", "id", change="label = name", pending="label IS NULL")
    engine = sa.create_engine(database.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
    with psycopg.connect(database) as holder:
        holder.execute("SET ROLE jeondan_system")
        held = holder.execute("SELECT id FROM products ORDER BY id LIMIT 7 FOR UPDATE").fetchall()
        commits: list[int] = []
        sa.event.listen(engine, "commit", lambda _: commits.append(1))

        def release(seconds: float) -> None:
            if seconds == backfill.HELD_SECONDS:
                assert count(database, "label IS NULL") == len(held)
                holder.rollback()

        monkeypatch.setattr("time.sleep", release)
        assert backfill.run(engine, work, size=10) == 50
    assert count(database, "label IS NULL") == 0
    assert len(commits) > 50 // 10
    assert backfill.run(engine, work) == 0


def test_a_contract_fills_what_is_left_before_it_takes_away(database: str, versions: Path, said: list[str]) -> None:
    fill(database, 20)
    migrate.upgrade(database, versions=versions)
    assert f"{EXPAND}: 20 rows filled" in said
    assert count(database, "label IS NULL") == 0


# --- what the linter says -----------------------------------------------------------------------------------------


def lint(folder: Path, kind: str, rules: str = "squawk.toml") -> subprocess.CompletedProcess[str]:
    files = [path for path in sorted((folder / kind).glob("*.sql")) if path.name >= "0004"]  # those before are judged together
    return subprocess.run(
        [SQUAWK, "--reporter", "gcc", "--config", f"deploy/{rules}", *files], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("ALTER TABLE products DROP COLUMN badge", "ban-drop-column"),
        ("ALTER TABLE products RENAME COLUMN badge TO label", "renaming-column"),
        ("ALTER TABLE products ADD COLUMN label TEXT NOT NULL", "adding-required-field"),
        ("CREATE INDEX products_badge ON products (badge)", "require-concurrent-index-creation"),
    ],
)
def test_what_would_disturb_the_running_version_is_no_expansion(tmp_path: Path, versions: Path, change: str, rule: str) -> None:
    path = versions / f"{EXPAND}.py"
    migrate.write_sql(tmp_path / "good", versions)
    assert lint(tmp_path / "good", "expand").returncode == 0, lint(tmp_path / "good", "expand").stdout
    assert lint(tmp_path / "good", "contract", "squawk-contract.toml").returncode == 0
    path.write_text(path.read_text().replace("ALTER TABLE products ADD COLUMN label TEXT", change))
    migrate.write_sql(tmp_path / "bad", versions)
    found = lint(tmp_path / "bad", "expand")
    assert found.returncode != 0 and rule in found.stdout


def test_products_can_be_added_by_both_versions(database: str, versions: Path) -> None:
    """The running version knows nothing of the new columns, and need not."""
    migrate.upgrade(database, EXPAND, versions=versions)
    engine = sa.create_engine(database.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL ROLE jeondan_system"))
        add_product(lambda statement, **values: connection.execute(sa.text(statement), values), uuid.uuid4())
    assert count(database, "label IS NULL") == 1


def test_what_is_prepared_outlives_new_columns_because_columns_are_named(process: None, database: str, versions: Path) -> None:
    """A prepared `SELECT *` fails from then on, on every connection that has it: until the process is started again."""
    pooled, workspace = session.database(), uuid.uuid4()

    def ask(statement: str | None) -> None:
        with pooled.write(workspace) as tx:
            if statement:
                tx.rows(statement)
            else:
                assert send.wait_for_batch(tx, workspace) is None and send.get_batch(tx, workspace) is None

    for _ in range(8):
        ask(None)
        ask("SELECT b.* FROM batches b")
    migrate.upgrade(database, EXPAND, versions=versions)
    ask(None)
    with pytest.raises(sa.exc.NotSupportedError, match="cached plan must not change result type"):
        ask("SELECT b.* FROM batches b")

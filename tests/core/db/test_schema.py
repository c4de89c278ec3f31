"""The schema: migrations and tables.py agree, go up and down, and no row is visible without its workspace."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from core.db import migrate, tables
from core.db.ids import new_id
from core.db.session import Database
from core.settings import Settings
from tests import stack as parts


def engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.NullPool)


def test_migrations_make_what_tables_py_says(database: str) -> None:
    with engine(database).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda thing, name, kind, *_: not (kind == "table" and name[-8:-4].startswith("_20"))},
        )
        differences = compare_metadata(context, tables.metadata)
    assert differences == []


def test_up_down_up(postgres_url: str, superuser_url: str) -> None:
    url = parts.create(postgres_url, "updown")
    try:
        migrate.upgrade(url)
        assert migrate.pending(url) == []
        migrate.downgrade(url, "base")
        assert migrate.pending(url) != []
        migrate.upgrade(url)
        migrate.upgrade(url)
        assert migrate.pending(url) == []
    finally:
        parts.drop(superuser_url, "updown")


def test_every_tenant_table_forces_row_security(database: str) -> None:
    with engine(database).connect() as connection:
        open_tables = connection.execute(
            sa.text(
                "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'"
                " AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)"
            )
        ).scalars()
        assert set(open_tables) == {"alembic_version", "worker_processes", "house_checks"}


def test_the_login_role_is_no_superuser_and_sees_nothing_by_itself(settings: Settings) -> None:
    database = Database(settings)
    mine = new_id()
    with database.system() as tx:
        add_product(tx.run, mine)
    with database.owner() as tx:
        assert tx.value("SELECT usesuper FROM pg_user WHERE usename = current_user") is False
        assert tx.value("SELECT count(*) FROM products") == 0
    database.dispose()


@pytest.mark.parametrize("table", [table.name for table in tables.TENANT])
def test_a_query_sees_only_its_workspace(settings: Settings, table: str) -> None:
    database = Database(settings)
    column = "id" if table == "workspaces" else "workspace_id"
    with database.write(new_id()) as tx:
        assert tx.value(f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL") == 0
    database.dispose()


def test_rows_of_another_workspace_are_neither_read_nor_written(settings: Settings) -> None:
    database = Database(settings)
    mine, other = new_id(), new_id()
    with database.write(mine) as tx:
        add_product(tx.run, mine)
    with database.write(other) as tx:
        assert tx.value("SELECT count(*) FROM products") == 0
        assert tx.run("UPDATE products SET name = 'x'") == 0
    with pytest.raises(sa.exc.ProgrammingError, match="row-level security"), database.write(other) as tx:
        add_product(tx.run, mine)
    with database.write(mine) as tx:
        assert tx.value("SELECT count(*) FROM products") == 1
    database.dispose()


def add_product(run, workspace) -> None:
    run(
        "INSERT INTO workspaces (id, data_key, lookup_key, created_at) VALUES (:id, '', '', now()) ON CONFLICT DO NOTHING",
        id=workspace,
    )
    run(
        "INSERT INTO products (id, workspace_id, name, price_krw, created_at, updated_at)"
        " VALUES (:id, :workspace, '원두', 1000, now(), now())",
        id=new_id(),
        workspace=workspace,
    )

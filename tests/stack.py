"""The stack of a test run: real PostgreSQL, Valkey and object storage in a folder of its own, gone afterwards."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.postgres import ROLE, Postgres
from deploy.local.stack import Stack

TEMPLATE = "jeondan_template"


@contextmanager
def folder() -> Iterator[Path]:
    """A data directory outside the checkout; readable, because PostgreSQL may have to run as nobody."""
    made = Path(tempfile.mkdtemp(prefix="jeondan-tests-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running() -> Iterator[Stack]:
    """The three parts, started together; whatever the environment names is left alone."""
    with folder() as var, Stack(var, environment={}, durable=False) as stack:
        with psycopg.connect(postgres(stack).superuser_url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(ROLE)))
        yield stack


def postgres(stack: Stack) -> Postgres:
    """The PostgreSQL of this stack."""
    return next(part for part in stack.parts if isinstance(part, Postgres))


def named(url: str, database: str) -> str:
    """The same server, another database."""
    return f"{url.rpartition('/')[0]}/{database}"


def create(url: str, database: str, template: str = "template1") -> str:
    """Make a database as the login role; its URL."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
        sql.Identifier(database), sql.Identifier(template), sql.SQL("file_copy")
    )
    with psycopg.connect(named(url, "postgres"), autocommit=True) as connection:
        connection.execute(statement)
    return named(url, database)


def drop(superuser_url: str, database: str) -> None:
    """Remove a database, whoever is still connected; as superuser, because whoever is only just arriving has no role yet."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))


@contextmanager
def copied(url: str, superuser_url: str) -> Iterator[str]:
    """A fresh copy of the migrated template, for one test."""
    database = f"test_{uuid.uuid4().hex[:12]}"
    try:
        yield create(url, database, TEMPLATE)
    finally:
        drop(superuser_url, database)


def forget_environment(names: set[str]) -> None:
    """A test must not see the variables of the developer's own shell."""
    for name in names:
        os.environ.pop(name, None)

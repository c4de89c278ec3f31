"""A cluster that keeps its log, a bucket of backups, and a pair of keys."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyrage
import pytest

from core.db import migrate
from deploy.backup import role
from deploy.backup.settings import Settings
from deploy.backup.store import Store
from deploy.local.pgbinaries import Runner
from deploy.local.stack import Stack
from tests import stack as parts
from tests.archiving import archiving


@dataclass
class Site:
    """One place with a database and where its backups go."""

    stack: Stack
    settings: Settings
    store: Store
    var: Path

    @property
    def superuser_url(self) -> str:
        return parts.named(parts.postgres(self.stack).superuser_url, "jeondan")

    @property
    def runner(self) -> Runner:
        data = parts.postgres(self.stack).data
        from deploy.local.pgbinaries import Binaries

        return Runner.choose(Binaries.find(), data)

    def archiving(self) -> AbstractContextManager[None]:
        """The log flows into the bucket inside the `with`; all of it is there afterwards."""
        return archiving(self.settings, self.store, self.var / "spool", print)

    def ask(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    secret = pyrage.x25519.Identity.generate()
    return str(secret.to_public()), str(secret)


@pytest.fixture(scope="module")
def site(keys: tuple[str, str]) -> Iterator[Site]:
    with parts.folder() as var, Stack(var, environment={}, durable=True) as stack:
        postgres, told = parts.postgres(stack), stack.environment()
        migrate.upgrade(postgres.url)
        role.make(postgres.superuser_url, "jeondan", "backup-password")
        url = f"postgresql://{role.NAME}:backup-password@127.0.0.1:{postgres.port}/jeondan"
        values = {name.lower(): told[name] for name in ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        settings = Settings(backup_database_url=url, backup_key=keys[0], backup_identity=keys[1], **values)
        store = Store(settings)
        store.prepare()
        yield Site(stack, settings, store, var)


@pytest.fixture
def said() -> tuple[list[str], Callable[[str], object]]:
    lines: list[str] = []
    return lines, lines.append

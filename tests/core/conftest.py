"""Fixtures of the core tests: a database and a process environment of this test's own."""

from collections.abc import Iterator

import pytest

from core import cache, images, jobs, settings
from core.db import accounts, session


@pytest.fixture
def process(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process has the environment of a product process, and nothing of an earlier test."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget()
    yield
    session.database().dispose()
    forget()


def forget() -> None:
    for cached in (settings.load, session.database, jobs.broker, images.storage, accounts.keyring, cache.cache):
        cached.cache_clear()
    accounts._keys.clear()

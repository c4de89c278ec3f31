"""Fixtures of the server tests: this process as a server on a kernel-given port, and shops that talk to it."""

from collections.abc import Iterator

import grpc
import pytest

from core import cache, images, jobs, settings
from core.db import accounts, session
from server import listing
from server.main import Server
from tests.server import shop as shops


@pytest.fixture
def process(environment: dict[str, str], fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process has the environment of a product process, and nothing of an earlier test."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    forget()
    yield
    cache.cache().close()
    session.database().dispose()
    jobs.broker().close()
    forget()


def forget() -> None:
    for cached in (settings.load, session.database, jobs.broker, images.storage, accounts.keyring, cache.cache, listing._key):
        cached.cache_clear()
    accounts._keys.clear()


@pytest.fixture
def server(process: None) -> Iterator[Server]:
    """A server in this process."""
    running = Server(settings.load(), port=0, host="127.0.0.1")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    with shops.connected(server.port) as opened:
        yield opened


@pytest.fixture
def shop(channel: grpc.Channel) -> shops.Shop:
    return shops.open_shop(channel)


@pytest.fixture
def other(channel: grpc.Channel) -> shops.Shop:
    """A second merchant on the same server."""
    return shops.open_shop(channel, "가을서점")

"""A merchant that can send: a provider sandbox, a sender number, and this process as a worker at noon."""

from collections.abc import Iterator

import pytest

from core.db import accounts
from core.db.session import database
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import accounts as providers
from workers import liveness


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engine.Sandbox]:
    with engine.sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def environment(environment: dict[str, str], sandbox: engine.Sandbox) -> dict[str, str]:
    sandbox.reset()
    return {**environment, "ALIGO_SMS_URL": sandbox.url, "ALIGO_TESTMODE": "N"}


@pytest.fixture
def worker(shop: Shop, sandbox: engine.Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process works, too, at noon."""
    providers._kept.clear(), providers._base_urls.cache_clear()
    engine.Time(sandbox, monkeypatch).at(12)
    liveness.begin("test")
    yield
    liveness.end()


@pytest.fixture
def sender(shop: Shop) -> str:
    """A shop that can send: its sender number."""
    with database().write(shop.workspace) as tx:
        accounts.add_provider_account(
            tx,
            shop.workspace,
            "aligo",
            {"key": engine.KEY, "user_id": engine.USER},
            settle_seconds=2,
            poll_seconds=[1],
            certificate="TEST-1",
        )
        return str(accounts.add_sender_number(tx, shop.workspace, engine.SENDER))

"""Fixtures of the engine tests: this process as a worker, against the real database, queues, storage and sandbox."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from core import images, jobs, settings, slots
from core.db import accounts, session
from tests.workers import shop as shops
from tests.workers.desk import Desk, endpoint
from tests.workers.providers.cases import Stage, stage
from workers import accounts as providers
from workers import alerts, liveness, recipients


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[shops.Sandbox]:
    with shops.sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(sandbox_process: shops.Sandbox) -> shops.Sandbox:
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture(autouse=True)
def logs() -> Iterator[shops.Logs]:
    """What was logged; an error that a test did not expect fails it, whoever swallowed it."""
    with capture_logs() as entries:
        kept = shops.Logs(entries)
        yield kept
    assert kept.unexpected() == []


@pytest.fixture
def time(sandbox: shops.Sandbox, monkeypatch: pytest.MonkeyPatch) -> shops.Time:
    """The clock of this process and of the provider, to be moved; it is noon in Korea when `worker` is ready."""
    return shops.Time(sandbox, monkeypatch)


@pytest.fixture
def worker(
    environment: dict[str, str], sandbox: shops.Sandbox, fresh_redis: str, monkeypatch: pytest.MonkeyPatch, time: shops.Time
) -> Iterator[None]:
    """This process becomes a worker of the product: settings from the environment, a database of its own, a heart."""
    for name, value in {
        **environment,
        "ALIGO_SMS_URL": sandbox.url,
        "ALIGO_KAKAO_URL": sandbox.url,
        "SOLAPI_URL": sandbox.url,
        "ALIGO_TESTMODE": "N",
    }.items():
        monkeypatch.setenv(name, value)
    forget()
    settings.load()  # sets the clock to what the environment says
    time.at(12)
    liveness.begin("test")
    yield
    liveness.end()
    session.database().dispose()
    jobs.broker().close()
    forget()


def forget() -> None:
    """Nothing of an earlier test's process state stays."""
    for cached in (
        settings.load,
        session.database,
        jobs.broker,
        images.storage,
        slots.slots,
        accounts.keyring,
        providers._base_urls,
        recipients._letters,
        alerts.channels,
    ):
        cached.cache_clear()
    accounts._keys.clear()
    providers._kept.clear()


@pytest.fixture
def shop(worker: None) -> shops.Shop:
    return shops.open_shop()


@pytest.fixture
def receiver() -> Iterator[Stage]:
    """The merchant's own system, to which webhooks are posted."""
    with stage() as scene:
        yield scene


@pytest.fixture
def waiting(shop: shops.Shop, receiver: Stage) -> Desk:
    """An endpoint with one delivery to make."""
    desk = endpoint(shop, receiver.url)
    shop.customers(2)
    shop.run(shop.campaign())
    desk.sweep()
    return desk

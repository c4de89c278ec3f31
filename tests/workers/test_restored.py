"""After a restore: nothing leaves a database that was put back, until a person has said so."""

from collections.abc import Iterator

import psycopg
import pytest

from core import clock
from core.settings import load
from deploy.backup import hold
from tests.workers.shop import Sandbox, Shop


@pytest.fixture
def restored(shop: Shop) -> Iterator[str]:
    """The database of this test says that it was restored, as `make restore` leaves it."""
    url = load().database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        assert hold.begin(connection, clock.now())
    yield url


def test_nothing_leaves_a_restored_database_and_nobody_is_lost(shop: Shop, sandbox: Sandbox, restored: str) -> None:
    shop.customers(5)
    campaign = shop.campaign()
    shop.plan(campaign)
    found = shop.deliver(campaign)
    assert (found["planned"], found["accepted"]) == (5, 0)
    assert sandbox.stats()["accepted_messages"] == 0
    with psycopg.connect(restored, autocommit=True) as connection:
        connection.execute("DROP TABLE restored")
    assert shop.deliver(campaign)["accepted"] == 5

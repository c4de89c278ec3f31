"""After a restore: nothing leaves a database that was put back, until a person has said so."""

from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest

from core import clock
from core.db import optouts
from core.db.session import database
from core.settings import load
from deploy.backup import hold, news
from tests import stack as parts
from tests.workers import conftest
from tests.workers.shop import Sandbox, Shop
from workers import liveness, restored_lost
from workers import restored as restoring


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


class Past:
    """The database as it was at one moment, to go back to."""

    def __init__(self, superuser_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._superuser, self._monkeypatch = superuser_url, monkeypatch
        self._url = load().database_url.replace("+psycopg", "")
        self._name = self._url.rpartition("/")[2]
        self.moment: datetime = clock.now()
        liveness.end()
        database().dispose()
        self._copy = parts.create(self._url, f"{self._name}_past", self._name)
        liveness.begin("test")

    def back(self, *, with_news: bool = True) -> None:
        """As `make restore` does: the older database, held, with what the newer one knows beside it."""
        with psycopg.connect(parts.named(self._superuser, self._name)) as newest:
            told = news.read(newest, self.moment) if with_news else []
        liveness.end()
        database().dispose()
        self._monkeypatch.setenv("DATABASE_URL", self._copy)
        noon = clock._offset
        conftest.forget()
        load()
        clock.shift(noon)  # to the microsecond: a clock that goes back makes nothing due
        liveness.begin("test")
        with psycopg.connect(parts.named(self._superuser, self._copy.rpartition("/")[2]), autocommit=True) as older:
            assert hold.begin(older, self.moment)
            news.write(older, hold.owner(older) or "", told)

    def gone(self) -> None:
        liveness.end()
        database().dispose()
        parts.drop(self._superuser, self._copy.rpartition("/")[2])


@pytest.fixture
def past(shop: Shop, superuser_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Past]]:
    made: list[Past] = []

    class Made(Past):
        def __init__(self) -> None:
            super().__init__(superuser_url, monkeypatch)
            made.append(self)

    yield Made
    for one in made:
        one.gone()


@pytest.mark.parametrize("provider", ["aligo", "solapi"])
def test_what_left_after_the_restored_moment_is_asked_about_and_never_sent_again(
    shop: Shop, sandbox: Sandbox, past: type[Past], provider: str
) -> None:
    shop.customers(5)
    routes = {} if provider == "aligo" else {"routes": [shop.route(shop.second(), "solapi")]}
    campaign = shop.campaign(**routes)
    shop.plan(campaign)
    before = past()
    assert shop.deliver(campaign)["accepted"] == 5
    before.back()
    assert shop.counters(campaign)["planned"] == 5
    found = restoring.take_in(clock.now())
    assert found["call to ask about"] == 1
    assert shop.counters(campaign)["unknown"] == 5
    assert restoring.ask_providers(30) == 0
    assert shop.deliver(campaign)["accepted"] == 5
    assert sandbox.stats()["accepted_messages"] == 5
    assert restoring.take_in(clock.now())["call known"] == 1


def test_what_no_log_carried_away_is_found_in_the_list_of_the_provider(shop: Shop, sandbox: Sandbox, past: type[Past]) -> None:
    shop.customers(5)
    campaign = shop.campaign()
    shop.plan(campaign)
    before = past()
    assert shop.deliver(campaign)["accepted"] == 5
    before.back(with_news=False)
    assert restored_lost.come_in(before.moment, clock.now()) == {"lost call to ask about": 1}
    assert shop.counters(campaign)["unknown"] == 5
    assert restoring.ask_providers(30) == 0
    assert shop.counters(campaign)["accepted"] == 5
    assert restored_lost.come_in(before.moment, clock.now()) == {}
    with database().owner() as tx:
        restoring.restored.free(tx)
    shop.deliver(campaign)
    assert sandbox.stats()["accepted_messages"] == 5


def test_a_call_with_another_text_to_the_same_people_is_another_campaigns(shop: Shop, sandbox: Sandbox, past: type[Past]) -> None:
    shop.customers(5)
    waiting, other = shop.campaign(), shop.campaign("(광고)[봄날커피] 다른 이야기\n무료거부0801234567")
    shop.plan(waiting)
    before = past()
    shop.run(other)
    before.back(with_news=False)
    assert restored_lost.come_in(before.moment, clock.now()) == {}
    assert shop.counters(waiting)["planned"] == 5


def test_whoever_said_no_after_the_restored_moment_has_still_said_no(shop: Shop, sandbox: Sandbox, past: type[Past]) -> None:
    phones = shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    before = past()
    with database().write(shop.workspace) as tx:
        said = optouts.of_contacts(tx, [shop.value("SELECT min(id) FROM contacts")], "by phone", clock.now())
        optouts.say_no(tx, optouts.Way(shop.workspace, "MANUAL"), said, clock.now())
    before.back()
    assert shop.value("SELECT count(*) FROM suppressions") == 0
    assert restoring.take_in(clock.now())["no"] == 1
    restoring.take_in(clock.now())
    assert shop.value("SELECT count(*) FROM optouts") == 1
    with database().owner() as tx:
        restoring.restored.free(tx)
    assert shop.deliver(campaign)["accepted"] == 2
    assert phones[0] not in {one["receiver"] for one in sandbox.log()}

"""A real primary with a streaming replica: who is asked when the primary falls, and that nobody waits for one that hangs."""

import threading
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from core.db import accounts
from core.db.ids import new_id
from core.db.session import Away, Database, Tx
from core.settings import Settings
from tests import pair as pairs
from tests.core.conftest import forget
from tests.deploy.local.waiting import until
from tests.pair import Pair


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with pairs.running() as running:
        yield running


@pytest.fixture
def opened(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Database]]:
    for name, value in pair.stack.environment().items():
        monkeypatch.setenv(name, value)
    forget()
    made: list[Database] = []

    def open_(url: str, replica: str = "") -> Database:
        told = {**pair.stack.environment(), "DATABASE_URL": url, "DATABASE_REPLICA_URL": replica}
        made.append(Database(Settings.model_validate({name.lower(): value for name, value in told.items()})))
        return made[-1]

    yield open_
    for database in made:
        database.dispose()
    forget()


def shop(database: Database, name: str) -> UUID:
    workspace = new_id()
    with database.write(workspace) as tx:
        accounts.create_workspace(tx, name, workspace=workspace)
    return workspace


def where(tx: Tx) -> str:
    return "replica" if tx.value("SELECT pg_is_in_recovery()") else "primary"


def test_reads_go_on_and_writes_say_why_while_the_primary_is_dead(pair: Pair, opened: Callable[..., Database]) -> None:
    database = opened(pair.primary.url, pair.replica.url)
    workspace = shop(database, "꽃집")
    assert database.look(workspace, where) == "primary", "whoever has written sees it"
    pair.follow()
    pair.kill()
    assert database.look(workspace, where) == "replica", "at once, on the connection that broke"
    assert database.look(workspace, lambda tx: accounts.workspace_row(tx, workspace).name) == "꽃집"
    assert database.look_across(where) == "replica"
    with pytest.raises(Away) as refused:
        shop(database, "빵집")
    assert (refused.value.reason, refused.value.retry_seconds) == ("READ_ONLY", 5.0)
    until(lambda: database.primary.away)
    with pytest.raises(Away), database.read(workspace):
        pass
    pair.back()
    until(lambda: not database.primary.away)
    assert database.look(shop(database, "빵집"), where) == "primary"


def test_a_primary_that_hangs_holds_nobody_up(pair: Pair, opened: Callable[..., Database]) -> None:
    database = opened(pair.primary.url, pair.replica.url)
    workspace = shop(database, "꽃집")
    pair.follow()
    refused: list[Away] = []

    def long_write() -> None:
        try:
            with database.write(workspace) as tx:
                tx.run("SELECT pg_sleep(600)")
        except Away as away:
            refused.append(away)

    writing = threading.Thread(target=long_write)
    writing.start()
    time.sleep(2 * 1.5)  # longer than a silence that makes it ask: whoever only works long is left alone
    assert not refused and not database.primary.away
    with pair.frozen():
        assert database.look(workspace, where) == "replica"
        writing.join(60)
        assert [away.reason for away in refused] == ["READ_ONLY"]
        assert database.primary.away
    until(lambda: not database.primary.away)
    shop(database, "빵집")


def test_what_is_only_shown_cannot_write(pair: Pair, opened: Callable[..., Database]) -> None:
    workspace = new_id()
    with pytest.raises(Away):
        opened(pair.primary.url).look(workspace, lambda tx: accounts.create_workspace(tx, "꽃집", workspace=workspace))


def test_without_a_replica_everything_waits_for_the_primary(pair: Pair, opened: Callable[..., Database]) -> None:
    database = opened(pair.primary.url)
    workspace = shop(database, "꽃집")
    pair.kill()
    for ask in (lambda: database.look(workspace, where), lambda: shop(database, "빵집")):
        with pytest.raises(Away) as refused:
            ask()
        assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"
    pair.back()
    until(lambda: not database.primary.away)
    assert database.look(workspace, where) == "primary"


def test_a_promoted_replica_takes_over_under_the_same_address(pair: Pair, opened: Callable[..., Database]) -> None:
    """The last one here: there is no way back."""
    database = opened(pair.either, pair.replica.url)
    pair.replica.synchronous()
    kept = [shop(database, f"가게 {number}") for number in range(20)]
    pair.kill()
    with pytest.raises(Away):
        shop(database, "늦은 가게")
    pair.replica.promote()
    until(lambda: not database.primary.away)
    kept.append(shop(database, "다음 가게"))
    for workspace in kept:
        assert database.look(workspace, lambda tx, workspace=workspace: accounts.workspace_row(tx, workspace)) is not None
    assert database.look(kept[0], where) == "primary"

"""Slots: limits of an account hold for all processes together, a dead holder's slot comes back, and without Redis less goes."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import redis

from core import slots as module
from core.settings import Settings
from core.slots import PART, Slots


@pytest.fixture
def two(settings: Settings, fresh_redis: str) -> Iterator[tuple[Slots, Slots]]:
    """Two processes."""
    first, second = Slots(settings), Slots(settings)
    yield first, second
    first.close(), second.close()


def test_all_processes_together_stay_below_the_limit(two: tuple[Slots, Slots]) -> None:
    account = uuid4()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda at: two[at % 2].take(account, 5, 1000), range(40)))
    assert sum(holder is not None for holder in taken) == 5
    held = next(holder for holder in taken if holder)
    two[1].give_back(account, held)
    two[1].give_back(account, held)
    assert two[0].take(account, 5, 1000)
    assert two[0].take(account, 5, 1000) is None, "giving back twice frees one"


def test_each_account_has_its_own(two: tuple[Slots, Slots]) -> None:
    one, other = uuid4(), uuid4()
    assert two[0].take(one, 1, 1000) and two[0].take(other, 1, 1000)
    assert two[0].take(one, 1, 1000) is None


def test_no_more_begin_within_a_second_than_allowed(two: tuple[Slots, Slots], fresh_redis: str) -> None:
    account = uuid4()
    with redis.Redis.from_url(fresh_redis) as client:
        begun = client.time()[0]
        taken = [two[at % 2].take(account, 1000, 3) is not None for at in range(50)]
        seconds = client.time()[0] - begun + 1  # the loop may run into the next one
    assert 3 <= sum(taken) <= 3 * seconds


def test_a_living_holder_keeps_its_slot(two: tuple[Slots, Slots], fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    account = uuid4()
    monkeypatch.setattr(module, "HELD_MS", 60_000)
    held = two[0].take(account, 1, 1000)
    assert held
    with redis.Redis.from_url(fresh_redis) as client:
        soon = client.time()[0] * 1000 + 5_000
        client.zadd(f"jeondan:slots:{account}", {held: soon})
        two[1].renew()
        assert client.zscore(f"jeondan:slots:{account}", held) == soon, "not its own"
        two[0].renew()
        assert client.zscore(f"jeondan:slots:{account}", held) > soon + 30_000
        two[0].give_back(account, held)
        two[0].renew()
        assert client.zcard(f"jeondan:slots:{account}") == 0


def test_without_redis_nothing_is_renewed_and_nobody_stumbles(two: tuple[Slots, Slots], monkeypatch: pytest.MonkeyPatch) -> None:
    account = uuid4()
    assert two[0].take(account, 1, 1000)

    def gone(**_: object) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr(two[0], "_renew", gone)
    two[0].renew()


def test_the_slot_of_a_holder_that_died_comes_back(two: tuple[Slots, Slots], monkeypatch: pytest.MonkeyPatch) -> None:
    account = uuid4()
    monkeypatch.setattr(module, "HELD_MS", 30)
    assert two[0].take(account, 1, 1000)
    until = time.monotonic() + 10
    while not two[1].take(account, 1, 1000):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_without_redis_each_process_allows_itself_a_small_part(settings: Settings) -> None:
    alone = Slots(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    account = uuid4()
    taken = [alone.take(account, 2 * PART, 1000) for _ in range(10)]
    assert [holder is not None for holder in taken] == [True, True] + [False] * 8
    alone.give_back(account, taken[0])
    alone.give_back(account, taken[0])
    assert alone.take(account, 2 * PART, 1000)
    assert alone.take(account, 2 * PART, 1000) is None
    assert alone.take(uuid4(), 1, 1), "at least one, or nothing would ever go"
    slow = uuid4()
    begun = [alone.take(slow, 1000, 3 * PART) for _ in range(9)]
    assert sum(holder is not None for holder in begun) == 3
    alone.close()

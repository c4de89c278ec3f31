"""The cache against the real Valkey: read through, signed, counted; and without it."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.cache import Cache, _name
from core.settings import Settings


@pytest.fixture
def kept(settings: Settings, fresh_redis: str) -> Iterator[Cache]:
    made = Cache(settings)
    yield made
    made.close()


@pytest.fixture
def away(settings: Settings) -> Iterator[Cache]:
    """Nobody listens there."""
    made = Cache(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"}))
    yield made
    made.close()


class Source:
    def __init__(self, *values: Any) -> None:
        self.values, self.asked = list(values), 0

    def __call__(self) -> Any:
        self.asked += 1
        return self.values.pop(0)


def test_the_source_is_asked_once_until_forgotten(kept: Cache) -> None:
    source = Source({"role": "OWNER"}, {"role": "VIEWER"})
    assert [kept.read_through("k", source) for _ in range(3)] == [{"role": "OWNER"}] * 3
    kept.forget("k")
    assert kept.read_through("k", source) == {"role": "VIEWER"}
    assert source.asked == 2


def test_nothing_found_is_not_kept(kept: Cache) -> None:
    source = Source(None, {"a": 1})
    assert [kept.read_through("k", source) for _ in range(2)] == [None, {"a": 1}]


def test_a_value_lives_as_long_as_the_shorter_limit(kept: Cache) -> None:
    kept.read_through("long", Source(1))
    kept.read_through("short", Source(1), most_seconds=15)
    assert 15 < kept._client.ttl(_name("long")) <= 300
    assert 0 < kept._client.ttl(_name("short")) <= 15


def test_a_ttl_of_zero_switches_it_off(settings: Settings, fresh_redis: str) -> None:
    off = Cache(settings.model_copy(update={"cache_ttl_seconds": 0}))
    source = Source(1, 2)
    assert [off.read_through("k", source), off.read_through("k", source)] == [1, 2]
    off.close()


@pytest.mark.parametrize("forged", [b"", b"x", b"0" * 16 + b'{"role":"OWNER"}', b"not json at all, and long enough"])
def test_a_value_somebody_else_wrote_is_not_believed(kept: Cache, forged: bytes) -> None:
    kept._client.set(_name("k"), forged)
    assert kept.read_through("k", Source("true")) == "true"


def test_a_value_moved_to_another_key_is_not_believed(kept: Cache) -> None:
    kept.read_through("mine", Source({"role": "OWNER"}))
    kept._client.rename(_name("mine"), _name("theirs"))
    assert kept.read_through("theirs", Source({"role": "VIEWER"})) == {"role": "VIEWER"}


def test_keys_and_values_say_nothing_about_people(kept: Cache) -> None:
    kept.count("sign-in:owner@example.com", 60)
    kept.read_through("key:abc", Source(1))
    keys = list(kept._client.scan_iter())
    assert len(keys) == 2
    assert all(key.startswith(b"jeondan:cache:") and b"@" not in key and b"abc" not in key for key in keys)


def test_counting_begins_a_window(kept: Cache) -> None:
    assert [kept.count("c", 900) for _ in range(3)] == [1, 2, 3]
    assert 0 < kept._client.ttl(_name("c")) <= 900
    kept.forget("c")
    assert kept.count("c", 900) == 1


def test_without_redis_it_reads_the_source_and_counts_here(away: Cache) -> None:
    source = Source(1, 2)
    assert [away.read_through("k", source), away.read_through("k", source)] == [1, 2]
    assert [away.count("c", 900) for _ in range(3)] == [1, 2, 3]
    away.forget("c")
    assert away.count("c", 900) == 1
    assert away.count("gone", 0) == away.count("gone", 0) == 1


def test_after_redis_was_silent_it_is_left_alone_for_a_moment(away: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    away.read_through("k", Source(1))
    asked: list[str] = []
    monkeypatch.setattr(away._client, "get", lambda name: asked.append(name))
    away.read_through("k", Source(1))
    assert asked == []
    away._silent_until = 0.0
    away.read_through("k", Source(1))
    assert len(asked) == 1

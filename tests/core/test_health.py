"""A worker's door: alive is no promise about others, what is needed is told truly, also when it hangs without a word."""

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core import cache, images, settings
from core.health import SILENT, Door, Pulse
from deploy.local import process
from deploy.local.stack import Stack


@pytest.fixture
def door(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for cached in (settings.load, cache.cache, images.storage):
        cached.cache_clear()
    monkeypatch.setattr("core.health.PERIOD", 0.1)
    monkeypatch.setattr("core.health.STALE", 1.0)
    opened = Door(settings.load(), 0, Pulse())
    yield opened
    opened.close()
    cache.cache().close()
    for cached in (settings.load, cache.cache, images.storage):
        cached.cache_clear()


def ask(door: Door, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{door.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(door: Door, code: int, status: str, bad: set[str]) -> None:
    """`/health` says so in the end."""
    for _ in range(600):
        said, text = ask(door, "/health")
        document = json.loads(text)
        if (said, document["status"]) == (code, status) and bad == {k for k, v in document["checks"].items() if v != "healthy"}:
            return
        time.sleep(0.05)
    raise AssertionError(document)


@contextmanager
def hung(stack: Stack, name: str) -> Iterator[None]:
    """Every process of this part stands still: it takes connections, and never answers."""
    family = process.family([stack.supervisor.pid(name)], process.table())
    process.send(family, signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(family, signal.SIGCONT)


def test_all_is_well(door: Door) -> None:
    until(door, 200, "healthy", set())
    assert ask(door, "/livez") == (200, "ok")
    assert 'jeondan_dependency_up{dependency="s3"} 1.0' in ask(door, "/metrics")[1]
    assert ask(door, "/else")[0] == 404


@pytest.mark.parametrize(
    ("part", "named", "code", "status"),
    [(0, "s3", 200, "degraded"), (1, "redis", 200, "degraded"), (2, "database", 503, "unhealthy")],
)
def test_a_part_that_hangs_is_told_and_hides_no_other(
    door: Door, stack: Stack, part: int, named: str, code: int, status: str
) -> None:
    until(door, 200, "healthy", set())
    with hung(stack, stack.parts[part].name):
        until(door, code, status, {named})
        assert ask(door, "/livez") == (200, "ok")
        assert f'jeondan_dependency_up{{dependency="{named}"}} 0.0' in ask(door, "/metrics")[1]
    until(door, 200, "healthy", set())


def test_a_loop_that_hangs_is_not_alive(door: Door) -> None:
    door._pulse._last -= SILENT
    assert ask(door, "/livez") == (503, "hangs")
    door._pulse.beat()
    assert ask(door, "/livez") == (200, "ok")

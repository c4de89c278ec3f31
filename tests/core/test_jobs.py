"""Jobs: identifiers only, each in its lane; and what happens without Redis."""

import inspect
import json
import socket
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from core import jobs


@pytest.fixture
def queues(process: None, fresh_redis: str) -> Iterator[None]:
    yield
    jobs.broker().close()


def waiting(lane: str) -> list[dict[str, Any]]:
    return [json.loads(message) for message in jobs.broker().client.hgetall(f"dramatiq:{lane}.msgs").values()]


ONE = [name for name in jobs.JOBS if name != "deliver_batch"]


@pytest.mark.parametrize("name", ONE)
def test_a_job_waits_in_its_lane_with_identifiers_only(queues: None, name: str) -> None:
    workspace, thing = uuid4(), uuid4()
    getattr(jobs, name)(workspace, thing)
    (message,) = waiting(jobs.JOBS[name])
    assert (message["actor_name"], message["args"], message["kwargs"]) == (name, [str(workspace), str(thing)], {})
    assert jobs.depths()[jobs.JOBS[name]] == 1


def test_every_batch_is_a_job_of_its_own(queues: None) -> None:
    batches = [uuid4() for _ in range(3)]
    jobs.deliver_batches(uuid4(), batches)
    assert {message["args"][1] for message in waiting(jobs.BULK)} == set(map(str, batches))


def test_every_job_has_a_function_that_takes_identifiers() -> None:
    for name in ONE:
        parameters = list(inspect.signature(getattr(jobs, name)).parameters.values())
        assert [parameter.annotation for parameter in parameters] == [UUID, UUID], name
    assert set(jobs.JOBS.values()) <= set(jobs.LANES)


def test_without_redis_nothing_is_raised_because_the_row_is_there(process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    for cached in (jobs.load, jobs.broker):
        cached.cache_clear()
    jobs.check_image(uuid4(), uuid4())
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):
        jobs.ping()
    jobs.broker.cache_clear()


def test_a_redis_that_hangs_is_asked_once_for_many_jobs(process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
        for cached in (jobs.load, jobs.broker):
            cached.cache_clear()
        monkeypatch.setattr(jobs, "_REST", 600.0)
        jobs.deliver_batches(uuid4(), [uuid4() for _ in range(50)])
        assert jobs.depth(jobs.BULK) == 0
        jobs.check_image(uuid4(), uuid4())
        mute.setblocking(False)
        asked, _ = mute.accept()
        asked.close()
        with pytest.raises(BlockingIOError):
            mute.accept()
    jobs.broker().close()
    jobs.broker.cache_clear()

"""Jobs: identifiers only, each in its lane; and what happens without Redis."""

import inspect
import json
import socket
from collections.abc import Iterator
from itertools import takewhile
from typing import Any
from uuid import UUID, uuid4

import dramatiq
import pytest
import redis

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


def handed_out(consumer: Any, most: int = 50) -> list[Any]:
    """What it gives at once: up to the first time that it would wait."""
    return list(takewhile(lambda message: message is not None, (next(consumer) for _ in range(most))))


def in_hand() -> int:
    (key,) = jobs.broker().client.keys("dramatiq:__acks__.*.bulk") or (b"none",)
    return int(jobs.broker().client.scard(key))


def test_jobs_are_fetched_again_once_a_handful_is_done_and_ended_together(queues: None) -> None:
    jobs.deliver_batches(uuid4(), [uuid4() for _ in range(12)])
    consumer = jobs.broker().consume(jobs.BULK, prefetch=6)
    first = handed_out(consumer)
    assert len(first) == 6
    for message in first[:3]:
        consumer.ack(message)
    assert handed_out(consumer) == []  # three are done: too few to go for
    consumer.ack(first[3])
    assert len(handed_out(consumer)) == 4
    assert (in_hand(), len(waiting(jobs.BULK))) == (6, 8)  # four are over, two wait in the lane


def test_a_consumer_that_leaves_ends_what_is_done_and_gives_back_the_rest(queues: None) -> None:
    jobs.deliver_batches(uuid4(), [uuid4() for _ in range(3)])
    consumer = jobs.broker().consume(jobs.BULK, prefetch=6)
    first = handed_out(consumer)
    consumer.ack(first[0])
    consumer.requeue(first[1:])
    consumer.close()
    assert (in_hand(), len(waiting(jobs.BULK)), jobs.depth(jobs.BULK)) == (0, 2, 2)


def test_what_redis_did_not_hear_of_it_hears_from_the_next_consumer(queues: None, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs.deliver_batches(uuid4(), [uuid4()])
    consumer = jobs.broker().consume(jobs.BULK, prefetch=6)
    (message,) = handed_out(consumer)
    consumer.ack(message)
    with monkeypatch.context() as away, socket.create_server(("127.0.0.1", 0)) as mute:
        nobody = redis.Redis(port=mute.getsockname()[1], socket_timeout=0.1)
        away.setattr(jobs.broker()._end, "registered_client", nobody)
        with pytest.raises(dramatiq.errors.BrokerConnectionError):
            next(consumer)
        consumer.close()
        nobody.close()
    assert in_hand() == 1
    assert handed_out(jobs.broker().consume(jobs.BULK, prefetch=6)) == []
    assert (in_hand(), waiting(jobs.BULK)) == (0, [])


def test_a_job_that_was_given_to_somebody_else_meanwhile_is_not_ended(queues: None) -> None:
    jobs.deliver_batches(uuid4(), [uuid4()])
    consumer = jobs.broker().consume(jobs.BULK, prefetch=6)
    (message,) = handed_out(consumer)
    consumer.requeue([message])  # as the library does with the jobs of a process that is taken for dead
    consumer.ack(message)
    consumer.close()
    assert len(waiting(jobs.BULK)) == jobs.depth(jobs.BULK) == 1


def test_what_waits_in_a_lane_is_done_and_over(queues: None) -> None:
    """The library's own worker on it."""
    done: list[str] = []
    actor = dramatiq.actor(
        lambda _, batch: done.append(batch), actor_name="deliver_batch", queue_name=jobs.BULK, broker=jobs.broker()
    )
    batches = [uuid4() for _ in range(30)]
    worker = dramatiq.Worker(jobs.broker(), queues={jobs.BULK}, worker_threads=2)
    worker.start()
    try:
        jobs.deliver_batches(uuid4(), batches)
        jobs.broker().join(actor.queue_name, timeout=20_000)
    finally:
        worker.stop()
    assert sorted(done) == sorted(map(str, batches))
    assert (in_hand(), waiting(jobs.BULK), jobs.depth(jobs.BULK)) == (0, [], 0)

"""A dramatiq broker for test_crash.py: its worker forks processes of its own."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))  # type: ignore[no-untyped-call]


@dramatiq.actor
def nothing() -> None:
    """There has to be an actor."""

"""`python -m tests.faults.twice MODULE [ARGUMENT ...]`: runs a process of the product whose every job is queued twice."""

import runpy
import sys
from typing import Any

from dramatiq.brokers.redis import RedisBroker

_once = RedisBroker.enqueue


def enqueue(broker: RedisBroker, message: Any, *, delay: int | None = None) -> Any:
    """The same job in the queue two times over, as after a lost acknowledgement."""
    _once(broker, message, delay=delay)
    return _once(broker, message, delay=delay)


if __name__ == "__main__":
    RedisBroker.enqueue = enqueue
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

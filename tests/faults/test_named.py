"""Drills of full size have their plans, and the launcher that doubles jobs doubles them."""

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker

from tests.faults import twice
from tests.faults.drill import Drill
from tests.faults.kinds import KINDS
from tests.faults.named import NAMED


@pytest.mark.parametrize("name", NAMED)
def test_a_named_drill_has_a_plan_and_a_name_of_its_own(name: str) -> None:
    kind, blows = Drill(1, name, 1, NAMED[name].recipients).plan()
    assert name not in KINDS
    assert kind is NAMED[name].kind
    assert blows or NAMED[name].launcher


def test_every_job_is_queued_twice(fresh_redis: str) -> None:
    broker = RedisBroker(url=fresh_redis, middleware=[])
    broker.declare_queue("bulk")
    message = dramatiq.Message(queue_name="bulk", actor_name="deliver_batch", args=("one",), kwargs={}, options={})
    twice.enqueue(broker, message)
    taken = list(broker.client.lrange("dramatiq:bulk", 0, -1))
    assert len(taken) == len(set(taken)) == 2
    broker.close()

"""The ids of a request on its jobs and at the provider call, and the spans of it at a real OTLP receiver."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import dramatiq
import pytest
import structlog

from core import jobs, tracing
from tests.otlp import Collector, collecting
from tests.workers.shop import Sandbox, Shop
from tests.workers.test_single import sent
from workers import single

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
NUMBER, TEXT = "01012347788", "[봄날커피] 주문이 접수되었습니다."


@pytest.fixture
def collector() -> Iterator[Collector]:
    """This process tells its spans."""
    with collecting() as one:
        tracing.start(one.url, "workers", "test")
        yield one
        tracing.stop()


def done(shop: Shop, batch: str, **ids: str) -> None:
    """The job is queued in Redis by who has these ids, and a worker of dramatiq's does it."""
    jobs.broker().declare_actor(single.deliver_single)
    finished = threading.Event()

    class Told(dramatiq.Middleware):
        def after_process_message(self, broker, message, *, result=None, exception=None) -> None:
            finished.set()

    jobs.broker().add_middleware(Told())
    with tracing.joined(ids.get("request_id", ""), ids.get("traceparent")):
        jobs.deliver_single(shop.workspace, UUID(batch))
    worker = dramatiq.Worker(jobs.broker(), queues={jobs.SINGLE}, worker_threads=1, worker_timeout=100)
    worker.start()
    assert finished.wait(30)
    worker.stop()


def batch_of(shop: Shop) -> str:
    return sent(shop, (NUMBER, TEXT))[0].rpartition("-")[0]


def queued() -> dict[str, object]:
    """The options of the one job in the lane."""
    client = jobs.broker().client
    (identifier,) = client.lrange("dramatiq:single", 0, -1)
    return dict(dramatiq.Message.decode(client.hget("dramatiq:single.msgs", identifier)).options)


def test_a_job_takes_the_ids_along_and_nothing_else(shop: Shop) -> None:
    with tracing.joined("order-7", PARENT):
        jobs.deliver_single(shop.workspace, uuid4())
    assert {name: value for name, value in queued().items() if name != "redis_message_id"} == {
        "request_id": "order-7",
        "traceparent": PARENT,
    }


def test_a_job_of_nobody_has_no_ids(shop: Shop) -> None:
    jobs.deliver_single(shop.workspace, uuid4())
    assert set(queued()) <= {"redis_message_id"}


@pytest.mark.parametrize("wrong", ["", "00-0-0-0", f"00-{'0' * 32}-b7ad6b7169203331-01", "x" * 500, None])
def test_what_is_no_trace_is_no_trace(wrong: str | None) -> None:
    with tracing.joined("", wrong):
        assert tracing.carried() == {}


def test_the_line_about_the_provider_call_has_the_ids_of_the_request(shop: Shop, sandbox: Sandbox) -> None:
    kept: list[Any] = []

    def keep(logger: Any, name: str, event: Any) -> str:
        kept.append(dict(event))
        return ""

    before = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep])
    try:
        done(shop, batch_of(shop), request_id="order-7", traceparent=PARENT)
    finally:
        structlog.configure(**before)
    (line,) = [one for one in kept if one["event"] == "handed_over"]
    assert (line["request_id"], line["trace_id"], line["outcome"], line["people"]) == ("order-7", TRACE, "accepted", 1)
    assert NUMBER[3:] not in str(kept) and "주문" not in str(kept)
    assert len(sandbox.log()) == 1


def test_spans_of_job_transaction_and_provider_call_reach_the_collector(shop: Shop, collector: Collector) -> None:
    batch = batch_of(shop)
    done(shop, batch, traceparent=PARENT)
    tracing.stop()
    found = collector.of(TRACE)
    assert set(found) == {"deliver_single", "transaction", "provider call"}
    job = found["deliver_single"]
    assert (job.kind, job.parent, job.service) == ("CONSUMER", PARENT[36:52], "jeondan-workers")
    assert {one.parent for name, one in found.items() if name != "deliver_single"} == {job.id}
    assert found["provider call"].facts == {"http.request.method": "POST", "server.address": "127.0.0.1"}
    assert NUMBER.encode()[3:] not in collector.raw and TEXT.encode() not in collector.raw
    assert {one.trace for one in collector.spans} == {TRACE}  # what ran outside of it is nobody's trace


def test_a_failed_job_says_the_kind_of_its_error_and_not_its_words(shop: Shop, collector: Collector) -> None:
    with pytest.raises(ValueError), tracing.joined("", PARENT), tracing.span("job", "CONSUMER"):
        raise ValueError(NUMBER)
    tracing.stop()
    assert (collector.of(TRACE)["job"].failed, collector.of(TRACE)["job"].facts) == (True, {"error.type": "ValueError"})
    assert NUMBER.encode() not in collector.raw


def test_without_an_address_no_exporter_is_loaded() -> None:
    code = "import sys, workers.deliver, gateway.app; from core import tracing; tracing.start('', 'x', 'y');"
    code += "print([name for name in sys.modules if name.startswith('opentelemetry.exporter')])"  # redis loads the SDK by itself
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"

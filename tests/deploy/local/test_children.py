"""What runs, in which order, and what each may know."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import children
from deploy.local.product import Product
from deploy.local.refusal import Refusal
from deploy.local.stack import PROVIDERS, Stack
from tests import stack as parts

SECRETS = ("DATABASE_URL", "REDIS_URL", "AWS_SECRET_ACCESS_KEY", "JWT_SECRET", "ENCRYPTION_KEY", *PROVIDERS)
GIVEN = {name: f"given-{name}" for name in SECRETS} | {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}


@pytest.fixture
def bare() -> Iterator[Stack]:
    """A stack in which everything is somebody else's."""
    with parts.folder() as var, Stack(var, environment=GIVEN) as stack:
        yield stack


def test_every_lane_has_a_worker_and_bulk_and_single_share_with_nobody() -> None:
    groups = [set(group.split()) for group in children.WORKERS]
    assert set().union(*groups) == {"single", "receipts", "housekeeping", "bulk", "plan", "compose", "webhooks"}
    assert all(group == {"bulk"} for group in groups if "bulk" in group)
    assert all(group == {"single"} for group in groups if "single" in group)


def test_workers_have_names_of_their_own() -> None:
    named = ["worker-single", "worker-receipts", "worker-bulk-1", "worker-bulk-2", "worker-plan", "worker-webhooks"]
    assert children.worker_names() == named


def test_the_gateway_is_told_no_secret(bare: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    (gateway,) = children.gateway(bare)
    (server,) = children.server(bare)
    assert not any(name in gateway.environment for name in SECRETS)
    assert gateway.hidden >= set(SECRETS)
    assert all(server.environment[name] == GIVEN[name] for name in SECRETS)
    assert gateway.environment["GRPC_PORT"] == server.environment["GRPC_PORT"]


def test_every_process_has_a_metrics_port_of_its_own(bare: Stack) -> None:
    *workers, clock = children.workers(bare)
    ports = [program.environment["WORKERS_METRICS_PORT"] for program in workers] + [clock.environment["CLOCK_METRICS_PORT"]]
    ports += [program.environment["SERVER_METRICS_PORT"] for program in children.server(bare)]
    assert len(set(ports)) == len(ports) == 8


def test_whoever_stands_in_front_is_stopped_before_what_it_leans_on(bare: Stack) -> None:
    ranks = [program.rank for make in (children.server, children.workers, children.gateway) for program in make(bare)]
    assert ranks == sorted(ranks) and min(ranks) > 0


def test_the_sandbox_lives_in_the_same_time_as_the_product() -> None:
    given = {name: value for name, value in GIVEN.items() if name not in PROVIDERS}
    with parts.folder() as var, Stack(var, environment=given, extra={"CLOCK_OFFSET_SECONDS": "-3600"}) as stack:
        (sandbox,), (server,) = children.sandbox(stack), children.server(stack)
        assert sandbox.command[-2:] == ("--clock-offset", "-3600")
        assert server.environment["CLOCK_OFFSET_SECONDS"] == "-3600"


def test_no_sandbox_when_a_real_provider_is_named(bare: Stack) -> None:
    assert children.sandbox(bare) == []


def test_a_step_that_fails_is_refused_with_its_last_words(bare: Stack) -> None:
    product = Product(bare)
    with pytest.raises(Refusal, match=r"(?s)migrate failed.*No module named deploy.nowhere"):
        product.task("migrate", "deploy.nowhere")


def test_a_step_sees_the_environment_of_the_product_and_the_data_directory(bare: Stack, tmp_path: Path) -> None:
    product = Product(bare)
    product.task("look", "timeit", "-n1", "-r1", "import os; print(os.environ['JWT_SECRET'], os.environ['VAR'])")
    assert f"given-JWT_SECRET {bare.var}" in product.log("look").read_text()

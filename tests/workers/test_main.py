"""The worker program: its lanes, a campaign from launch to receipt through real processes, an orderly end."""

import json
import math
import os
import signal
import subprocess
import sys
import time as waiting
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import clock as now
from core import jobs
from core.db.session import database
from tests.workers.shop import Sandbox, Shop
from workers import clock as scheduler
from workers import liveness, main


class Program:
    """A running `python -m workers.…`, its output in a file."""

    def __init__(self, log: Path, *arguments: str, **more: str) -> None:
        self.log = log
        offset = str(math.ceil(now._offset.total_seconds()))  # the same noon as in this process, never behind it
        environment = {**os.environ, "LOG_FORMAT": "json", "CLOCK_OFFSET_SECONDS": offset, **more}
        with log.open("wb") as output:
            self.process = subprocess.Popen([sys.executable, "-m", *arguments], env=environment, stderr=output, stdout=output)

    def events(self) -> list[str]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line)["event"] for line in lines]

    def until(self, ready: Callable[[], object]) -> None:
        while not ready():
            assert self.process.poll() is None, self.log.read_text()
            waiting.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def errors(self) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if '"level": "error"' in line or "Traceback" in line]


@pytest.fixture
def program(worker: None, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(*arguments: str, **more: str) -> Program:
        started.append(Program(tmp_path / f"{len(started)}.log", *arguments, **more))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def alive() -> int:
    with database().owner() as tx:
        return int(tx.value("SELECT count(*) FROM worker_processes"))


def test_workers_and_clock_carry_a_campaign_to_its_end_without_a_job_from_outside(
    shop: Shop, sandbox: Sandbox, program: Callable[..., Program]
) -> None:
    shop.customers(1200)
    campaign = shop.campaign("안녕하세요, 봄날커피입니다.", purpose="INFO")
    worker, clock = program("workers.main"), program("workers.clock")
    worker.until(lambda: "working" in worker.events())
    clock.until(lambda: shop.counters(campaign).get("delivered") == 1200 and shop.state(campaign) == "DONE")
    assert sandbox.stats()["duplicates"] == 0
    before = alive()
    assert (worker.stop(), clock.stop()) == (0, 0)
    assert alive() == before - 1
    assert worker.errors() + clock.errors() == []


def test_a_killed_worker_in_the_middle_of_a_call_costs_nobody_a_message(
    shop: Shop, sandbox: Sandbox, program: Callable[..., Program], logs
) -> None:
    shop.customers(40)
    campaign = shop.campaign("안녕하세요, 봄날커피입니다.", purpose="INFO", batch_size=20)
    sandbox.fault("slow_answer", path="/send*", delay=20.0)
    worker = program("workers.main", jobs.BULK)
    worker.until(lambda: "working" in worker.events())
    batches = shop.plan(campaign)
    worker.until(lambda: sandbox.stats()["accepted_calls"] == 2 and shop.counters(campaign)["accepted"] == 20)
    worker.process.kill()
    worker.process.wait()
    assert shop.counters(campaign)["claimed"] == 20
    with database().owner() as tx:
        tx.run("DELETE FROM worker_processes WHERE id <> :me", me=liveness.heart().id)
    from workers import sweep

    sweep.sweep()
    assert shop.counters(campaign)["unknown"] == 20
    found = shop.reconcile(campaign)
    assert (found["accepted"], len(batches)) == (40, 2)
    assert sandbox.stats()["accepted_messages"] == 40
    assert sandbox.stats()["duplicates"] == 0


def test_a_lane_that_does_not_exist_is_named(program: Callable[..., Program]) -> None:
    wrong = program("workers.main", "bulk", "bluk")
    assert wrong.process.wait(30) == 2
    assert "no such lane: bluk" in wrong.log.read_text()


@pytest.mark.parametrize("name", ["workers.main", "workers.clock"])
def test_a_database_without_its_schema_stops_the_program(program: Callable[..., Program], postgres_url: str, name: str) -> None:
    wrong = program(name, DATABASE_URL=postgres_url)
    assert wrong.process.wait(30) == 3
    assert "make migrate" in wrong.log.read_text()


@pytest.mark.parametrize("name", ["workers.main", "workers.clock"])
def test_a_missing_setting_stops_the_program_and_is_named(program: Callable[..., Program], name: str) -> None:
    wrong = program(name, JWT_SECRET="")
    assert wrong.process.wait(30) == 2
    assert "JWT_SECRET" in wrong.log.read_text()


@pytest.mark.parametrize("name", ["workers.main housekeeping", "workers.clock"])
def test_a_wrong_alert_address_stops_who_would_have_to_tell(program: Callable[..., Program], name: str) -> None:
    wrong = program(*name.split(), ALERT_URLS="slack://s3cret-that-is-none")
    assert wrong.process.wait(30) == 2
    assert "jeondan: ALERT_URLS: address 1 of 1" in wrong.log.read_text()
    assert "s3cret" not in wrong.log.read_text()


def test_every_lane_has_its_modules(worker: None) -> None:
    assert set(main.ACTORS) == set(jobs.LANES)
    assert liveness.DEAD_AFTER.total_seconds() > scheduler.TICK_SECONDS

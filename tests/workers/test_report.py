"""The report as a file: everybody selected is a line, found again after a crash, gone after a day."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core import clock, images, jobs
from core.db import reports
from core.db.session import database
from core.errors import NotFound, Unavailable
from core.rules.report import HEADERS
from tests.workers.shop import Logs, Shop, Time
from workers import deliver, report, sweep


def ordered(shop: Shop, campaign: UUID, people: int) -> UUID:
    with database().write(shop.workspace) as tx:
        values = {"campaign_id": campaign, "rows_total": people, "created_by": "user:1"}
        return reports.add(tx, shop.workspace, values, clock.now()).id


def row(shop: Shop, made: UUID) -> Any:
    with database().read(shop.workspace) as tx:
        return reports.get(tx, made)


def lines(found: Any) -> list[dict[str, str]]:
    text = images.storage().get(found.object_name, most=1 << 20).decode("utf-8-sig")
    assert len(text.encode("utf-8-sig")) == found.size_bytes
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("chunk", [7, 1_000])
def test_opted_out_before_and_after_the_plan_each_once(shop: Shop, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """R-OPT-8: what the report says is what the provider got; selected is the sum of the lines by reason."""
    monkeypatch.setattr(report, "CHUNK", chunk)
    shop.customers(30), shop.customers(5, consent=False, first=30)
    shop.opt_out("id % 3 = 0 AND ad_consent")
    campaign = shop.campaign(batch_size=10)
    first, *others = shop.plan(campaign, chunk=9)
    deliver.deliver(shop.workspace, first)
    shop.opt_out("id % 3 = 1 AND ad_consent")
    for batch in others:
        deliver.deliver(shop.workspace, batch)
    counters = shop.read_all(campaign)
    made = ordered(shop, campaign, counters["selected"])
    report.write_report(str(shop.workspace), str(made))
    found = row(shop, made)
    said = lines(found)
    assert (found.state, found.rows_done, len(said)) == ("DONE", 35, 35) and tuple(said[0]) == HEADERS
    assert len({one["고객"] for one in said}) == 35
    arrived = [one for one in said if one["상태"] == "도착"]
    assert len(arrived) == counters["delivered"] and all(one["발송사"] == "aligo" and one["보낸 시각"] for one in arrived)
    assert sum(one["사유"] == "수신거부" for one in said) + len(arrived) == 30
    assert sum(one["규칙"] == "R-CON-1" for one in said) == 5
    sums = {(bucket, reason): people for bucket, reason, people in found.sums}
    assert {key: people for key, people in sums.items() if key[1]} == shop.reasons(campaign)
    assert sum(sums.values()) == counters["selected"]


def test_it_holds_no_number_and_no_name(shop: Shop) -> None:
    """R-PII-8: a file that leaves shows only what it is for."""
    phones = shop.customers(3)
    campaign = shop.campaign()
    shop.run(campaign)
    made = ordered(shop, campaign, 3)
    report.write(shop.workspace, made)
    text = images.storage().get(row(shop, made).object_name, most=1 << 20).decode()
    assert not any(number in text or number[3:] in text for number in phones) and "고객0" not in text
    assert text.count("010-****-") == 3


def test_one_that_does_not_sum_up_is_none(shop: Shop, logs: Logs) -> None:
    logs.expect("report_failed")
    shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    made = ordered(shop, campaign, 4)
    report.write(shop.workspace, made)
    found = row(shop, made)
    assert (found.state, found.object_name, found.sums) == ("FAILED", "", []) and found.failure


def test_a_lost_worker_or_storage_delays_it(shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    shop.plan(campaign)
    made = ordered(shop, campaign, 2)

    def down(*_: object) -> None:
        raise Unavailable("저장소")

    with monkeypatch.context() as patched, pytest.raises(Unavailable):
        patched.setattr(images.Storage, "put_file", down)
        report.write(shop.workspace, made)
    assert row(shop, made).state == "RUNNING"
    report.write(shop.workspace, made)
    assert row(shop, made).state == "RUNNING", "somebody is at it"
    time.forward(minutes=2)
    before = jobs.depths()[jobs.PLAN]
    sweep._files(clock.now(), dict.fromkeys(jobs.LANES, 0))
    assert jobs.depths()[jobs.PLAN] == before + 1
    report.write(shop.workspace, made)
    assert (row(shop, made).state, len(lines(row(shop, made)))) == ("DONE", 2)
    report.write(shop.workspace, made)  # a second time changes nothing


def test_after_a_day_the_file_is_gone_and_the_sums_stay(shop: Shop) -> None:
    """R-PII-9: destroyed when its purpose ends."""
    shop.customers(1)
    campaign = shop.campaign()
    shop.plan(campaign)
    made = ordered(shop, campaign, 1)
    report.write(shop.workspace, made)
    name = row(shop, made).object_name
    for ago, there in ((timedelta(hours=23), True), (timedelta(hours=25), False)):
        with database().system() as tx:
            report.forget(tx, clock.now() + ago)
        assert (images.storage().head(name) is not None) is there
    assert row(shop, made).object_name == "" and row(shop, made).sums == [["planned", "", 1]]


def test_nobodys_report_is_nobody_elses(shop: Shop) -> None:
    made = ordered(shop, shop.campaign(), 0)
    with database().read(UUID(int=1)) as tx, pytest.raises(NotFound):
        reports.get(tx, made)

"""Plan: the whole audience, each person in one place with a reason, however often and from wherever it is run."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import jobs, telemetry
from core.db.session import database
from tests.workers.shop import Shop
from workers import deliver, plan


def test_everybody_stands_in_one_place_whatever_the_chunk(shop: Shop) -> None:
    shop.customers(47)
    for chunk in (1, 7, 46, 47, 48, 1000):
        campaign = shop.campaign(batch_size=10)
        batches = shop.plan(campaign, chunk=chunk)
        assert shop.counters(campaign)["planned"] == 47, chunk
        sizes = [
            row.size
            for row in shop.sql("SELECT cardinality(contact_ids) AS size FROM batches WHERE campaign_id = :c", c=campaign)
        ]
        assert max(sizes) <= 10 and len(batches) == len(sizes)
        assert shop.state(campaign) == "SENDING"


def test_batches_are_in_contact_order_and_say_their_range(shop: Shop) -> None:
    shop.customers(25)
    campaign = shop.campaign(batch_size=10)
    shop.plan(campaign)
    rows = shop.sql("SELECT first_contact, last_contact, contact_ids FROM batches ORDER BY id")
    everybody = [contact for row in rows for contact in row.contact_ids]
    assert everybody == sorted(everybody)
    assert [(row.first_contact, row.last_contact) for row in rows] == [(row.contact_ids[0], row.contact_ids[-1]) for row in rows]


def test_everyone_left_out_is_counted_by_reason(shop: Shop) -> None:
    shop.customers(5)
    shop.customers(3, consent=False, first=100)
    shop.customers(2, first=200)
    shop.sql("UPDATE contacts SET consent_source = '' WHERE id = (SELECT max(id) FROM contacts)")
    shop.sql("UPDATE contacts SET consent_at = NULL WHERE id = (SELECT max(id) - 1 FROM contacts)")
    shop.opt_out("id <= (SELECT min(id) + 1 FROM contacts)")
    campaign = shop.campaign()
    shop.plan(campaign, chunk=4)
    assert shop.reasons(campaign) == {
        ("excluded", "OPTED_OUT"): 2,
        ("excluded", "NO_CONSENT"): 3,
        ("excluded", "CONSENT_EVIDENCE_MISSING"): 2,
    }
    found = shop.counters(campaign)
    assert (found["selected"], found["excluded"], found["planned"]) == (10, 7, 3)


def test_information_needs_no_advertising_consent_and_reaches_the_opted_out(shop: Shop) -> None:
    shop.customers(3, consent=False)
    shop.opt_out("id = (SELECT min(id) FROM contacts)")
    campaign = shop.campaign("주문하신 원두가 도착했습니다.", purpose="INFO")
    shop.plan(campaign)
    assert shop.counters(campaign)["planned"] == 3


def test_tags_choose_and_archived_people_are_not_selected(shop: Shop) -> None:
    shop.customers(4, tags=["단골"])
    shop.customers(3, first=100, tags=["단골", "직원"])
    shop.customers(2, first=200)
    shop.sql("UPDATE contacts SET archived_at = now() WHERE id = (SELECT min(id) FROM contacts)")
    campaign = shop.campaign(any_tags=["단골", "없는"], none_tags=["직원"])
    shop.plan(campaign)
    found = shop.counters(campaign)
    assert (found["selected"], found["planned"]) == (3, 3)


def test_who_comes_after_the_launch_is_not_in_it(shop: Shop) -> None:
    shop.customers(5)
    campaign = shop.campaign()
    shop.customers(5, first=100)
    shop.plan(campaign)
    assert shop.counters(campaign)["selected"] == 5


def test_nobody_selected_is_planned_to_the_end(shop: Shop) -> None:
    campaign = shop.campaign()
    assert shop.plan(campaign) == []
    assert shop.sql("SELECT planned, state FROM campaigns") == [(True, "SENDING")]


def test_planning_stops_at_a_pause_and_goes_on_where_it_stopped(shop: Shop) -> None:
    shop.customers(30)
    campaign = shop.campaign()
    assert plan.plan_step(shop.workspace, campaign, chunk=10)
    shop.sql("UPDATE campaigns SET state = 'PAUSED'")
    assert not plan.plan_step(shop.workspace, campaign, chunk=10)
    assert shop.counters(campaign)["selected"] == 10
    shop.sql("UPDATE campaigns SET state = 'PLANNING'")
    shop.plan(campaign, chunk=10)
    assert shop.counters(campaign)["planned"] == 30


@pytest.mark.parametrize("state", ["DRAFT", "CANCELLED", "DONE"])
def test_only_what_was_launched_is_planned(shop: Shop, state: str) -> None:
    shop.customers(3)
    campaign = shop.campaign(state=state)
    assert shop.plan(campaign) == []
    assert shop.counters(campaign) == {}


def test_several_planners_at_once_plan_nobody_twice(shop: Shop) -> None:
    shop.customers(200)
    campaign = shop.campaign(batch_size=15)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: plan.plan(shop.workspace, campaign, chunk=20), range(4)))
    assert shop.counters(campaign)["planned"] == 200


def test_planning_and_delivering_at_once_wait_for_nobody(shop: Shop, sandbox) -> None:
    """Both count and both give reasons, in the same order: no deadlock, whatever the moment."""
    shop.customers(120)
    shop.customers(60, consent=False, first=500)
    shop.sql("UPDATE contacts SET attributes = '{}', name = ''")
    campaign = shop.campaign("(광고)[봄날커피] #{이름|고객}님 #{등급}\n무료거부0801234567", batch_size=4)

    def work(number: int) -> None:
        if number % 2:
            plan.plan(shop.workspace, campaign, chunk=6)
        for batch in shop.batches(campaign):
            deliver.deliver(shop.workspace, batch)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(1, 7)))
    shop.run(campaign)
    assert shop.reasons(campaign) == {("excluded", "NO_CONSENT"): 60, ("excluded", "MISSING_VARIABLE"): 120}


def test_jobs_are_queued_only_after_the_commit(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(30)
    campaign = shop.campaign(batch_size=10)
    seen = []

    def queue(workspace, batches) -> None:
        with database().read(workspace) as tx:
            seen.append(tx.value("SELECT count(*) FROM batches WHERE id = ANY(:ids)", ids=list(batches)))

    monkeypatch.setattr(jobs, "deliver_batches", queue)
    plan.plan(shop.workspace, campaign)
    assert seen == [3]


def test_a_plan_costs_few_round_trips_and_the_whole_way_few_too(shop: Shop, sandbox) -> None:
    shop.customers(2000)
    campaign = shop.campaign()
    before = telemetry.DB_ROUND_TRIPS._value.get()
    plan.plan(shop.workspace, campaign)
    planned = telemetry.DB_ROUND_TRIPS._value.get() - before
    assert planned <= 20
    batches = shop.batches(campaign)
    before = telemetry.DB_ROUND_TRIPS._value.get()
    for batch in batches:
        deliver.deliver(shop.workspace, batch)
    delivered = telemetry.DB_ROUND_TRIPS._value.get() - before
    assert planned + delivered <= 0.05 * 2000
    assert shop.counters(campaign)["accepted"] == 2000


def test_a_big_campaign_does_not_fill_the_lane_and_the_sweeper_lets_the_others_in(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.workers.shop import open_shop
    from workers import sweep

    monkeypatch.setattr(plan, "LONG_LANE", 5)
    monkeypatch.setattr(sweep, "FULL_LANE", 6)
    other = open_shop()
    shop.customers(60), other.customers(2, first=500)
    big = shop.campaign(batch_size=1)
    shop.plan(big)
    assert jobs.depths()[jobs.BULK] == 5
    shop.sql("UPDATE batches SET due_at = due_at - interval '1 minute'")
    small = other.campaign(batch_size=1)
    other.plan(small)
    assert jobs.depths()[jobs.BULK] == 5, "behind a long lane nobody queues by himself"
    other.sql("UPDATE batches SET due_at = due_at - interval '30 seconds'")
    sweep.sweep()
    queued = [json.loads(raw)["args"][0] for raw in jobs.broker().client.hvals("dramatiq:bulk.msgs")]
    assert queued.count(str(other.workspace)) == 2, "the newcomer is not behind sixty others"

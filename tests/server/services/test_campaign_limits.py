"""Pace and cap over the wire: said before a launch, kept while it runs, and raised by whoever may launch."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import campaign_pb2 as pb

from core import clock
from core.db import accounts
from core.db.session import database
from tests.server.services.marketer import INFO, State, control, create, customers, get, launch, preview, refused, worked
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import deliver, plan


def pace(people: int, **span: float) -> pb.Pace:
    return pb.Pace(people=people, duration=Duration(seconds=int(timedelta(**span).total_seconds())))


def update(shop: Shop, campaign: pb.Campaign, budget: int, **more: object) -> pb.UpdateCampaignRequest:
    request = pb.UpdateCampaignRequest(campaign_id=campaign.id, campaign=pb.Campaign(budget_krw=budget, **more))
    request.update_mask.paths.extend(["budget_krw", *more])
    return request


def ends(campaign: pb.Campaign | pb.PreviewCampaignResponse) -> timedelta:
    """From now on."""
    return campaign.expected_end_time.ToDatetime(tzinfo=clock.now().tzinfo) - clock.now()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (pace(0, hours=1), "campaign.pace.people"),
        (pace(1_000_001, hours=1), "campaign.pace.people"),
        (pace(10, seconds=59), "campaign.pace.duration"),
        (pace(10, days=8), "campaign.pace.duration"),
        (pb.Pace(people=10), "campaign.pace.duration"),
    ],
)
def test_a_pace_has_limits(shop: Shop, sender: str, wrong: pb.Pace, field: str) -> None:
    draft = pb.Campaign(name="가", purpose=1, body="x", sender_number_id=sender, pace=wrong)
    refusal = shop.refused("CreateCampaign", pb.CreateCampaignRequest(campaign=draft))
    assert list(refusal.fields) == [field]
    assert refusal.sentences[field].endswith("합니다.")


def test_the_expected_end_is_known_before_and_after_the_launch(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 6)
    made = create(shop, sender, pace=pace(60, hours=1))
    assert made.pace == pace(60, hours=1) and not made.HasField("expected_end_time")
    assert timedelta(minutes=4, seconds=55) < ends(preview(shop, made)) < timedelta(minutes=5, seconds=5)
    launched = launch(shop, made)
    assert timedelta(minutes=4, seconds=50) < ends(launched) < timedelta(minutes=5, seconds=5)
    plan.plan(shop.workspace, UUID(made.id))
    assert abs(ends(get(shop, made)) - ends(launched)) < timedelta(seconds=5)
    control(shop, "Cancel", made)
    assert not get(shop, made).HasField("expected_end_time")
    assert not preview(shop, create(shop, sender)).HasField("expected_end_time")


def test_a_pause_moves_the_end_and_what_waited_is_not_made_up_for(
    shop: Shop, sender: str, worker: None, sandbox, monkeypatch
) -> None:
    customers(shop, 6)
    made = create(shop, sender, pace=pace(60, hours=1))
    launch(shop, made)
    worked(shop, made)
    assert get(shop, made).counters.planned == 5
    before = ends(get(shop, made))
    control(shop, "Pause", made)
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))
    engine.Time(sandbox, monkeypatch).forward(minutes=30)
    assert worked(shop, made).counters.planned == 5
    assert abs(ends(get(shop, made)) - before) < timedelta(seconds=5)
    control(shop, "Resume", made)
    after = worked(shop, made)
    assert after.counters.planned == 4
    assert timedelta(minutes=3) < ends(after) < before + timedelta(seconds=5)
    for _ in range(5):
        engine.Time(sandbox, monkeypatch).forward(seconds=61)
        after = worked(shop, made)
    assert (after.state, after.counters.delivered) == (State.STATE_DONE, 6)


def test_a_pace_that_outlasts_the_deadline_is_refused(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 5)
    late = Timestamp()
    late.FromDatetime(clock.now() + timedelta(minutes=90))
    made = create(shop, sender, pace=pace(1, minutes=30), expire_time=late)
    [problem] = preview(shop, made).problems
    assert (problem.reason, problem.field) == ("PACE_BEYOND_EXPIRE", "campaign.pace")
    refusal = refused(shop, "Launch", made)
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, {"campaign.pace": "PACE_BEYOND_EXPIRE"})
    assert "속도를 높이거나 마감 시각을 늦춰" in refusal.message
    assert launch(shop, create(shop, sender, pace=pace(10, minutes=30), expire_time=late)).state == State.STATE_PLANNING


def test_a_scheduled_pace_is_reckoned_from_its_time(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 6)
    at = Timestamp()
    at.FromDatetime(clock.now() + timedelta(hours=2))
    made = launch(shop, create(shop, sender, pace=pace(60, hours=1), schedule_time=at))
    assert timedelta(hours=2, minutes=3) < ends(made) < timedelta(hours=2, minutes=6)


def test_a_cap_below_the_forecast_is_warned_of_and_stops_it(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 10)
    made = create(shop, sender, budget_krw=50)
    [warning] = preview(shop, made).warnings
    assert (warning.reason, warning.field) == ("OVER_BUDGET", "campaign.budget_krw")
    assert "84원이 예산 50원을 넘습니다" in warning.message
    answer = shop.call("LaunchCampaign", pb.LaunchCampaignRequest(campaign_id=made.id))
    assert [one.reason for one in answer.warnings] == ["OVER_BUDGET"]
    assert worked(shop, made).counters.delivered == 5
    stopped = worked(shop, made)
    assert (stopped.state, stopped.counters.planned, stopped.committed_krw) == (State.STATE_PAUSED, 5, 42)
    assert (
        stopped.waiting_for
        == "예산 50원 가운데 42원을 써서 멈추었습니다. 5명이 남아 있습니다. 예산을 늘린 뒤 다시 시작해 주세요."
    )
    raised = shop.call("UpdateCampaign", update(shop, made, 84)).campaign
    assert (raised.state, raised.budget_krw, raised.etag != stopped.etag) == (State.STATE_PAUSED, 84, True)
    assert control(shop, "Resume", made).waiting_for == ""
    done = worked(shop, made)
    assert (done.state, done.counters.delivered, done.cost_krw) == (State.STATE_DONE, 10, 84)


@pytest.mark.parametrize(("hours", "follows"), [(0, ""), (2, "하루 동안"), (30, "보내지 않고 기다립니다")])
def test_a_list_of_opt_outs_out_of_sight_is_told_of_before_a_launch(
    shop: Shop, sender: str, worker: None, hours: int, follows: str
) -> None:
    """R-OPT-3"""
    customers(shop, 1)
    with database().write(shop.workspace) as tx:
        seen = clock.now() - timedelta(hours=hours, minutes=1)
        tx.run("UPDATE workspaces SET optout_feed_at = :seen WHERE id = :w", w=shop.workspace, seen=seen)
    made, info = create(shop, sender), create(shop, sender, purpose=INFO)
    found = preview(shop, made).warnings
    assert [(one.reason, f"{hours}시간째" in one.message, follows in one.message) for one in found] == (
        [("OPTOUT_FEED_STALE", True, True)] if hours else []
    )
    assert list(preview(shop, info).warnings) == []
    assert list(shop.call("LaunchCampaign", pb.LaunchCampaignRequest(campaign_id=made.id)).warnings) == list(found)


def test_a_cap_that_suffices_is_not_mentioned(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 10)
    made = create(shop, sender, budget_krw=84)
    assert list(preview(shop, made).warnings) == []
    assert list(shop.call("LaunchCampaign", pb.LaunchCampaignRequest(campaign_id=made.id)).warnings) == []
    assert worked(shop, made).state == State.STATE_DONE


def test_of_what_runs_only_the_cap_can_be_changed_and_only_by_an_approver(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 2)
    capped, free = create(shop, sender, budget_krw=1000), create(shop, sender)
    assert shop.call("UpdateCampaign", update(shop, free, 500)).campaign.budget_krw == 500
    assert shop.call("UpdateCampaign", update(shop, free, 0)).campaign.budget_krw == 0
    launch(shop, capped), launch(shop, free)
    assert shop.refused("UpdateCampaign", update(shop, capped, 2000, name="겨울")).reason == "WRONG_STATE"
    assert shop.refused("UpdateCampaign", update(shop, free, 2000)).reason == "NO_BUDGET"
    assert shop.refused("UpdateCampaign", update(shop, capped, 0)).fields == {"campaign.budget_krw": "OUT_OF_RANGE"}
    assert shop.refused("UpdateCampaign", update(shop, capped, -1)).fields == {"campaign.budget_krw": "OUT_OF_RANGE"}
    with database().system() as tx:
        _, key = accounts.create_api_key(tx, shop.workspace, "marketer", "MARKETER")
    marketer = replace(shop, metadata=(("x-api-key", key),))
    assert marketer.refused("UpdateCampaign", update(shop, capped, 2000)).code is grpc.StatusCode.PERMISSION_DENIED
    once = update(shop, capped, 2000)
    once.request_id = str(uuid4())
    answer = shop.call("UpdateCampaign", once)
    assert answer.campaign.budget_krw == 2000 and shop.call("UpdateCampaign", once) == answer
    worked(shop, capped)
    assert shop.refused("UpdateCampaign", update(shop, capped, 3000)).reason == "WRONG_STATE", "it has ended"


def test_five_pauses_lose_nobody_and_double_nobody(shop: Shop, sender: str, worker: None, sandbox) -> None:
    customers(shop, 60)
    made = create(shop, sender)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE campaigns SET batch_size = 2")
    launch(shop, made)
    for turn in range(5):
        plan.plan_step(shop.workspace, UUID(made.id), chunk=10)
        control(shop, "Pause", made)
        assert not plan.plan_step(shop.workspace, UUID(made.id), chunk=10)
        with database().read(shop.workspace) as tx:
            batches = [row.id for row in tx.rows("SELECT id FROM batches WHERE state = 0 ORDER BY id LIMIT 3")]
        accepted = get(shop, made).counters.accepted
        for batch in batches:
            deliver.deliver(shop.workspace, batch)
        assert get(shop, made).counters.accepted == accepted
        control(shop, "Resume", made)
        for batch in batches:
            deliver.deliver(shop.workspace, batch)
        assert get(shop, made).counters.accepted == accepted + 6, turn
    done = worked(shop, made)
    assert (done.state, done.counters.delivered, done.counters.selected) == (State.STATE_DONE, 60, 60)
    assert len({one["receiver"] for one in sandbox.log()}) == len(sandbox.log()) == 60

"""A campaign that starts later: frozen at its launch, started by the sweeper, taken back or moved before."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import campaign_pb2 as pb

from core import clock, jobs
from core.db import accounts, campaigns
from core.db.session import database
from tests.server.services.marketer import (
    INFO,
    State,
    control,
    create,
    customers,
    get,
    launch,
    preview,
    refused,
    worked,
)
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import sweep


def stamp(instant: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(instant)
    return made


def today(hour: int, minute: int = 0) -> datetime:
    """This Korean day; `worker` makes it noon."""
    return clock.kst(clock.now()).replace(hour=hour, minute=minute, second=0, microsecond=0)


def reschedule(shop: Shop, campaign: pb.Campaign, at: datetime, **more: str) -> pb.Campaign:
    request = pb.RescheduleCampaignRequest(campaign_id=campaign.id, schedule_time=stamp(at), **more)
    return shop.call("RescheduleCampaign", request).campaign


def test_a_launch_waits_for_its_minute_and_everything_but_the_audience_is_frozen(
    shop: Shop, sender: str, worker: None, sandbox, monkeypatch
) -> None:
    customers(shop, 2)
    made = create(shop, sender, schedule_time=stamp(today(15, 7) + timedelta(seconds=42)))
    assert made.schedule_time == stamp(today(15, 7))
    waiting = launch(shop, made, etag=made.etag)
    assert (waiting.state, waiting.counters, waiting.progress.total) == (State.STATE_SCHEDULED, pb.Counters(), 2)
    assert not waiting.HasField("launch_time") and not waiting.HasField("expire_time")
    assert jobs.depths()[jobs.PLAN] == 0
    request = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign(body="다른 글"))
    assert "예약" in shop.refused("UpdateCampaign", request).message
    customers(shop, 1)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET name = '다른 이름'")
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))
    engine.Time(sandbox, monkeypatch).at(15, 7, 1)
    sweep.sweep()
    done = worked(shop, made)
    assert (done.state, done.counters.delivered) == (State.STATE_DONE, 3)
    assert all(one["text"].startswith("(광고)[봄날커피]") for one in sandbox.log())


@pytest.mark.parametrize(("hour", "minute", "reason"), [(20, 49, ""), (20, 51, "SCHEDULE_AT_NIGHT"), (11, 59, "SCHEDULE_PAST")])
def test_an_ad_is_scheduled_for_the_day_and_the_refusal_says_when_it_may(
    shop: Shop, sender: str, worker: None, hour: int, minute: int, reason: str
) -> None:
    customers(shop, 1)
    made = create(shop, sender, schedule_time=stamp(today(hour, minute)))
    seen = preview(shop, made)
    assert [one.reason for one in seen.problems] == ([reason] if reason else [])
    if not reason:
        assert launch(shop, made).state == State.STATE_SCHEDULED
        return
    refusal = refused(shop, "Launch", made)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert refusal.fields == {"campaign.schedule_time": reason}
    if reason == "SCHEDULE_AT_NIGHT":
        tomorrow = today(8) + timedelta(days=1)
        assert f"{tomorrow.month}월 {tomorrow.day}일 08:00" in refusal.sentences["campaign.schedule_time"]
    assert get(shop, made) == made


def test_information_may_be_scheduled_for_the_night(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 1)
    assert launch(shop, create(shop, sender, purpose=INFO, schedule_time=stamp(today(23)))).state == State.STATE_SCHEDULED


def test_what_is_taken_back_can_be_changed_and_launched_again(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 1)
    made = create(shop, sender, schedule_time=stamp(today(15)))
    launch(shop, made)
    once = str(uuid4())
    request = pb.UnscheduleCampaignRequest(campaign_id=made.id, request_id=once)
    back = shop.call("UnscheduleCampaign", request).campaign
    assert (back.state, back.schedule_time) == (State.STATE_DRAFT, stamp(today(15)))
    assert shop.call("UnscheduleCampaign", request).campaign == back
    assert refused(shop, "Unschedule", made).reason == "WRONG_STATE"
    update = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign(name="겨울"))
    update.update_mask.paths.extend(["name", "schedule_time"])
    changed = shop.call("UpdateCampaign", update).campaign
    assert (changed.name, changed.HasField("schedule_time")) == ("겨울", False)
    assert launch(shop, changed).state == State.STATE_PLANNING


def test_another_time_keeps_the_rules(shop: Shop, sender: str, worker: None, sandbox, monkeypatch) -> None:
    customers(shop, 1)
    made = create(shop, sender, schedule_time=stamp(today(15)), expire_time=stamp(today(19)))
    assert refused(shop, "Reschedule", made, schedule_time=stamp(today(16))).reason == "WRONG_STATE"
    launch(shop, made)
    assert reschedule(shop, made, today(17)).schedule_time == stamp(today(17))
    wrong = {
        today(11): ("schedule_time", "SCHEDULE_PAST"),
        today(21): ("schedule_time", "SCHEDULE_AT_NIGHT"),
        today(19): ("campaign.expire_time", "EXPIRES_BEFORE_START"),
        today(13) + timedelta(days=400): ("schedule_time", "SCHEDULE_TOO_FAR"),
    }
    for at, (field, reason) in wrong.items():
        refusal = refused(shop, "Reschedule", made, schedule_time=stamp(at))
        assert (refusal.fields, refusal.reason) == ({field: reason}, reason)
    assert refused(shop, "Reschedule", made).fields == {"schedule_time": "REQUIRED"}
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))
    engine.Time(sandbox, monkeypatch).at(15, 1)
    sweep.sweep()
    assert get(shop, made).state == State.STATE_SCHEDULED
    engine.Time(sandbox, monkeypatch).at(17, 1)
    sweep.sweep()
    started = get(shop, made)
    assert started.state == State.STATE_PLANNING and started.HasField("launch_time")
    assert started.expire_time == stamp(today(19))


def test_what_was_cancelled_before_its_time_never_starts(shop: Shop, sender: str, worker: None, sandbox, monkeypatch) -> None:
    customers(shop, 1)
    made = create(shop, sender, schedule_time=stamp(today(15)))
    launch(shop, made)
    assert control(shop, "Cancel", made).state == State.STATE_CANCELLED
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))
    engine.Time(sandbox, monkeypatch).at(15, 1)
    sweep.sweep()
    assert worked(shop, made).state == State.STATE_CANCELLED
    assert sandbox.log() == []


def test_a_start_that_was_not_possible_says_why(shop: Shop, sender: str, worker: None, sandbox, monkeypatch) -> None:
    people = customers(shop, 1)
    made = create(shop, sender, schedule_time=stamp(today(15)))
    launch(shop, made)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET ad_consent = false WHERE id = :id", id=int(people[0]))
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))
    engine.Time(sandbox, monkeypatch).at(15, 1)
    sweep.sweep()
    failed = get(shop, made)
    assert (failed.state, failed.failure) == (State.STATE_FAILED, "예약 시각에 받을 수 있는 고객이 없었습니다.")
    assert failed.HasField("end_time")


def test_only_an_approver_moves_a_schedule(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 1)
    made = create(shop, sender, schedule_time=stamp(today(15)))
    launch(shop, made)
    with database().system() as tx:
        _, key = accounts.create_api_key(tx, shop.workspace, "marketer", "MARKETER")
    marketer = replace(shop, metadata=(("x-api-key", key),))
    for what, more in (("Unschedule", {}), ("Reschedule", {"schedule_time": stamp(today(16))})):
        assert refused(marketer, what, made, **more).code is grpc.StatusCode.PERMISSION_DENIED
    with database().read(shop.workspace) as tx:
        assert campaigns.get(tx, made.id).state == "SCHEDULED"

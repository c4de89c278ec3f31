"""Campaigns to a segment: counted as it is, frozen at the launch, and whoever got the last one can be left out."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import segment_pb2

from core import clock
from core.db.session import database
from tests.server.services.marketer import State, control, create, customers, get, launch, preview, refused, worked
from tests.server.services.test_segment import Asks, Rule, attribute, every, none, save, tag
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import plan, start


def to(segment: str, **more: object) -> pb.Audience:
    return pb.Audience(segment_id=segment, **more)


def change(shop: Shop, segment: str, rule: segment_pb2.SegmentRule) -> None:
    wanted = segment_pb2.Segment(rule=rule)
    shop.call("UpdateSegment", segment_pb2.UpdateSegmentRequest(segment_id=segment, segment=wanted))


def archive(shop: Shop, segment: str) -> None:
    shop.call("ArchiveSegment", segment_pb2.ArchiveSegmentRequest(segment_id=segment))


def test_a_draft_follows_its_segment(shop: Shop, sender: str) -> None:
    customers(shop, 3, tags=("단골",), 등급="VIP")
    customers(shop, 2, tags=("단골", "직원"))
    saved = save(shop, tag("단골"))
    made = create(shop, sender, audience=to(saved.id, none_tags=["직원"]))
    assert (made.audience.segment_id, made.audience.HasField("rule")) == (saved.id, False)
    assert preview(shop, made).selected == 3
    change(shop, saved.id, attribute("등급", Asks.TEST_IS, "골드"))
    assert preview(shop, made).selected == 0


def test_a_launch_freezes_the_rule(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 3, tags=("단골",))
    customers(shop, 2, tags=("휴면",))
    saved = save(shop, tag("단골"))
    made = launch(shop, create(shop, sender, audience=to(saved.id)))
    assert made.audience.rule == tag("단골")
    change(shop, saved.id, tag("휴면"))
    archive(shop, saved.id)
    done = worked(shop, made)
    assert (done.state, done.counters.selected, done.counters.delivered) == (State.STATE_DONE, 3, 3)
    assert (done.audience.rule, done.audience.segment_id) == (tag("단골"), saved.id)


def test_a_preview_selects_whom_the_plan_selects(shop: Shop, sender: str, worker: None) -> None:
    """R-OPT-8: what was shown is what is sent."""
    for at in range(4):
        customers(shop, 2, tags=("단골",) if at % 2 else (), ads=at < 3, 구매액=str(at * 1000))
    rule = every(none(tag("없음")), attribute("구매액", Asks.TEST_IS, "1000", "2000", "3000"))
    made = create(shop, sender, audience=to(save(shop, rule).id))
    seen = preview(shop, made)
    launch(shop, made)
    plan.plan(shop.workspace, UUID(made.id), chunk=2)
    planned = get(shop, made).counters
    assert (planned.selected, planned.excluded) == (seen.selected, 2) == (6, sum(one.count for one in seen.exclusions))


def test_whoever_got_the_last_one_is_left_out_of_the_next(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 3, tags=("먼저",))
    first = launch(shop, create(shop, sender, audience=pb.Audience(any_tags=["먼저"])))
    worked(shop, first)
    customers(shop, 2)
    everybody, recent = save(shop, none(tag("없음"))), Rule(campaign=segment_pb2.CampaignRule(days=30))
    this_one = Rule(campaign=segment_pb2.CampaignRule(campaign_ids=[first.id]))
    for rule, people in ((recent, 3), (this_one, 3), (none(recent), 2), (every(this_one, none(tag("먼저"))), 0)):
        assert preview(shop, create(shop, sender, audience=to(save(shop, rule).id))).selected == people
    assert preview(shop, create(shop, sender, audience=to(everybody.id))).selected == 5
    again = launch(shop, create(shop, sender, audience=to(save(shop, none(recent)).id)))
    plan.plan(shop.workspace, UUID(again.id), chunk=1)  # what it plans itself does not count against its own audience
    assert worked(shop, again).counters.selected == 2


def test_a_scheduled_campaign_keeps_its_rule_until_it_is_taken_back(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 2, tags=("단골",))
    saved = save(shop, tag("단골"))
    at = Timestamp()
    at.FromDatetime(clock.now() + timedelta(hours=1))
    made = launch(shop, create(shop, sender, audience=to(saved.id), schedule_time=at))
    change(shop, saved.id, tag("휴면"))
    assert get(shop, made).audience.rule == tag("단골")
    control(shop, "Unschedule", made)
    after = get(shop, made)
    assert not after.audience.HasField("rule")
    assert preview(shop, after).selected == 0
    with database().read(shop.workspace) as tx:
        assert tx.value("SELECT count(*) FROM campaigns WHERE audience IS NULL") == 1


def test_a_tag_gets_its_new_name_in_what_is_scheduled(
    shop: Shop, sender: str, worker: None, sandbox: engine.Sandbox, monkeypatch
) -> None:
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))  # a session would be over by then
    customers(shop, 2, tags=("단골",))
    at = Timestamp()
    at.FromDatetime(clock.now() + timedelta(hours=1))
    made = launch(shop, create(shop, sender, audience=to(save(shop, tag("단골")).id), schedule_time=at))
    found = shop.refused("DeleteTag", segment_pb2.DeleteTagRequest(name="단골"))
    assert found.reason == "TAG_IN_USE"
    shop.call("RenameTag", segment_pb2.RenameTagRequest(name="단골", new_name="우수"))
    engine.Time(sandbox, monkeypatch).forward(hours=1, minutes=1)
    assert start.start(shop.workspace, UUID(made.id), clock.now())
    assert worked(shop, made).counters.delivered == 2


def test_only_a_segment_in_use_is_an_audience(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 1, tags=("단골",))
    saved = save(shop, tag("단골"))
    made = create(shop, sender, audience=to(saved.id))
    archive(shop, saved.id)
    assert [one.reason for one in preview(shop, made).problems] == ["SEGMENT_ARCHIVED"]
    found = refused(shop, "Launch", made)
    assert found.fields == {"campaign.audience.segment_id": "SEGMENT_ARCHIVED"}
    for segment in (saved.id, str(uuid4())):
        wanted = pb.Campaign(name="x", purpose=1, sender_number_id=sender, audience=to(segment))  # type: ignore[arg-type]
        found = shop.refused("CreateCampaign", pb.CreateCampaignRequest(campaign=wanted))
        assert (found.code, found.fields) == (grpc.StatusCode.INVALID_ARGUMENT, {"campaign.audience.segment_id": "NOT_FOUND"})

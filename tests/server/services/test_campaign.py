"""Campaigns over the wire: written, previewed, launched, followed; and what may not happen when."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from jeondan.v1 import campaign_pb2 as pb
from jeondan.v1 import types_pb2

from core import clock, jobs
from core.db import accounts, catalog, provider_accounts
from core.db.session import database
from tests.server.services.marketer import (
    AD,
    BODY,
    INFO,
    State,
    control,
    create,
    customers,
    draft,
    get,
    launch,
    preview,
    refused,
    worked,
)
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import plan


def test_a_draft_is_stored_as_it_was_written(shop: Shop, sender: str) -> None:
    made = create(shop, sender, subject="가을", audience=pb.Audience(any_tags=["단골"], none_tags=["직원"]))
    assert (made.name, made.purpose, made.body, made.subject) == ("가을", AD, BODY, "가을")
    assert (list(made.audience.any_tags), list(made.audience.none_tags)) == (["단골"], ["직원"])
    assert (made.state, made.counters, made.cost_krw) == (State.STATE_DRAFT, pb.Counters(), 0)
    assert made.etag and not made.HasField("launch_time")
    assert get(shop, made) == made


def test_the_same_request_writes_once_and_launches_once(shop: Shop, sender: str) -> None:
    request = pb.CreateCampaignRequest(campaign=draft(sender), request_id=str(uuid4()))
    made = shop.call("CreateCampaign", request).campaign
    assert shop.call("CreateCampaign", request).campaign == made
    assert len(shop.call("ListCampaigns", pb.ListCampaignsRequest()).campaigns) == 1
    customers(shop, 1)
    once = str(uuid4())
    first = launch(shop, made, request_id=once)
    before = jobs.depths()[jobs.PLAN]
    assert launch(shop, made, request_id=once) == first
    assert jobs.depths()[jobs.PLAN] == before
    assert refused(shop, "Launch", made, request_id=str(uuid4())).reason == "WRONG_STATE"


def test_what_cannot_be_stored_is_refused_by_field(shop: Shop, sender: str) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"name": ""}, "campaign.name"),
        ({"purpose": 0}, "campaign.purpose"),
        ({"body": "가" * 4001}, "campaign.body"),
        ({"sender_number_id": "x"}, "campaign.sender_number_id"),
        ({"sender_number_id": str(uuid4())}, "campaign.sender_number_id"),
        ({"flyer_id": str(uuid4())}, "campaign.flyer_id"),
        ({"audience": pb.Audience(any_tags=["x" * 31])}, "campaign.audience.any_tags[0]"),
    ]
    for change, field in wrong:
        refusal = shop.refused("CreateCampaign", pb.CreateCampaignRequest(campaign=draft(sender, **change)))
        assert (refusal.code, list(refusal.fields)) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


def test_an_update_changes_what_it_names_and_needs_the_version_that_was_read(shop: Shop, sender: str) -> None:
    made = create(shop, sender)
    request = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign(name="겨울"), etag=made.etag)
    after = shop.call("UpdateCampaign", request).campaign
    assert (after.name, after.body) == ("겨울", BODY) and after.etag != made.etag
    refusal = shop.refused("UpdateCampaign", request)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    emptied = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign())
    emptied.update_mask.paths.append("body")
    assert shop.call("UpdateCampaign", emptied).campaign.body == ""


def test_lists_filter_order_and_leave_out_the_archived(shop: Shop, sender: str) -> None:
    first, second = create(shop, sender, name="가을 할인"), create(shop, sender, name="안내", purpose=INFO)

    def names(**more: object) -> list[str]:
        return [one.name for one in shop.call("ListCampaigns", pb.ListCampaignsRequest(**more)).campaigns]

    assert names() == ["안내", "가을 할인"]
    assert names(order_by="name") == sorted(names())
    assert names(filter='purpose = "INFO"') == ["안내"]
    assert names(filter='name : "할인" AND state = "DRAFT"') == ["가을 할인"]
    assert names(filter='state = "DONE"') == []
    assert control(shop, "Archive", first).HasField("archive_time")
    assert control(shop, "Archive", first).etag == get(shop, first).etag
    assert names() == ["안내"]
    assert names(show_archived=True) == ["안내", "가을 할인"]
    assert shop.refused("ListCampaigns", pb.ListCampaignsRequest(filter='state = "FLYING"')).reason == "BAD_FILTER"
    assert get(shop, second).name == "안내"


def test_a_preview_is_what_happens_to_the_person_the_byte_and_the_won(shop: Shop, sender: str, worker: None, sandbox) -> None:
    customers(shop, 4, 등급="VIP")
    customers(shop, 2, 등급="아주 오래된 그리고 정말 고마운 우리 동네 최고의 단골 손님 여러분")
    customers(shop, 3, ads=False)
    customers(shop, 1)
    suppressed = customers(shop, 1, 등급="일반")
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO suppressions (id, workspace_id, phone_hash, phone_sealed, source, created_at) SELECT gen_random_uuid(),"
            " workspace_id, phone_hash, phone_sealed, 'MANUAL', now() FROM contacts WHERE id = :id",
            id=int(suppressed[0]),
        )
    made = create(shop, sender, body="#{이름|고객}님, #{등급} 회원 원두 20% 할인")
    seen = preview(shop, made, sample_count=20)
    assert (seen.selected, list(seen.problems)) == (11, [])
    assert {one.reason: one.count for one in seen.exclusions} == {"NO_CONSENT": 3, "MISSING_VARIABLE": 1, "OPTED_OUT": 1}
    assert all(one.label and one.label != one.reason for one in seen.exclusions)
    assert {one.channel: one.count for one in seen.channels} == {types_pb2.CHANNEL_SMS: 4, types_pb2.CHANNEL_LMS: 2}
    assert seen.samples[0].bytes == max(one.bytes for one in seen.samples)
    assert len(seen.samples) == 6
    texts = [one.text for one in seen.samples]
    launch(shop, made, etag=made.etag)
    done = worked(shop, made)
    assert (done.state, done.counters.delivered, done.counters.excluded) == (State.STATE_DONE, 6, 5)
    assert {one.reason: one.count for one in done.exclusions} == {one.reason: one.count for one in seen.exclusions}
    assert done.cost_krw == seen.cost_krw == 85  # 4 x 8.4 + 2 x 25.9 = 85.4
    assert {one.channel: one.cost_krw for one in seen.channels} == {types_pb2.CHANNEL_SMS: 34, types_pb2.CHANNEL_LMS: 52}
    assert sorted(one["text"] for one in sandbox.log()) == sorted(texts)
    assert sorted(one["bytes"] for one in sandbox.log()) == sorted(one.bytes for one in seen.samples)
    assert (done.progress.done, done.progress.total) == (11, 11)
    assert done.HasField("end_time")


def test_samples_are_masked_and_as_many_as_asked(shop: Shop, sender: str) -> None:
    customers(shop, 8)
    made = create(shop, sender)
    seen = preview(shop, made)
    assert len(seen.samples) == 5
    assert len(preview(shop, made, sample_count=2).samples) == 2
    assert {one.masked_name for one in seen.samples} == {"김*나"}
    assert all("****" in one.masked_phone for one in seen.samples)
    assert get(shop, made) == made, "a preview stores nothing"


def test_a_text_that_cannot_be_finished_has_no_price_and_no_sample(shop: Shop, sender: str) -> None:
    customers(shop, 3), customers(shop, 2, ads=False)
    seen = preview(shop, create(shop, sender, body="#{이름 님"))
    assert (seen.selected, [one.reason for one in seen.problems]) == (5, ["BAD_VARIABLE"])
    assert {one.reason: one.count for one in seen.exclusions} == {"NO_CONSENT": 2}
    assert (seen.cost_krw, list(seen.channels), list(seen.samples)) == (0, [], [])


def test_rare_syllables_are_pointed_out(shop: Shop, sender: str) -> None:
    assert list(preview(shop, create(shop, sender, body="뷁 € 원두")).rare_characters) == ["€", "뷁"]


def test_what_the_preview_complains_of_the_launch_refuses(shop: Shop, sender: str) -> None:
    customers(shop, 1)
    wrong: list[tuple[dict[str, object], set[str]]] = [
        ({"body": ""}, {"TEXT_REQUIRED"}),
        ({"body": "축하 🎉"}, {"UNSUPPORTED_CHARACTERS"}),
        ({"body": "가" * 1500}, {"BODY_TOO_LONG"}),
        ({"body": "( 광고 ) 할인"}, {"LABEL_VARIANT"}),
        ({"subject": "가" * 18}, {"SUBJECT_TOO_LONG"}),
        ({"audience": pb.Audience(any_tags=["없음"])}, {"EMPTY_AUDIENCE"}),
    ]
    for change, reasons in wrong:
        made = create(shop, sender, **change)
        seen = preview(shop, made)
        assert {one.reason for one in seen.problems} == reasons
        refusal = refused(shop, "Launch", made)
        assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refusal.fields == {one.field: one.reason for one in seen.problems}
        assert refusal.reason in reasons
        assert get(shop, made).state == State.STATE_DRAFT


def test_the_facts_around_a_draft_are_looked_at_when_it_is_launched(shop: Shop, sender: str) -> None:
    customers(shop, 1)
    late = Timestamp()
    late.FromDatetime(clock.now() - timedelta(minutes=1))
    with database().write(shop.workspace) as tx:
        flyer = catalog.add_flyer(tx, shop.workspace, {"layout": "HERO", "product_ids": []}, clock.now()).id
    made = create(shop, sender, purpose=INFO, flyer_id=str(flyer), expire_time=late)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE sender_numbers SET active = false")
    expected = {"SENDER_NOT_REGISTERED", "FLYER_NOT_READY", "FLYER_IS_AD", "EXPIRE_TIME_PAST"}
    assert {one.reason for one in preview(shop, made).problems} == expected
    assert set(refused(shop, "Launch", made).fields.values()) == expected


def test_everybody_left_out_is_an_empty_audience_too(shop: Shop, sender: str) -> None:
    customers(shop, 3, ads=False)
    made = create(shop, sender)
    assert [one.reason for one in preview(shop, made).problems] == ["EMPTY_AUDIENCE"]
    assert refused(shop, "Launch", made).fields == {"campaign.audience": "EMPTY_AUDIENCE"}
    assert preview(shop, create(shop, sender, purpose=INFO)).problems == []


def test_without_an_account_or_an_optout_number_nothing_is_launched(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        number = str(accounts.add_sender_number(tx, shop.workspace, engine.SENDER))
        tx.run("UPDATE workspaces SET optout_number = ''")
    customers(shop, 1)
    assert set(refused(shop, "Launch", create(shop, number)).fields.values()) == {"NO_OPTOUT_NUMBER", "NO_PROVIDER_ACCOUNT"}


def test_advertising_needs_a_certified_provider_and_information_does_not(shop: Shop, sender: str) -> None:
    """R-SND-5: refused in preview and launch, with what to do about it."""
    customers(shop, 1)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE provider_accounts SET certificate_checked_on = CURRENT_DATE - 400")
    made = create(shop, sender)
    assert [one.reason for one in preview(shop, made).problems] == ["GATEWAY_NOT_QUALIFIED"]
    assert refused(shop, "Launch", made).fields == {"workspace": "GATEWAY_NOT_QUALIFIED"}
    assert launch(shop, create(shop, sender, purpose=INFO)).state == State.STATE_PLANNING


def test_bytes_are_counted_with_the_number_of_the_account_that_carries_it(shop: Shop, sender: str) -> None:
    """R-LBL-7: the merchant's own 080 number, and the account's where it has one."""
    customers(shop, 1)
    made = create(shop, sender)
    before = preview(shop, made).samples[0]
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE provider_accounts SET optout_number = '08012345678'")
    after = preview(shop, made).samples[0]
    assert after.text.endswith("\n무료거부08012345678")
    assert after.bytes == before.bytes + 1
    launch(shop, made)
    with database().read(shop.workspace) as tx:
        assert tx.row("SELECT routes FROM campaigns").routes[0]["optout_number"] == "08012345678"


def test_a_launch_freezes_what_was_approved(shop: Shop, sender: str) -> None:
    customers(shop, 3)
    made = create(shop, sender, subject="가을")
    assert refused(shop, "Launch", made, etag="other").reason == "ETAG_MISMATCH"
    launched = launch(shop, made, etag=made.etag)
    assert (launched.state, launched.progress.total) == (State.STATE_PLANNING, 3)
    assert launched.HasField("launch_time")
    assert launched.expire_time.ToDatetime() - launched.launch_time.ToDatetime() == timedelta(days=2)
    with database().read(shop.workspace) as tx:
        row = tx.row("SELECT * FROM campaigns")
    assert row.frozen_body == "(광고)[봄날커피] #{이름|고객}님, 원두 20% 할인\n무료거부0801234567"
    assert (row.frozen_subject, row.sender, row.routes[0]["prices"]["SMS"]) == ("(광고) 가을", engine.SENDER, "8.4")
    assert jobs.depths()[jobs.PLAN] == 1
    request = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign(name="x"))
    assert shop.refused("UpdateCampaign", request).reason == "WRONG_STATE"


def test_a_campaign_is_paused_resumed_and_cancelled(shop: Shop, sender: str, worker: None) -> None:
    customers(shop, 3)
    made = create(shop, sender)
    launch(shop, made)
    assert control(shop, "Pause", made).state == State.STATE_PAUSED
    assert worked(shop, made).counters == pb.Counters()
    assert control(shop, "Resume", made).state == State.STATE_PLANNING
    plan.plan(shop.workspace, UUID(made.id))
    control(shop, "Pause", made)
    assert worked(shop, made).counters.planned == 3
    assert control(shop, "Resume", made).state == State.STATE_SENDING
    control(shop, "Pause", made)
    cancelled = control(shop, "Cancel", made)
    assert cancelled.state == State.STATE_CANCELLED and cancelled.HasField("end_time")
    assert worked(shop, made).counters.cancelled == 3


FORBIDDEN = {
    "DRAFT": ("Pause", "Resume", "Unschedule"),
    "PLANNING": ("Launch", "Resume", "Archive", "Unschedule"),
    "SENDING": ("Launch", "Resume", "Archive", "Unschedule"),
    "PAUSED": ("Launch", "Pause", "Archive"),
    "DONE": ("Launch", "Pause", "Resume", "Cancel"),
    "CANCELLED": ("Launch", "Pause", "Resume", "Cancel"),
    "APPROVED": ("Pause", "Resume"),
    "SCHEDULED": ("Launch", "Pause", "Resume", "Archive"),
}


def test_what_may_not_happen_in_a_state_is_refused_and_changes_nothing(shop: Shop, sender: str) -> None:
    customers(shop, 1)
    made = create(shop, sender)
    for state, forbidden in FORBIDDEN.items():
        with database().write(shop.workspace) as tx:
            tx.run("UPDATE campaigns SET state = :state", state=state)
        before = get(shop, made)
        for what in forbidden:
            refusal = refused(shop, what, made)
            expected = (state, what, grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
            assert (state, what, refusal.code, refusal.reason) == expected
        assert get(shop, made) == before


def test_an_archived_draft_is_neither_changed_nor_launched(shop: Shop, sender: str) -> None:
    customers(shop, 1)
    made = control(shop, "Archive", create(shop, sender))
    assert refused(shop, "Launch", made).reason == "WRONG_STATE"
    request = pb.UpdateCampaignRequest(campaign_id=made.id, campaign=pb.Campaign(name="x"))
    assert shop.refused("UpdateCampaign", request).reason == "WRONG_STATE"


def test_a_campaign_says_that_its_account_keeps_it_waiting(shop: Shop, sender: str) -> None:
    customers(shop, 1)
    made = create(shop, sender)
    with database().write(shop.workspace) as tx:
        account = provider_accounts.standing(tx)[0].id
        provider_accounts.pause(tx, account, "BALANCE")
    assert "충전" in launch(shop, made).waiting_for
    assert control(shop, "Pause", made).waiting_for == ""
    assert "충전" in control(shop, "Resume", made).waiting_for
    assert control(shop, "Cancel", made).waiting_for == ""


def test_a_campaign_that_only_waits_for_the_morning_says_so(shop: Shop, sender: str, worker: None, sandbox, monkeypatch) -> None:
    people = customers(shop, 2)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET night_consent = false WHERE id = :id", id=int(people[0]))
    made = create(shop, sender)
    assert launch(shop, made).waiting_for == ""
    engine.Time(sandbox, monkeypatch).at(23)
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))  # a person's session would be over in the morning
    held = worked(shop, made)
    assert (held.state, held.counters.held, held.counters.delivered) == (State.STATE_SENDING, 1, 1)
    assert held.waiting_for == "08:00까지 대기"
    assert control(shop, "Pause", made).waiting_for == ""
    control(shop, "Resume", made)
    engine.Time(sandbox, monkeypatch).forward(hours=9, minutes=1)
    done = worked(shop, made)
    assert (done.state, done.counters.delivered, done.waiting_for) == (State.STATE_DONE, 2, "")


def test_what_does_not_exist_is_not_found(shop: Shop) -> None:
    nothing = pb.Campaign(id=str(uuid4()))
    for what in ("Get", "Update", "Archive", "Preview", "Launch", "Unschedule", "Pause", "Resume", "Cancel"):
        assert (what, refused(shop, what, nothing).code) == (what, grpc.StatusCode.NOT_FOUND)


def test_failures_are_shown_with_their_labels(shop: Shop, sender: str, worker: None, sandbox: engine.Sandbox) -> None:
    customers(shop, 3)
    made = create(shop, sender)
    launch(shop, made)
    sandbox.fault("code", path="/send*", code=-999, message="내용 오류")
    done = worked(shop, made)
    assert [(one.reason, one.label, one.count) for one in done.failures] == [("PROVIDER_REFUSED", "발송사가 거절함", 3)]
    assert (done.cost_krw, done.state) == (0, State.STATE_DONE)

"""Who got a campaign and who did not: lists before and after, and the explanation of one person."""

import urllib.request
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import campaign_pb2, send_pb2, types_pb2
from jeondan.v1 import report_pb2 as pb

from core import clock
from core.db import accounts
from core.db.session import database
from core.rules.law import RULESET
from tests.server.services.marketer import INFO, control, create, customers, get, launch, preview, worked
from tests.server.shop import Shop
from tests.workers import shop as engine
from workers import deliver, plan
from workers import report as writer

State, Verdict = send_pb2.Message, pb.Explanation


def people(shop: Shop, campaign: campaign_pb2.Campaign, **more: object) -> list[pb.Recipient]:
    """All pages."""
    found, token = list[pb.Recipient](), ""
    while True:
        request = pb.ListRecipientsRequest(campaign_id=campaign.id, page_token=token, **more)
        answer = shop.call("ListRecipients", request)
        found, token = [*found, *answer.recipients], answer.next_page_token
        if not token:
            return found


def explain(shop: Shop, campaign: campaign_pb2.Campaign, contact: str = "", **more: str) -> pb.Explanation:
    request = pb.ExplainRecipientRequest(campaign_id=campaign.id, contact_id=contact, **more)
    return shop.call("ExplainRecipient", request).explanation


def suppress(shop: Shop, contact: str) -> None:
    with database().read(shop.workspace) as tx:
        sealed = tx.value("SELECT phone_sealed FROM contacts WHERE id = :id", id=int(contact))
        number = accounts.keys(tx, shop.workspace).opener()(sealed)
    shop.call("CreateSuppression", audience.CreateSuppressionRequest(phone=number))


def ids(found: list[pb.Recipient]) -> list[str]:
    return [one.contact_id for one in found]


def why(found: pb.Explanation) -> list[str]:
    return [one.reason for one in found.reasons]


@pytest.fixture
def mixed(shop: Shop, sender: str) -> dict[str, list[str]]:
    """Seven customers: two good ones, and others who are left out."""
    made = {"good": customers(shop, 2, 등급="VIP"), "no": customers(shop, 2, ads=False), "bare": customers(shop, 1)}
    made["out"] = customers(shop, 2, 등급="일반")
    for contact in made["out"]:
        suppress(shop, contact)
    return made


def test_the_funnel_says_the_rule_and_what_is_left(shop: Shop, sender: str, mixed: dict[str, list[str]]) -> None:
    """R-OPT-8: the exclusions of a preview, in the order of deciding, end at those who would get it."""
    seen = preview(shop, create(shop, sender, body="#{등급} 회원 할인"))
    steps = [(one.reason, one.count, one.rule, one.remaining) for one in seen.exclusions]
    assert steps == [("OPTED_OUT", 2, "R-CON-4", 5), ("NO_CONSENT", 2, "R-CON-1", 3), ("MISSING_VARIABLE", 1, "", 2)]
    assert all(one.sentence.endswith(".") for one in seen.exclusions)
    assert seen.exclusions[-1].remaining == sum(one.count for one in seen.channels)


def test_a_dry_run_lists_the_same_people_as_the_preview_counts(shop: Shop, sender: str, mixed: dict[str, list[str]]) -> None:
    """R-OPT-8: preview and list come from the query that plans."""
    made = create(shop, sender, body="#{등급} 회원 할인")
    found = people(shop, made)
    assert ids(found) == sorted(sum(mixed.values(), []), key=int)
    assert ids(people(shop, made, filter='state = "EXCLUDED"')) == sorted(mixed["no"] + mixed["bare"] + mixed["out"], key=int)
    assert ids(people(shop, made, filter='reason = "MISSING_VARIABLE"')) == mixed["bare"]
    assert ids(people(shop, made, filter='state = "PLANNED"', page_size=1)) == mixed["good"]
    assert people(shop, made, filter='state = "PLANNED" AND state = "EXCLUDED"') == []
    one = next(one for one in found if one.contact_id == mixed["no"][0])
    assert (one.masked_name, one.reason.label, one.reason.rule, one.message_id) == ("김*나", "광고 수신동의 없음", "R-CON-1", "")
    assert "****" in one.masked_phone
    assert shop.call("ListRecipients", pb.ListRecipientsRequest(campaign_id=made.id)).dry_run


def test_after_the_launch_everybody_is_listed_once_with_where_they_are(
    shop: Shop, sender: str, mixed: dict[str, list[str]], worker: None
) -> None:
    """R-OPT-8: the report reconciles: everybody selected is in exactly one place."""
    made = create(shop, sender, body="#{등급} 회원 할인")
    launch(shop, made)
    plan.plan(shop.workspace, UUID(made.id))
    suppress(shop, mixed["good"][0])
    done = worked(shop, made)
    found = people(shop, made, page_size=2)
    assert len(found) == len({one.contact_id for one in found}) == done.counters.selected == 7
    by = {one.contact_id: (one.state, one.reason.reason, bool(one.message_id)) for one in found}
    assert by[mixed["good"][1]] == (State.STATE_DELIVERED, "", True)
    assert by[mixed["good"][0]] == (State.STATE_EXCLUDED, "OPTED_OUT", True), "left out at the moment of dispatch"
    assert by[mixed["out"][0]] == (State.STATE_EXCLUDED, "OPTED_OUT", False)
    assert by[mixed["bare"][0]] == (State.STATE_EXCLUDED, "MISSING_VARIABLE", True)
    assert set(ids(people(shop, made, filter='reason = "OPTED_OUT"'))) == {*mixed["out"], mixed["good"][0]}
    assert ids(people(shop, made, filter='state = "DELIVERED"')) == mixed["good"][1:]
    assert len(people(shop, made, filter='state = "EXCLUDED"', page_size=1)) == 6
    assert done.exclusions[-1].remaining == done.counters.delivered == 1
    assert not shop.call("ListRecipients", pb.ListRecipientsRequest(campaign_id=made.id)).dry_run


def test_before_a_launch_one_person_is_explained_with_every_reason(shop: Shop, sender: str, mixed: dict[str, list[str]]) -> None:
    """R-CON-1, R-CON-4: all that stands in the way, the first of them counts."""
    made = create(shop, sender, body="#{등급} 회원 할인")
    fine = explain(shop, made, mixed["good"][0])
    assert (fine.verdict, fine.dry_run, fine.reproduced, why(fine)) == (Verdict.VERDICT_ALLOW, True, True, [])
    assert fine.text == "(광고)[봄날커피] VIP 회원 할인\n무료거부0801234567" and fine.ruleset == RULESET
    assert [(one.scope, one.granted, one.source) for one in fine.inputs.consents] == [
        ("ADS", True, "매장"),
        ("NIGHT", True, "매장"),
    ]
    assert fine.inputs.consent_until and not fine.inputs.opted_out
    suppress(shop, mixed["no"][0])
    both = explain(shop, made, mixed["no"][0])
    assert (both.verdict, why(both), both.reproduced) == (Verdict.VERDICT_BLOCK, ["OPTED_OUT", "NO_CONSENT"], True)
    assert [one.rule for one in both.reasons] == ["R-CON-4", "R-CON-1"] and both.sentence == both.reasons[0].sentence
    assert both.inputs.opted_out and [one.source for one in both.inputs.optouts] == ["MANUAL"]
    bare = explain(shop, made, mixed["bare"][0])
    assert (bare.verdict, why(bare), bare.text) == (Verdict.VERDICT_BLOCK, ["MISSING_VARIABLE"], "")


def test_after_it_the_decision_is_that_of_its_instant(shop: Shop, sender: str, worker: None) -> None:
    """R-OPT-1: whoever said no later got it lawfully, and whoever said no before did not; both can be shown."""
    early, late = customers(shop, 2)
    made = create(shop, sender)
    launch(shop, made)
    plan.plan(shop.workspace, UUID(made.id))
    suppress(shop, early)
    done = worked(shop, made)
    suppress(shop, late)
    assert (done.counters.delivered, done.counters.excluded) == (1, 1)
    out = explain(shop, made, early)
    assert (out.verdict, why(out), out.reproduced) == (Verdict.VERDICT_BLOCK, ["OPTED_OUT"], True)
    assert out.HasField("decide_time") and not out.dry_run and not out.handovers
    got = explain(shop, made, late)
    assert (got.verdict, why(got), got.reproduced) == (Verdict.VERDICT_ALLOW, [], True)
    assert not got.inputs.opted_out and not got.inputs.optouts, "that came later"
    (call,) = got.handovers
    assert (call.provider, call.channel, call.outcome) == ("aligo", types_pb2.CHANNEL_SMS, "ACCEPTED")
    assert (call.sender, len(call.text_hash)) == (engine.SENDER, 16) and call.start_time == got.decide_time
    assert [one.state for one in call.results] == [State.STATE_DELIVERED]
    assert got.recipient.message_id and "김*나님" in got.text


def test_a_text_whose_values_have_changed_is_not_shown(shop: Shop, sender: str, worker: None) -> None:
    (one,) = customers(shop, 1)
    made = create(shop, sender)
    launch(shop, made)
    worked(shop, made)
    assert explain(shop, made, one).text
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET name = '박다른' WHERE id = :id", id=int(one))
    assert not explain(shop, made, one).text and explain(shop, made, one).handovers[0].text_hash


def test_whoever_was_left_out_by_the_plan_is_explained_as_of_the_plan(shop: Shop, sender: str, worker: None) -> None:
    """R-CON-1: a consent that came after the plan changes nothing about it."""
    (one,) = customers(shop, 1, ads=False)
    customers(shop, 1)
    made = create(shop, sender)
    launch(shop, made)
    worked(shop, made)
    now = clock.now()
    with database().write(shop.workspace) as tx:
        tx.run(
            "UPDATE contacts SET ad_consent = true, consent_at = :now, consent_source = '매장' WHERE id = :id",
            id=int(one),
            now=now,
        )
        tx.run(
            "INSERT INTO consents (workspace_id, contact_id, scope, granted, given_at, source, recorded_by, recorded_at)"
            " VALUES (:w, :id, 'ADS', true, :now, '매장', 'test', :later)",
            w=shop.workspace,
            id=int(one),
            now=now,
            later=now + timedelta(seconds=1),
        )
    found = explain(shop, made, one)
    assert (why(found), found.reproduced) == (["NO_CONSENT"], True)
    assert all(not consent.granted for consent in found.inputs.consents)


def test_whoever_waits_for_the_morning_is_told_until_when(
    shop: Shop, sender: str, worker: None, sandbox: engine.Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-NGT-1: an ad without consent to the night is deferred, and that can be seen."""
    (one,) = customers(shop, 1)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET night_consent = false")
    made = create(shop, sender)
    engine.Time(sandbox, monkeypatch).at(22)
    shop = replace(shop, metadata=(("x-api-key", shop.api_key),))  # a session may have ended by then
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO consents (workspace_id, contact_id, scope, granted, source, recorded_by, recorded_at)"
            " VALUES (:w, :id, 'NIGHT', false, '', 'test', :now)",
            w=shop.workspace,
            id=int(one),
            now=clock.now(),
        )
    launch(shop, made)
    plan.plan(shop.workspace, UUID(made.id))
    with database().read(shop.workspace) as tx:
        (batch,) = tx.rows("SELECT id FROM batches")
    deliver.deliver(shop.workspace, batch.id)
    found = explain(shop, made, one)
    assert found.recipient.state == State.STATE_HELD
    assert (found.verdict, why(found), found.dry_run) == (Verdict.VERDICT_DEFER, ["QUIET_HOURS"], True)
    assert clock.kst(found.defer_time.ToDatetime(clock.now().tzinfo)).strftime("%H:%M") == "08:00" and "08:00" in found.sentence


def test_whoever_is_not_in_the_audience_is_told_why(shop: Shop, sender: str, worker: None) -> None:
    vip, other = customers(shop, 1, tags=("단골",)) + customers(shop, 1)
    made = create(shop, sender, audience=campaign_pb2.Audience(any_tags=["단골"]))
    assert why(explain(shop, made, other)) == ["NOT_IN_AUDIENCE"]
    stranger = explain(shop, made, phone="010-9999-0000")
    assert (stranger.verdict, why(stranger)) == (Verdict.VERDICT_NOT_SELECTED, ["NOT_A_CUSTOMER"])
    assert not stranger.recipient.contact_id and not stranger.recipient.state
    launch(shop, made)
    assert why(explain(shop, made, vip)) == ["NOT_PLANNED_YET"]
    worked(shop, made)
    (late,) = customers(shop, 1, tags=("단골",))
    assert why(explain(shop, made, late)) == ["ADDED_LATER"]
    assert why(explain(shop, made, other)) == ["NOT_IN_AUDIENCE"]
    shop.call("ArchiveContact", audience.ArchiveContactRequest(contact_id=other))
    assert why(explain(shop, made, other)) == ["ARCHIVED"]


def test_a_cancelled_campaign_says_so(shop: Shop, sender: str, worker: None) -> None:
    (one,) = customers(shop, 1)
    made = create(shop, sender)
    launch(shop, made)
    plan.plan(shop.workspace, UUID(made.id))
    control(shop, "Cancel", made)
    worked(shop, made)
    found = explain(shop, made, one)
    assert (found.verdict, why(found), found.recipient.state) == (Verdict.VERDICT_BLOCK, ["CANCELLED"], State.STATE_CANCELLED)
    dropped = create(shop, sender)
    control(shop, "Cancel", dropped)
    assert why(explain(shop, dropped, one)) == ["NOT_LAUNCHED"] and people(shop, dropped) == []


def test_information_needs_no_consent(shop: Shop, sender: str, mixed: dict[str, list[str]]) -> None:
    """R-PUR-5: an opted-out person still gets information."""
    made = create(shop, sender, purpose=INFO, body="주문하신 원두를 보냈습니다")
    found = explain(shop, made, mixed["out"][0])
    assert (found.verdict, why(found), found.reproduced) == (Verdict.VERDICT_ALLOW, [], True)


def test_it_takes_one_person_and_a_campaign_of_ones_own(shop: Shop, other: Shop, sender: str) -> None:
    (one,) = customers(shop, 1)
    made = create(shop, sender)
    for request in ({}, {"contact_id": one, "phone": "01012345678"}):
        refusal = shop.refused("ExplainRecipient", pb.ExplainRecipientRequest(campaign_id=made.id, **request))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "EXPLAIN_WHOM")
    for contact in ("9" * 19, "9" * 20, "x", "²"):
        refusal = shop.refused("ExplainRecipient", pb.ExplainRecipientRequest(campaign_id=made.id, contact_id=contact))
        assert refusal.reason == "NOT_FOUND", contact
    bad = pb.ExplainRecipientRequest(campaign_id=made.id, phone="02-123-4567")
    assert shop.refused("ExplainRecipient", bad).reason == "PHONE_LANDLINE"
    assert shop.refused("ListRecipients", pb.ListRecipientsRequest(campaign_id=str(uuid4()))).reason == "NOT_FOUND"
    mine = create(other, _sender(other))
    assert (
        other.refused("ExplainRecipient", pb.ExplainRecipientRequest(campaign_id=made.id, contact_id=one)).reason == "NOT_FOUND"
    )
    assert (
        other.refused("ExplainRecipient", pb.ExplainRecipientRequest(campaign_id=mine.id, contact_id=one)).reason == "NOT_FOUND"
    )
    assert other.refused("ListRecipients", pb.ListRecipientsRequest(campaign_id=made.id)).reason == "NOT_FOUND"
    assert get(shop, made).id == made.id


def _sender(shop: Shop) -> str:
    with database().write(shop.workspace) as tx:
        return str(accounts.add_sender_number(tx, shop.workspace, "0212345679"))


def test_a_report_is_asked_for_written_and_fetched(shop: Shop, sender: str, mixed: dict[str, list[str]], worker: None) -> None:
    """R-OPT-8, R-PII-5: the report's buckets sum to the selected, and who took it is written down."""
    made = create(shop, sender, body="#{등급} 회원 할인")
    request = pb.CreateReportRequest(campaign_id=made.id, request_id=str(uuid4()))
    assert shop.refused("CreateReport", request).reason == "REPORT_TOO_EARLY"
    launch(shop, made)
    assert shop.refused("CreateReport", request).reason == "REPORT_TOO_EARLY"
    done = worked(shop, made)
    asked = shop.call("CreateReport", request).report
    assert shop.call("CreateReport", request).report == asked
    assert (asked.state, asked.progress.total, asked.download_url) == (pb.Report.STATE_PENDING, 7, "")
    with database().read(shop.workspace) as tx:
        looked = tx.rows("SELECT subject, people FROM access_log WHERE action = 'CreateReport'")
    assert [tuple(one) for one in looked] == [(f"campaign {made.id}", 7)]
    writer.write(shop.workspace, UUID(asked.id))
    found = shop.call("GetReport", pb.GetReportRequest(report_id=asked.id)).report
    assert (found.state, found.counters) == (pb.Report.STATE_DONE, done.counters)
    assert found.counters.selected == found.counters.delivered + found.counters.excluded == 7
    assert list(found.exclusions) == list(done.exclusions) and not found.failures
    with urllib.request.urlopen(found.download_url) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert len(answer.read().splitlines()) == 8


def test_a_report_is_of_ones_own(shop: Shop, other: Shop, sender: str, worker: None) -> None:
    customers(shop, 1)
    made = create(shop, sender)
    launch(shop, made)
    worked(shop, made)
    assert other.refused("CreateReport", pb.CreateReportRequest(campaign_id=made.id)).reason == "NOT_FOUND"
    asked = shop.call("CreateReport", pb.CreateReportRequest(campaign_id=made.id)).report
    assert other.refused("GetReport", pb.GetReportRequest(report_id=asked.id)).reason == "NOT_FOUND"


def test_a_buyer_is_explained_by_what_was_bought(shop: Shop, sender: str, worker: None) -> None:
    """R-CON-3: the exemption of buyers, with the orders it stands on."""
    same, different = customers(shop, 2, ads=False)
    made = create(shop, sender)
    day = clock.kst(clock.now()).date()
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET trade_exemption = true")
        tx.run("UPDATE campaigns SET goods = '{원두}'")
        for contact, kind in ((same, "원두"), (different, "기계")):
            tx.run(
                "INSERT INTO trades (workspace_id, order_id, kind, contact_id, ended_on, created_at)"
                " VALUES (:w, :order, :kind, :contact, :day, :now)",
                w=shop.workspace,
                order=f"A-{contact}",
                kind=kind,
                contact=int(contact),
                day=day,
                now=clock.now(),
            )
    bought, other_kind = explain(shop, made, same), explain(shop, made, different)
    assert (bought.verdict, why(bought), bought.reproduced) == (Verdict.VERDICT_ALLOW, [], True)
    assert [(one.order_id, one.kind, one.ended_on) for one in bought.inputs.trades] == [(f"A-{same}", "원두", day.isoformat())]
    assert list(bought.inputs.goods) == ["원두"] and not bought.inputs.consent_until
    assert (why(other_kind), other_kind.reproduced) == (["TXN_KIND_MISMATCH"], True)


def test_who_had_enough_advertising_is_told_how_much(shop: Shop, sender: str, worker: None) -> None:
    """R-OPT-8: the cap decides in the list as in the explanation."""
    (one,) = customers(shop, 1)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE workspaces SET ad_cap = 1, ad_cap_days = 7")
    before = create(shop, sender)
    launch(shop, before)
    worked(shop, before)
    found = explain(shop, create(shop, sender), one)
    assert (why(found), found.reproduced, found.inputs.recent_ads) == (["FREQUENCY_CAP"], True, 1)
    assert explain(shop, before, one).inputs.recent_ads == 0

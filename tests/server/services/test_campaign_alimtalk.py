"""A campaign by Alimtalk as the marketer sees it: previewed, refused with a clear sentence, launched, followed to the end."""

from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import template_pb2, types_pb2

from core.db import accounts, templates
from core.db.session import database
from tests.server.services.marketer import INFO, State, create, customers, draft, get, launch, preview, refused, worked
from tests.server.shop import Shop, open_shop
from tests.workers import shop as engine
from workers import templates as syncing

BODY = "#{이름|고객}님,\n주문번호 A-1007 접수되었습니다."
ALIMTALK = types_pb2.CHANNEL_ALIMTALK


@pytest.fixture
def environment(environment: dict[str, str], sandbox: engine.Sandbox) -> dict[str, str]:
    return {**environment, "ALIGO_KAKAO_URL": sandbox.url}


@pytest.fixture
def kakao(shop: Shop, sender: str, worker: None) -> dict[str, str]:
    """The templates of the shop by code."""
    with database().read(shop.workspace) as tx:
        account = accounts.provider_accounts(tx)[0].id
    syncing.sync(shop.workspace, account)
    found = shop.call("ListTemplates", template_pb2.ListTemplatesRequest()).templates
    return {one.code: one.id for one in found} | {"sender": sender}


def notice(shop: Shop, kakao: dict[str, str], code: str = "TX_0412", **more: object):
    return create(shop, kakao["sender"], **{"purpose": INFO, "body": BODY, "template_id": kakao[code], **more})


def reasons(shop: Shop, campaign) -> list[tuple[str, str]]:
    return [(one.field, one.reason) for one in preview(shop, campaign).problems]


def test_a_notice_is_previewed_launched_and_falls_back_for_one(shop: Shop, kakao: dict[str, str]) -> None:
    customers(shop, 2, ads=False)
    with database().write(shop.workspace) as tx:
        keys = accounts.keys(tx, shop.workspace)
        tx.run(
            "UPDATE contacts SET phone_sealed = :sealed, phone_hash = :hash WHERE id = (SELECT max(id) FROM contacts)",
            sealed=keys.sealer()("01000009007"),
            hash=keys.lookup("01000009007"),
        )
    written = notice(shop, kakao, fallback_body="[봄날커피] #{이름}님 주문 접수")
    assert (written.template_id, written.fallback_body) == (kakao["TX_0412"], "[봄날커피] #{이름}님 주문 접수")
    seen = preview(shop, written)
    assert (list(seen.problems), seen.selected, seen.cost_krw) == ([], 2, 13)
    assert [(one.channel, one.count) for one in seen.channels] == [(ALIMTALK, 2)]
    assert seen.samples[0].text == "김하나님,\r\n주문번호 A-1007 접수되었습니다."
    assert seen.samples[0].bytes == len(seen.samples[0].text)
    launched = launch(shop, written)
    assert launched.state == State.STATE_PLANNING
    worked(shop, launched)
    done = worked(shop, launched)
    done = worked(shop, done)
    assert (done.counters.delivered, done.counters.failed, done.counters.planned) == (2, 0, 0)
    assert done.cost_krw == 21  # 2 x 6.5 and 8.4
    assert get(shop, done).state == State.STATE_DONE


def test_advertising_by_template_is_refused_with_a_clear_sentence(shop: Shop, kakao: dict[str, str]) -> None:
    from jeondan.v1 import campaign_pb2 as pb

    wanted = draft(kakao["sender"], template_id=kakao["TX_0412"])
    refusal = shop.refused("CreateCampaign", pb.CreateCampaignRequest(campaign=wanted))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.fields == {"campaign.purpose": "TEMPLATE_IS_INFO"}
    assert refusal.sentences["campaign.purpose"] == (
        "알림톡은 정보성 메시지만 보낼 수 있습니다. 광고는 문자(SMS, LMS, MMS)로 보내 주세요."
    )
    written = notice(shop, kakao)
    change = pb.Campaign(purpose=types_pb2.PURPOSE_AD)
    refusal = shop.refused("UpdateCampaign", pb.UpdateCampaignRequest(campaign_id=written.id, campaign=change))
    assert refusal.fields == {"campaign.purpose": "TEMPLATE_IS_INFO"}
    with database().write(shop.workspace) as tx:  # and if it got in by another door
        tx.run("UPDATE campaigns SET purpose = 'AD' WHERE id = :id", id=written.id)
    customers(shop, 1)
    assert ("campaign.purpose", "TEMPLATE_IS_INFO") in reasons(shop, written)
    assert refused(shop, "Launch", written).reason == "TEMPLATE_IS_INFO"


def test_everything_that_kakao_would_refuse_is_said_before(shop: Shop, kakao: dict[str, str]) -> None:
    customers(shop, 1)
    assert reasons(shop, notice(shop, kakao)) == []
    differs = notice(shop, kakao, body="#{이름}님,\n주문번호 A-1 접수됐습니다.")
    [problem] = preview(shop, differs).problems
    assert (problem.field, problem.reason) == ("campaign.body", "TEMPLATE_MISMATCH")
    assert "2번째 줄" in problem.message
    assert refused(shop, "Launch", differs).reason == "TEMPLATE_MISMATCH"
    waiting = notice(shop, kakao, "TX_0414", body="")
    assert reasons(shop, waiting) == [("campaign.template_id", "TEMPLATE_NOT_APPROVED")]
    bad = notice(shop, kakao, fallback_body="축하 🎉")
    assert reasons(shop, bad) == [("campaign.fallback_body", "UNSUPPORTED_CHARACTERS")]
    assert reasons(shop, notice(shop, kakao, fallback_body="#{이름")) == [("campaign.fallback_body", "BAD_VARIABLE")]
    assert reasons(shop, notice(shop, kakao, fallback_body="가" * 1001)) == [("campaign.fallback_body", "BODY_TOO_LONG")]
    alone = create(shop, kakao["sender"], purpose=INFO, body="안내", fallback_body="대체")
    assert reasons(shop, alone) == [("campaign.fallback_body", "FALLBACK_WITHOUT_TEMPLATE")]


def test_variables_that_are_missing_show_whom_they_leave_out(shop: Shop, kakao: dict[str, str]) -> None:
    customers(shop, 2, 주문번호="B-7")
    customers(shop, 1)
    seen = preview(shop, notice(shop, kakao, body=""))
    assert [(one.reason, one.count) for one in seen.exclusions] == [("MISSING_VARIABLE", 1)]
    assert [(one.channel, one.count) for one in seen.channels] == [(ALIMTALK, 2)]
    assert seen.samples[0].text == "김하나님,\r\n주문번호 B-7 접수되었습니다."


def test_a_template_that_is_gone_or_needs_another_sender_is_no_way_out(shop: Shop, kakao: dict[str, str]) -> None:
    customers(shop, 1)
    written = notice(shop, kakao)
    with database().write(shop.workspace) as tx:
        other = str(accounts.add_sender_number(tx, shop.workspace, "0313334444"))
        tx.run("DELETE FROM provider_senders WHERE sender_number_id = :other", other=other)
    strange = notice(shop, {**kakao, "sender": other})
    assert ("campaign.sender_number_id", "SENDER_NOT_REGISTERED") in reasons(shop, strange)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE templates SET gone_at = now()")
    assert reasons(shop, written) == [("campaign.template_id", "TEMPLATE_GONE")]


def test_a_template_of_another_shop_is_none(shop: Shop, kakao: dict[str, str]) -> None:
    from jeondan.v1 import campaign_pb2 as pb

    other = open_shop(shop.channel)
    with database().write(other.workspace) as tx:
        sender = str(accounts.add_sender_number(tx, other.workspace, engine.SENDER))
        assert templates.get(tx, uuid4()) is None
    wanted = draft(sender, purpose=INFO, template_id=kakao["TX_0412"])
    refusal = other.refused("CreateCampaign", pb.CreateCampaignRequest(campaign=wanted))
    assert refusal.fields == {"campaign.template_id": "NOT_FOUND"}

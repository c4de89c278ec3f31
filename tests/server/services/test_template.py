"""Templates as the merchant sees them: listed, filtered, one by one, and fetched anew as a state."""

import json
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import template_pb2 as pb

from core import clock, jobs
from core.db import accounts, templates
from core.db.session import database
from core.rules.states import TemplateState
from core.rules.template import Button, Template
from tests.server.shop import Shop, open_shop

ORDER = Template(
    "TX_1", "key", "#{이름}님,\r\n#{주문번호}", "주문접수", "#{상태}", (Button("WL", "보기", mobile="https://m/#{코드}"),)
)
DRAFT = Template("TX_2", "key", "안녕하세요", "가입 안내", state=TemplateState.REJECTED, comment="반려합니다.")
GONE = Template("TX_0", "key", "옛글", "옛 안내")


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    with database().write(shop.workspace) as tx:
        account = accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
        templates.sync(tx, shop.workspace, account, [GONE], clock.now())
        templates.sync(tx, shop.workspace, account, [ORDER, DRAFT], clock.now())
    return shop


def listed(shop: Shop, **more: object) -> pb.ListTemplatesResponse:
    answer: pb.ListTemplatesResponse = shop.call("ListTemplates", pb.ListTemplatesRequest(**more))
    return answer


def test_a_template_is_shown_with_all_its_variables(stocked: Shop) -> None:
    [order] = [one for one in listed(stocked).templates if one.code == "TX_1"]
    assert (order.provider, order.name, order.content) == ("aligo", "주문접수", "#{이름}님,\r\n#{주문번호}")
    assert list(order.variables) == ["이름", "주문번호", "상태", "코드"]
    assert (order.state, order.emphasis_title) == (pb.Template.STATE_APPROVED, "#{상태}")
    assert [(one.kind, one.name, one.mobile) for one in order.buttons] == [("WL", "보기", "https://m/#{코드}")]
    assert not order.HasField("gone_time") and order.HasField("sync_time")
    assert stocked.call("GetTemplate", pb.GetTemplateRequest(template_id=order.id)).template == order


def test_lists_are_filtered_and_paged(stocked: Shop) -> None:
    assert [one.code for one in listed(stocked).templates] == ["TX_2", "TX_1"]
    assert [one.code for one in listed(stocked, filter='state = "REJECTED"').templates] == ["TX_2"]
    assert [one.code for one in listed(stocked, filter='name : "주문" AND provider = "aligo"').templates] == ["TX_1"]
    assert [one.code for one in listed(stocked, order_by="name").templates] == ["TX_2", "TX_1"]
    assert [one.comment for one in listed(stocked, filter='state = "REJECTED"').templates] == ["반려합니다."]
    first = listed(stocked, page_size=1)
    assert [one.code for one in listed(stocked, page_size=1, page_token=first.next_page_token).templates] == ["TX_1"]
    everything = listed(stocked, show_archived=True).templates
    assert {one.code: one.HasField("gone_time") for one in everything} == {"TX_0": True, "TX_1": False, "TX_2": False}


def queued() -> list[str]:
    found = []
    for raw in jobs.broker().client.hgetall("dramatiq:housekeeping.msgs").values():
        message = json.loads(raw)
        if message["actor_name"] == "sync_templates":
            found += message["args"]
    return found


def test_fetching_is_a_state_and_the_same_request_fetches_once(stocked: Shop) -> None:
    [before] = listed(stocked).syncs
    assert (before.provider, before.state) == ("aligo", pb.TemplateSync.STATE_DONE)
    request = pb.SyncTemplatesRequest(request_id=str(uuid4()))
    [sync] = stocked.call("SyncTemplates", request).syncs
    assert sync.state == pb.TemplateSync.STATE_RUNNING
    assert [one.state for one in listed(stocked).syncs] == [pb.TemplateSync.STATE_RUNNING]
    asked = queued().count(sync.provider_account_id)
    assert asked == 1
    stocked.call("SyncTemplates", request)
    assert queued().count(sync.provider_account_id) == asked
    with database().write(stocked.workspace) as tx:
        templates.refuse(tx, accounts.provider_accounts(tx)[0].id, "이 서버의 IP가 아닙니다.", clock.now())
    [failed] = listed(stocked).syncs
    assert (failed.state, failed.failure) == (pb.TemplateSync.STATE_FAILED, "이 서버의 IP가 아닙니다.")
    assert len(listed(stocked).templates) == 2, "what was known stays"


def test_an_account_that_was_never_asked_says_so(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "k", "user_id": "u"})
    [sync] = listed(shop).syncs
    assert sync.state == pb.TemplateSync.STATE_NEVER
    assert not sync.HasField("sync_time")


def test_templates_of_another_shop_are_not_there(stocked: Shop) -> None:
    [order, _] = listed(stocked).templates
    other = open_shop(stocked.channel)
    assert list(listed(other, show_archived=True).templates) == []
    refusal = other.refused("GetTemplate", pb.GetTemplateRequest(template_id=order.id))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")

"""Templates: what the provider lists is added, changed, retired and taken back; what it will not say changes nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest

from core import clock, jobs
from core.db import templates as rows
from core.db.session import database
from core.rules.template import Button
from tests.workers.shop import Sandbox, Shop, Time
from workers import sweep, templates


def listed(shop: Shop) -> dict[str, Any]:
    return {row.code: row for row in shop.sql("SELECT * FROM templates ORDER BY code")}


def account(shop: Shop) -> Any:
    return shop.sql("SELECT * FROM provider_accounts")[0]


def script(sandbox: Sandbox, **template: object) -> None:
    sandbox.ask("templates", "POST", {"provider": "aligo", **template})


def test_templates_are_taken_over_as_they_are(shop: Shop, sandbox: Sandbox) -> None:
    templates.sync_templates(str(shop.workspace), str(shop.account))
    found = listed(shop)
    assert {code: row.state for code, row in found.items()} == {
        "TX_0412": "APPROVED", "TX_0413": "APPROVED", "TX_0414": "IN_REVIEW",
    }  # fmt: skip
    order = rows.as_template(found["TX_0412"])
    assert order.content == "#{고객명}님,\r\n주문번호 #{주문번호} 접수되었습니다."
    link = "https://shop.example/o/#{주문번호}"
    assert order.buttons == (Button("WL", "주문 보기", mobile=link, pc=link),)
    assert found["TX_0413"].emphasis_title == "#{만료일} 소멸"
    assert {row.provider_account_id for row in found.values()} == {shop.account}
    assert account(shop).templates_synced_at >= account(shop).created_at
    assert account(shop).templates_refusal == ""


def test_a_second_look_adds_changes_and_retires(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    templates.sync(shop.workspace, shop.account)
    before = listed(shop)
    script(sandbox, code="TX_0500", name="배송", content="#{이름}님, 출발했습니다.")
    script(sandbox, code="TX_0414", state="REJECTED", comment="변수가 너무 많습니다.")
    sandbox.ask("templates/aligo/TX_0412", "DELETE")
    time.forward(hours=1)
    templates.sync(shop.workspace, shop.account)
    after = listed(shop)
    assert set(after) == {"TX_0412", "TX_0413", "TX_0414", "TX_0500"}
    assert (after["TX_0414"].state, after["TX_0414"].comment) == ("REJECTED", "변수가 너무 많습니다.")
    assert after["TX_0414"].id == before["TX_0414"].id
    gone = after["TX_0412"].gone_at
    assert gone is not None and after["TX_0412"].content == before["TX_0412"].content
    assert after["TX_0413"].synced_at > before["TX_0413"].synced_at
    time.forward(hours=1)
    templates.sync(shop.workspace, shop.account)
    assert listed(shop)["TX_0412"].gone_at == gone, "gone since the first time"
    sandbox.ask("templates", "DELETE")
    templates.sync(shop.workspace, shop.account)
    back = listed(shop)
    assert back["TX_0412"].gone_at is None and back["TX_0412"].id == before["TX_0412"].id
    assert back["TX_0500"].gone_at is not None


@pytest.mark.parametrize("kind", ["ip_blocked", "error_500", "busy", "refuse", "truncated", "html_403"])
@pytest.mark.parametrize("path", ["/akv10/profile/list/", "/akv10/template/list/"])
def test_what_the_provider_will_not_say_changes_no_template(shop: Shop, sandbox: Sandbox, kind: str, path: str) -> None:
    templates.sync(shop.workspace, shop.account)
    before = listed(shop)
    sandbox.fault(kind, path=path)
    templates.sync(shop.workspace, shop.account)
    assert listed(shop) == before
    assert account(shop).templates_refusal
    assert account(shop).state == "ACTIVE", "texts still go"
    templates.sync(shop.workspace, shop.account)
    assert account(shop).templates_refusal == ""


def queued() -> list[str]:
    found = []
    for raw in jobs.broker().client.hgetall("dramatiq:housekeeping.msgs").values():
        message = json.loads(raw)
        if message["actor_name"] == "sync_templates":
            found += message["args"][1:]
    jobs.broker().client.delete("dramatiq:housekeeping.msgs", "dramatiq:housekeeping")
    return found


def test_the_sweeper_looks_about_once_an_hour_and_again_when_a_job_was_lost(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    sweep.sweep()
    assert queued() == [str(shop.account)]
    sweep.sweep()
    assert queued() == []
    time.forward(seconds=templates.PATIENCE.total_seconds() + 1)
    sweep.sweep()
    assert queued() == [str(shop.account)], "the job was lost: nothing was heard"
    templates.sync(shop.workspace, shop.account)
    time.forward(minutes=58)
    sweep.sweep()
    assert queued() == []
    time.forward(minutes=3)
    sweep.sweep()
    assert queued() == [str(shop.account)]


def test_a_paused_account_is_not_asked_by_itself(shop: Shop, sandbox: Sandbox) -> None:
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED', balance_at = now() + interval '1 day'")
    sweep.sweep()
    assert queued() == []


def test_an_account_of_another_workspace_is_not_there(shop: Shop, worker: None) -> None:
    with database().write(shop.workspace) as tx:
        rows.sync(tx, shop.workspace, shop.account, (), clock.now() - timedelta(days=1))
        assert [row.id for row in rows.syncs(tx)] == [shop.account]

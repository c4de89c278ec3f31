"""A batch knows its people by position: whoever is deleted in the middle shifts nobody else's name, number or values."""

import pytest

from core import clock
from core.db import send
from core.db.session import database
from core.rules.letter import GONE
from core.rules.personalise import clean_value
from tests.workers.shop import Sandbox, Shop
from workers import deliver, plan

BODY = "(광고)[봄날커피] #{이름}님 #{등급} #{지점|본점}\n무료거부0801234567"


@pytest.fixture(autouse=True)
def noon(time: object) -> None:
    """Advertising may leave."""


def test_a_deleted_customer_shifts_nobody(shop: Shop, sandbox: Sandbox) -> None:
    phones = shop.customers(9)
    with database().write(shop.workspace) as tx:
        tx.run(
            "UPDATE contacts SET attributes = jsonb_build_object('등급', 'G' || id, '지점', CASE WHEN id % 2 = 0 THEN '성수' END)"
        )
        rows = tx.rows("SELECT id, name FROM contacts ORDER BY id")
        wanted = {
            phone: f"(광고)[봄날커피] {row.name}님 G{row.id} {'성수' if row.id % 2 == 0 else '본점'}\n무료거부0801234567"
            for phone, row in zip(phones, rows, strict=True)
        }
    campaign = shop.campaign(BODY)
    plan.plan(shop.workspace, campaign)
    with database().write(shop.workspace) as tx:
        tx.run("DELETE FROM contacts WHERE id = :id", id=rows[4].id)
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)
    del wanted[phones[4]]
    seen = {one["receiver"]: one["text"] for one in sandbox.ask("messages")["messages"]}
    assert seen == wanted
    found = shop.counters(campaign)
    assert (found["accepted"], found["excluded"]) == (8, 1)


def test_the_gone_stand_at_their_own_position(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(5)
    campaign = shop.campaign()
    plan.plan(shop.workspace, campaign)
    [batch_id] = shop.batches(campaign)
    with database().write(shop.workspace) as tx:
        ids = [row.id for row in tx.rows("SELECT id FROM contacts ORDER BY id")]
        tx.run("DELETE FROM contacts WHERE id = ANY(:gone)", gone=[ids[0], ids[3]])
        batch = send.lock_batch(tx, batch_id, clock.now())
        people = send.recipients(tx, batch, 5, (), clock.now())
    assert [person is GONE for person in people] == [True, False, False, True, False]
    assert [person[-1] for person in people if person is not GONE] == [ids[1], ids[2], ids[4]]


@pytest.mark.parametrize(
    "name",
    ["김하나", "Kim 하나 2", "  김 하나", "김\n하나", "김  하나", "\u1100\u1161나", "😀김", "뷁", "#{이름}", "김하나\u3000"],
)
def test_a_name_goes_out_as_cleaned_however_plain_it_looks(shop: Shop, sandbox: Sandbox, name: str) -> None:
    shop.customers(1)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET name = :name", name=name)
    campaign = shop.campaign("(광고)[봄날커피] #{이름|고객}님\n무료거부0801234567")
    plan.plan(shop.workspace, campaign)
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)
    [seen] = sandbox.ask("messages")["messages"]
    assert seen["text"] == f"(광고)[봄날커피] {clean_value(name) or '고객'}님\n무료거부0801234567"

"""The engine on real parts: planned, delivered over HTTP to the sandbox, results read, everybody in one bucket."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core import clock
from core.db.session import database
from tests.workers.shop import Sandbox, Shop
from workers import deliver, plan, receipts, reconcile, sweep
from workers.routing import Hand


def run(shop: Shop, campaign, **more) -> None:
    plan.plan(shop.workspace, campaign, **more)
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)


def read_all(shop: Shop) -> None:
    with database().read(shop.workspace) as tx:
        attempts = [row.id for row in tx.rows("SELECT id FROM attempts WHERE outcome = 'ACCEPTED' ORDER BY id")]
    for attempt in attempts:
        receipts.read(shop.workspace, attempt)


@pytest.fixture(autouse=True)
def daytime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noon in Korea, so that advertising may leave."""
    noon = clock.kst(clock.now()).replace(hour=12, minute=0)
    monkeypatch.setattr(clock, "_offset", noon - clock.kst(clock.now()) + clock._offset)


def test_everybody_gets_it_once_and_the_cost_is_right(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(1234)
    campaign = shop.campaign()
    run(shop, campaign, chunk=700)
    found = shop.counters(campaign)
    assert found["selected"] == found["accepted"] == 1234
    assert found["cost"] == Decimal("8.40") * 1234
    assert sandbox.stats()["accepted_messages"] == 1234
    assert sandbox.stats()["duplicates"] == 0
    read_all(shop)
    assert shop.counters(campaign)["delivered"] == 1234
    with database().system() as tx:
        assert tx.value("SELECT count(*) FROM batches") == 4
    sweep.sweep()
    assert shop.state(campaign) == "DONE"


def test_every_person_left_out_has_a_reason(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    shop.customers(5, consent=False, first=100)
    campaign = shop.campaign()
    run(shop, campaign)
    found = shop.counters(campaign)
    assert (found["selected"], found["excluded"], found["accepted"]) == (15, 5, 10)
    with database().read(shop.workspace) as tx:
        assert tx.row("SELECT reason, cardinality(contact_ids) FROM exclusions") == ("NO_CONSENT", 5)
        assert tx.row("SELECT reason, people FROM campaign_reasons") == ("NO_CONSENT", 5)


def test_planning_again_and_delivering_again_changes_nothing(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(600)
    campaign = shop.campaign()
    for _ in range(2):
        run(shop, campaign)
    assert shop.counters(campaign)["accepted"] == 600
    assert sandbox.stats()["accepted_messages"] == 600


def test_an_opt_out_after_planning_is_kept(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    campaign = shop.campaign()
    plan.plan(shop.workspace, campaign)
    with database().write(shop.workspace) as tx:
        tx.run(
            "INSERT INTO suppressions (id, workspace_id, phone_hash, phone_sealed, source, created_at)"
            " SELECT gen_random_uuid(), workspace_id, phone_hash, phone_sealed, 'MANUAL', now() FROM contacts ORDER BY id LIMIT 3"
        )
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)
    found = shop.counters(campaign)
    assert (found["excluded"], found["accepted"]) == (3, 7)
    assert sandbox.stats()["accepted_messages"] == 7


def test_at_night_those_without_night_consent_wait(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    night = clock.kst(clock.now()).replace(hour=22)
    shop.customers(4, night=True)
    shop.customers(6, night=False, first=50)
    monkeypatch.setattr(clock, "_offset", clock._offset + (night - clock.kst(clock.now())))
    campaign = shop.campaign()
    run(shop, campaign)
    found = shop.counters(campaign)
    assert (found["held"], found["accepted"]) == (6, 4)
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)
    assert shop.counters(campaign)["held"] == 6
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(hours=10, minutes=1))
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)
    assert shop.counters(campaign)["accepted"] == 10


@pytest.mark.parametrize("kind", ["lost_answer_reset", "error_500_after", "truncated", "html_403"])
def test_no_answer_never_means_twice(shop: Shop, sandbox: Sandbox, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(30)
    campaign = shop.campaign()
    sandbox.fault(kind, path="/send*")
    run(shop, campaign)
    found = shop.counters(campaign)
    expected = "planned" if kind == "html_403" else "unknown"
    assert found[expected] == 30, found
    if expected == "unknown":
        run(shop, campaign)
        assert shop.counters(campaign)["unknown"] == 30
        for batch in shop.batches(campaign):
            reconcile.reconcile(shop.workspace, batch)
        found = shop.counters(campaign)
        assert found["accepted"] == 30
        assert found["cost"] == Decimal("8.40") * 30
    assert sandbox.stats()["duplicates"] == 0


def test_a_call_that_never_arrived_goes_again_after_the_provider_was_asked(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(30)
    campaign = shop.campaign()
    sandbox.fault("error_500", path="/send*")
    run(shop, campaign)
    assert shop.counters(campaign)["unknown"] == 30
    [batch] = shop.batches(campaign)
    reconcile.reconcile(shop.workspace, batch)
    assert shop.counters(campaign)["unknown"] == 30, "too early to trust the provider's list"
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(seconds=3))
    reconcile.reconcile(shop.workspace, batch)
    assert shop.counters(campaign)["planned"] == 30
    deliver.deliver(shop.workspace, batch)
    assert shop.counters(campaign)["accepted"] == 30
    assert sandbox.stats()["accepted_messages"] == 30


def test_a_dead_workers_batch_is_found_and_asked_about(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(20)
    campaign = shop.campaign()
    plan.plan(shop.workspace, campaign)
    [batch] = shop.batches(campaign)
    with database().write(shop.workspace) as tx:
        load = deliver.claim(tx, batch, Hand())
    assert load is not None
    load.provider.send(deliver.Parcel(load.calls[0].part.channel, load.sender, load.calls[0].receivers, load.calls[0].part.texts))
    assert shop.counters(campaign)["claimed"] == 20
    with database().owner() as tx:
        tx.run("DELETE FROM worker_processes")
    sweep.sweep()
    assert shop.counters(campaign)["unknown"] == 20
    reconcile.reconcile(shop.workspace, batch)
    assert shop.counters(campaign)["accepted"] == 20
    assert sandbox.stats()["accepted_messages"] == 20


def test_a_busy_provider_delays_and_burns_nothing(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(20)
    campaign = shop.campaign()
    sandbox.fault("busy", path="/send*", status=429)
    run(shop, campaign)
    assert shop.counters(campaign)["planned"] == 20
    monkeypatch.setattr(clock, "_offset", clock._offset + timedelta(minutes=2))
    for batch in shop.batches(campaign):
        deliver.deliver(shop.workspace, batch)
    assert shop.counters(campaign)["accepted"] == 20


def test_an_account_wide_refusal_pauses_and_fails_nobody(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(20)
    campaign = shop.campaign()
    sandbox.fault("ip_blocked", path="/send*")
    run(shop, campaign)
    assert shop.counters(campaign)["planned"] == 20
    with database().read(shop.workspace) as tx:
        assert tx.value("SELECT state FROM provider_accounts") == "PAUSED"
    from workers import balance

    balance.read(shop.workspace, shop.account)
    run(shop, campaign)
    assert shop.counters(campaign)["accepted"] == 20


def test_cancel_leaves_nobody_waiting(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(20)
    campaign = shop.campaign()
    plan.plan(shop.workspace, campaign)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE campaigns SET state = 'CANCELLED'")
    run(shop, campaign)
    sweep.sweep()
    assert shop.counters(campaign)["cancelled"] == 20
    assert sandbox.stats()["accepted_messages"] == 0


def test_long_and_short_texts_go_as_two_calls(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE contacts SET name = repeat('가', 40) WHERE id % 2 = 0")
    campaign = shop.campaign()
    run(shop, campaign)
    found = shop.counters(campaign)
    assert found["accepted"] == 10
    assert sandbox.stats()["by_type"] == {"SMS": 5, "LMS": 5}
    assert found["cost"] == 5 * Decimal("8.40") + 5 * Decimal("25.90")

"""Two providers, one outcome: who carries a batch, when the other one takes over, and what never goes to both."""

from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest

from core import clock
from core.db import provider_accounts
from core.db.session import database
from core.rules.routing import TROUBLES
from core.slots import slots
from tests.workers.shop import Sandbox, Shop, Time
from workers import deliver, sweep
from workers.providers.solapi import adapter as solapi

SOLAPI_SEND = "POST /messages/v4/groups/*/send"


def two_ways(shop: Shop, *, solapi_first: bool = False) -> list[dict[str, object]]:
    """Both accounts, one before the other."""
    second = shop.second()
    routes = [shop.route(priority=int(solapi_first)), shop.route(second, "solapi", priority=int(not solapi_first))]
    return routes[::-1] if solapi_first else routes


def carriers(sandbox: Sandbox) -> Counter[str]:
    return Counter(one["provider"] for one in sandbox.log())


def breaker(shop: Shop, account: UUID) -> tuple[str, int]:
    row = shop.sql("SELECT breaker, busy_count FROM provider_accounts WHERE id = :id", id=account)[0]
    return row.breaker, row.busy_count


def test_solapi_carries_a_campaign_to_its_results(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(30)
    routes = two_ways(shop, solapi_first=True)
    campaign = shop.campaign(routes=routes[:1], batch_size=10)
    found = shop.run(campaign)
    assert (found["accepted"], found["cost"]) == (30, 30 * Decimal("8.40"))
    assert carriers(sandbox) == {"solapi": 30}
    assert all(one.reference.startswith("G4V") for one in shop.attempts(campaign))
    time.forward(seconds=5)
    assert shop.read_all(campaign)["delivered"] == 30


def test_the_reference_is_committed_before_anything_can_leave(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(3)
    routes = two_ways(shop, solapi_first=True)
    campaign = shop.campaign(routes=routes)
    seen = []
    fill = solapi.Adapter._fill

    def looked(self: solapi.Adapter, reference: str, *rest: object) -> object:
        seen.append((reference, shop.value("SELECT reference FROM attempts")))
        return fill(self, reference, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(solapi.Adapter, "_fill", looked)
    assert shop.run(campaign)["accepted"] == 3
    [(ours, theirs)] = seen
    assert ours == theirs != ""


def test_whoever_lost_the_lease_sends_nothing_by_solapi(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(3)
    routes = two_ways(shop, solapi_first=True)
    campaign = shop.campaign(routes=routes)
    [batch] = shop.plan(campaign)
    opened = solapi.Adapter._open

    def robbed(self: solapi.Adapter) -> str:
        shop.sql("UPDATE batches SET lease_owner = gen_random_uuid()")
        return opened(self)

    monkeypatch.setattr(solapi.Adapter, "_open", robbed)
    deliver.deliver(shop.workspace, batch)
    assert sandbox.log() == []
    assert breaker(shop, shop.account)[1] == 0


@pytest.mark.parametrize("kind", ["lost_answer_reset", "truncated", "error_500_after"])
def test_a_lost_answer_of_solapi_is_settled_by_its_group(shop: Shop, sandbox: Sandbox, time: Time, kind: str) -> None:
    shop.customers(20)
    routes = two_ways(shop, solapi_first=True)
    campaign = shop.campaign(routes=routes)
    sandbox.fault(kind, path=SOLAPI_SEND)
    assert shop.run(campaign)["unknown"] == 20
    assert carriers(sandbox) == {"solapi": 20}
    found = shop.reconcile(campaign)
    assert (found["accepted"], found["cost"]) == (20, 20 * Decimal("8.40"))
    assert carriers(sandbox) == {"solapi": 20}, "never again, and never by the other provider"


@pytest.mark.parametrize("kind", ["error_500", "refuse"])
def test_what_solapi_never_started_goes_again_once(shop: Shop, sandbox: Sandbox, time: Time, kind: str) -> None:
    shop.customers(20)
    routes = two_ways(shop, solapi_first=True)
    campaign = shop.campaign(routes=routes)
    sandbox.fault(kind, path=SOLAPI_SEND)
    assert shop.run(campaign)["unknown"] == 20
    assert shop.reconcile(campaign)["planned"] == 20
    time.forward(seconds=1)
    assert shop.deliver(campaign)["accepted"] == 20
    assert carriers(sandbox).total() == 20


def test_when_the_first_is_down_its_breaker_opens_and_the_second_takes_over(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(200)
    routes = two_ways(shop)
    campaign = shop.campaign(routes=routes, batch_size=10)
    shop.plan(campaign)
    sandbox.ask("faults", "POST", {"kind": "busy", "path": "/send*", "status": 429})
    assert shop.deliver(campaign)["accepted"] == 200 - 10 * TROUBLES
    assert breaker(shop, shop.account) == ("OPEN", TROUBLES)
    assert sandbox.stats()["by_path"]["/send_mass/"] == TROUBLES
    time.forward(minutes=1)
    sandbox.ask("faults", "DELETE")
    assert shop.deliver(campaign)["accepted"] == 200
    assert breaker(shop, shop.account) == ("CLOSED", 0), "the first batch was the probe"
    assert carriers(sandbox) == {"solapi": 150, "aligo": 50}
    assert sandbox.stats()["duplicates"] == 0
    assert Counter(one.outcome for one in shop.attempts(campaign)) == {"BUSY": TROUBLES, "ACCEPTED": 20}


def test_calls_that_were_under_way_when_the_breaker_opened_do_not_keep_it_open(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    with database().write(shop.workspace) as tx:
        assert [provider_accounts.count_trouble(tx, shop.account) for _ in range(TROUBLES)] == list(range(1, TROUBLES + 1))
        provider_accounts.open_breaker(tx, shop.account, clock.now())
        assert provider_accounts.count_trouble(tx, shop.account) == 0
        assert provider_accounts.begin_probe(tx, shop.account, clock.now(), clock.now())
        assert provider_accounts.count_trouble(tx, shop.account) == TROUBLES + 1, "a probe tells something new"


def test_a_probe_that_fails_opens_the_breaker_again_for_longer(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(100)
    campaign = shop.campaign(batch_size=10)
    shop.plan(campaign)
    sandbox.ask("faults", "POST", {"kind": "busy", "path": "/send*", "status": 429})
    shop.deliver(campaign)
    time.forward(minutes=1)
    shop.deliver(campaign)
    assert breaker(shop, shop.account) == ("OPEN", TROUBLES + 1)
    assert sandbox.stats()["by_path"]["/send_mass/"] == TROUBLES + 1, "one probe, not ten"
    wait = shop.value("SELECT breaker_until FROM provider_accounts") - clock.now()
    assert 15 < wait.total_seconds() <= 25
    found = shop.counters(campaign)
    assert (found["planned"], found["failed"]) == (100, 0), "an outage delays and burns nothing"


def test_a_batch_that_may_have_arrived_never_goes_to_the_second(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """I3: with the first account's breaker open and the second one free, unknown messages still wait for the first's word."""
    shop.customers(20)
    routes = two_ways(shop)
    campaign = shop.campaign(routes=routes)
    sandbox.fault("lost_answer_reset", path="/send*")
    shop.run(campaign)
    sandbox.ask("faults", "POST", {"kind": "busy", "path": "/list/", "status": 503})
    for _ in range(3):
        assert shop.reconcile(campaign)["unknown"] == 20
        time.forward(seconds=10)
        assert shop.deliver(campaign)["unknown"] == 20
    sandbox.ask("faults", "DELETE")
    assert shop.reconcile(campaign)["accepted"] == 20
    assert carriers(sandbox) == {"aligo": 20}


@pytest.mark.parametrize("kind", ["ip_blocked", "no_balance", "sender_unregistered"])
def test_an_account_that_may_not_send_hands_over_to_the_next(shop: Shop, sandbox: Sandbox, time: Time, kind: str) -> None:
    shop.customers(30)
    routes = two_ways(shop)
    campaign = shop.campaign(routes=routes, batch_size=10)
    shop.plan(campaign)
    sandbox.ask("faults", "POST", {"kind": kind, "path": "/send*"})
    shop.deliver(campaign)
    time.forward(seconds=1)
    assert shop.deliver(campaign)["accepted"] == 30
    assert carriers(sandbox) == {"solapi": 30}
    assert sandbox.stats()["by_path"]["/send_mass/"] == 1


def test_who_does_not_know_the_sender_number_gets_nothing(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    routes = two_ways(shop, solapi_first=True)
    shop.sql("DELETE FROM provider_senders WHERE provider_account_id = :id", id=UUID(str(routes[0]["account"])))
    assert shop.run(shop.campaign(routes=routes))["accepted"] == 10
    assert carriers(sandbox) == {"aligo": 10}


def test_equal_accounts_share_the_batches(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(160)
    second = shop.second(priority=0, share=3)
    routes = [shop.route(), shop.route(second, "solapi", share=3)]
    campaign = shop.campaign(routes=routes, batch_size=10)
    assert shop.run(campaign)["accepted"] == 160
    assert carriers(sandbox) == {"solapi": 120, "aligo": 40}


def test_each_carrier_costs_its_own_price(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    second = shop.second()
    dear = {**shop.route(second, "solapi"), "prices": {"SMS": "18", "LMS": "45", "MMS": "110"}}
    campaign = shop.campaign(routes=[dear, shop.route(priority=1)], batch_size=5)
    batches = shop.plan(campaign)
    deliver.deliver(shop.workspace, batches[0])
    with database().write(shop.workspace) as tx:
        provider_accounts.pause(tx, second, "BALANCE")
    deliver.deliver(shop.workspace, batches[1])
    assert shop.counters(campaign)["cost"] == 5 * 18 + 5 * Decimal("8.40")


def test_a_paused_account_queues_nothing_until_it_may_go_on(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(10)
    campaign = shop.campaign()
    shop.plan(campaign)
    time.forward(minutes=1)

    def due() -> int:
        with database().system() as tx:
            return len(sweep.send.due_batches(tx, clock.now(), clock.now(), 10))

    assert due() == 1
    with database().write(shop.workspace) as tx:
        provider_accounts.pause(tx, shop.account, "IP")
    assert due() == 0
    with database().write(shop.workspace) as tx:
        provider_accounts.resume(tx, shop.account)
        provider_accounts.open_breaker(tx, shop.account, clock.now().replace(year=2099))
    assert due() == 0
    with database().write(shop.workspace) as tx:
        provider_accounts.enable(tx, shop.account)
    assert due() == 1


def test_who_finds_every_slot_taken_comes_back_later(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "SLOT_PATIENCE", 0.1)
    shop.customers(10)
    shop.sql("UPDATE provider_accounts SET most_calls = 1")
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    holder = slots().take(shop.account, 1, 1000)
    assert holder is not None
    deliver.deliver(shop.workspace, batch)
    assert (sandbox.stats()["requests"], shop.attempts(campaign)) == (0, [])
    assert shop.value("SELECT due_at > :now FROM batches", now=clock.now())
    slots().give_back(shop.account, holder)
    shop.sql("UPDATE batches SET due_at = :now", now=clock.now())
    deliver.deliver(shop.workspace, batch)
    assert shop.counters(campaign)["accepted"] == 10
    assert slots().take(shop.account, 1, 1000), "given back afterwards"


def test_who_waits_a_little_gets_the_slot_that_becomes_free(shop: Shop, sandbox: Sandbox) -> None:
    from concurrent.futures import ThreadPoolExecutor

    shop.customers(60)
    shop.sql("UPDATE provider_accounts SET most_calls = 2")
    campaign = shop.campaign(batch_size=10)
    batches = shop.plan(campaign)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda batch: deliver.deliver(shop.workspace, batch), batches))
    assert shop.counters(campaign)["accepted"] == 60


def test_the_metric_says_how_many_accounts_are_held_back(shop: Shop, sandbox: Sandbox) -> None:
    from prometheus_client import REGISTRY

    second = shop.second()
    for change, expected in ((provider_accounts.open_breaker, 1.0), (provider_accounts.close_breaker, 0.0)):
        with database().write(shop.workspace) as tx:
            change(tx, second, *([clock.now()] if change is provider_accounts.open_breaker else []))
        sweep.sweep()
        assert REGISTRY.get_sample_value("jeondan_provider_breaker", {"provider": "solapi"}) == expected
        assert REGISTRY.get_sample_value("jeondan_provider_breaker", {"provider": "aligo"}) == 0.0

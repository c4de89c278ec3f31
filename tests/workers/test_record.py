"""Record: every way a call can end, its messages, its cost, and what has to happen next."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core import clock
from core.db import provider_accounts, send
from core.db.session import database
from core.rules.channel import Channel
from core.rules.states import MessageState
from tests.workers.shop import Logs, Sandbox, Shop, Time
from workers import claim, deliver, record, sweep
from workers.ledger import move
from workers.liveness import heart
from workers.providers import Accepted, Busy, Cause, Refused, Unknown
from workers.routing import Hand


@pytest.fixture
def claimed(shop: Shop):
    """A campaign of five in the hands of this worker."""
    shop.customers(5)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim.claim(tx, batch, Hand())
    assert load is not None
    return campaign, load


def written(shop: Shop, load, outcome) -> None:
    with database().write(shop.workspace) as tx:
        record.record(tx, load, load.calls[0], outcome)


def test_accepted_counts_cost_day_and_the_first_look(shop: Shop, claimed) -> None:
    campaign, load = claimed
    written(shop, load, Accepted("77", 5, 0, Channel.SMS))
    assert shop.counters(campaign)["cost"] == 42
    [attempt] = shop.attempts(campaign)
    assert (attempt.outcome, attempt.reference, attempt.channel, attempt.unit_price) == ("ACCEPTED", "77", "SMS", Decimal("8.40"))
    assert attempt.poll_at - clock.now() <= timedelta(seconds=1)
    day = clock.kst(clock.now()).date()
    assert shop.sql("SELECT day, channel, accepted, cost FROM workspace_days") == [(day, "SMS", 5, 42)]
    assert shop.sql("SELECT state, lease_owner, lease_until FROM batches") == [(3, None, None)]


def test_what_the_provider_made_of_it_is_what_it_costs(shop: Shop, claimed) -> None:
    campaign, load = claimed
    written(shop, load, Accepted("77", 4, 1, Channel.LMS))
    found = shop.counters(campaign)
    assert (found["accepted"], found["cost"]) == (5, 4 * Decimal("25.90"))
    assert shop.sql("SELECT channel, accepted FROM workspace_days") == [("LMS", 4)]


def test_the_same_answer_twice_counts_once(shop: Shop, claimed) -> None:
    campaign, load = claimed
    for _ in range(3):
        written(shop, load, Accepted("77", 5, 0, Channel.SMS))
    assert shop.counters(campaign)["cost"] == 42


def test_a_refusal_of_the_message_fails_it_with_the_providers_words(shop: Shop, claimed) -> None:
    campaign, load = claimed
    written(shop, load, Refused("-999", "내용 오류 01012345678", Cause.MESSAGE))
    assert shop.reasons(campaign) == {("failed", "PROVIDER_REFUSED"): 5}
    [attempt] = shop.attempts(campaign)
    assert (attempt.outcome, attempt.code, attempt.words) == ("REFUSED", "-999", "내용 오류 [phone]")
    assert shop.value("SELECT state FROM batches") == 4
    sweep.sweep()
    assert shop.state(campaign) == "DONE"


@pytest.mark.parametrize("cause", [Cause.AUTH, Cause.IP, Cause.BALANCE, Cause.EDGE])
def test_a_refusal_of_the_account_pauses_it_and_fails_nobody(shop: Shop, claimed, cause: Cause, logs: Logs) -> None:
    campaign, load = claimed
    written(shop, load, Refused("-1", "x", cause))
    assert shop.counters(campaign)["planned"] == 5
    state, reason = shop.sql("SELECT state, pause_reason FROM provider_accounts")[0]
    assert (state, bool(reason)) == ("PAUSED", True)
    assert [one["cause"] for one in logs.events("account_wide_refusal")] == [cause.value]


def test_a_sender_number_that_is_not_registered_is_not_used_there_until_somebody_says_so(shop: Shop, claimed) -> None:
    campaign, load = claimed
    written(shop, load, Refused("-103", "x", Cause.SENDER))
    assert shop.counters(campaign)["planned"] == 5
    assert shop.value("SELECT state FROM provider_accounts") == "ACTIVE"
    assert shop.value("SELECT refused_at IS NOT NULL FROM provider_senders")
    assert shop.deliver(campaign)["planned"] == 5
    with database().write(shop.workspace) as tx:
        provider_accounts.accept_senders(tx, shop.account)
    assert shop.deliver(campaign)["accepted"] == 5


@pytest.mark.parametrize(("asked", "least"), [(None, 2.0), (30.0, 30.0)])
def test_busy_waits_as_long_as_it_was_told(shop: Shop, claimed, asked: float | None, least: float) -> None:
    campaign, load = claimed
    written(shop, load, Busy("429", asked))
    assert shop.counters(campaign)["planned"] == 5
    wait = (shop.value("SELECT due_at FROM batches") - clock.now()).total_seconds()
    assert least - 1 < wait <= least * 1.5


def test_unknown_is_asked_about_after_a_sixteenth_of_the_settling_time(shop: Shop, claimed) -> None:
    campaign, load = claimed
    load = replace(load, way=replace(load.way, settle_seconds=160))
    written(shop, load, Unknown("reset"))
    assert shop.counters(campaign)["unknown"] == 5
    wait = (shop.value("SELECT due_at FROM batches") - clock.now()).total_seconds()
    assert 9 < wait <= 10


@pytest.mark.parametrize("outcome", [Busy("x"), Refused("1", "x", Cause.MESSAGE), Refused("1", "x", Cause.IP), Unknown("x")])
def test_who_lost_the_lease_may_only_say_that_it_was_taken(shop: Shop, claimed, outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, load = claimed
    monkeypatch.setattr(heart(), "id", shop.workspace)
    written(shop, load, outcome)
    assert shop.counters(campaign)["claimed"] == 5
    assert shop.value("SELECT state FROM provider_accounts") == "ACTIVE"
    written(shop, load, Accepted("77", 5, 0, Channel.SMS))
    assert shop.counters(campaign)["accepted"] == 5


def test_a_reference_belongs_to_one_attempt(shop: Shop, claimed, sandbox: Sandbox, logs: Logs) -> None:
    campaign, load = claimed
    written(shop, load, Accepted("77", 5, 0, Channel.SMS))
    second = shop.campaign("(광고)[봄날커피] 둘\n무료거부0801234567")
    [batch] = shop.plan(second)
    with database().write(shop.workspace) as tx:
        other = claim.claim(tx, batch, Hand())
    logs.expect("reference_owned_twice")
    written(shop, other, Accepted("77", 5, 0, Channel.SMS))
    assert shop.counters(second)["claimed"] == 5
    assert shop.counters(campaign)["cost"] == 42


def test_of_two_calls_each_ends_its_own_way(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(10)
    shop.sql("UPDATE contacts SET name = repeat('가', 40) WHERE id % 2 = 0")
    endings = {
        ("busy", "lost_answer_reset"): {"planned": 5, "unknown": 5},
        ("lost_answer_reset", ""): {"unknown": 5, "accepted": 5},
        ("code", "busy"): {"failed": 5, "planned": 5},
        ("ip_blocked", ""): {"planned": 5, "accepted": 5},
    }
    for number, ((first, second), expected) in enumerate(endings.items()):
        sandbox.ask("faults", "DELETE")
        sandbox.fault(first, path="/send*", status=429)
        if second:
            sandbox.fault(second, path="/send*", after=1, status=429)
        campaign = shop.campaign(f"(광고)[봄날커피] #{{이름}} {number}\n무료거부0801234567")
        found = shop.run(campaign)
        assert {name: found[name] for name in expected} == expected, (first, second)
        shop.sql("UPDATE provider_accounts SET state = 'ACTIVE'")
    sandbox.ask("faults", "DELETE")
    for campaign in [row.id for row in shop.sql("SELECT id FROM campaigns")]:
        shop.reconcile(campaign)
        time.forward(minutes=2)
        found = shop.deliver(campaign)
        assert found["accepted"] + found["failed"] == 10
    assert sandbox.stats()["duplicates"] == 0


def test_the_day_is_the_korean_one(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2)
    time.at(0, 30)
    campaign = shop.campaign(purpose="INFO")
    shop.run(campaign)
    assert shop.value("SELECT day FROM workspace_days") == clock.kst(clock.now()).date() != clock.now().date()
    assert deliver.RECORD_PATIENCE > 0


def test_an_attempt_ends_also_when_everybody_arrived_by_an_earlier_one_meanwhile(shop: Shop, claimed) -> None:
    campaign, load = claimed
    with database().write(shop.workspace) as tx:
        batch = send.wait_for_batch(tx, load.batch)
        move(tx, batch, bytes([MessageState.DELIVERED]) * 5)
    written(shop, load, Refused("-999", "x", Cause.MESSAGE))
    assert shop.counters(campaign)["delivered"] == 5
    assert [one.outcome for one in shop.attempts(campaign)] == ["REFUSED"]

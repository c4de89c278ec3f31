"""Reconcile: the provider is asked before anything goes again, and its word is taken for the right call only."""

from decimal import Decimal

import pytest

from core import clock
from core.db import attempts
from core.db.session import database
from core.rules.channel import Channel
from tests.workers.shop import KEY, SENDER, USER, Logs, Sandbox, Shop, Time
from workers import deliver, http, reconcile, sweep
from workers.claim import claim
from workers.providers import Accepted, Account, Busy, Parcel, find
from workers.routing import Hand

LOST = ["lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty"]


def lost(shop: Shop, sandbox: Sandbox, people: int = 10, kind: str = "lost_answer_reset", **more: object):
    """A campaign whose one call was taken but not answered."""
    shop.customers(people)
    campaign = shop.campaign()
    sandbox.fault(kind, path="/send*", **more)
    assert shop.run(campaign)["unknown"] == people
    return campaign


@pytest.mark.parametrize("kind", LOST)
def test_a_taken_call_is_adopted_with_its_cost_and_its_results(shop: Shop, sandbox: Sandbox, kind: str) -> None:
    campaign = lost(shop, sandbox, kind=kind)
    found = shop.reconcile(campaign)
    assert (found["accepted"], found["cost"]) == (10, 84)
    [attempt] = shop.attempts(campaign)
    assert (attempt.outcome, attempt.accepted, attempt.refused, attempt.poll_at is not None) == ("ACCEPTED", 10, 0, True)
    assert shop.read_all(campaign)["delivered"] == 10
    assert shop.reconcile(campaign) == shop.counters(campaign), "asking again changes nothing"


def test_two_campaigns_alike_at_the_same_minute_get_a_call_each(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    campaigns = [shop.campaign(), shop.campaign()]
    sandbox.fault("lost_answer_reset", path="/send*", count=2)
    for campaign in campaigns:
        assert shop.run(campaign)["unknown"] == 10
    for campaign in reversed(campaigns):
        found = shop.reconcile(campaign)
        assert (found["accepted"], found["cost"]) == (10, 84)
    references = {shop.attempts(campaign)[0].reference for campaign in campaigns}
    assert len(references) == 2
    assert sandbox.stats()["accepted_calls"] == 2


def test_of_two_alike_only_the_one_that_never_arrived_goes_again(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(10)
    taken, never = shop.campaign(), shop.campaign()
    sandbox.fault("lost_answer_reset", path="/send*")
    shop.run(taken)
    sandbox.fault("error_500", path="/send*")
    shop.run(never)
    time.forward(seconds=3)
    found = [shop.reconcile(campaign) for campaign in (never, taken)]
    assert sorted((one["accepted"], one["planned"]) for one in found) == [(0, 10), (10, 0)], "one call, one owner"
    for campaign in (never, taken):
        shop.deliver(campaign)
    assert sandbox.stats()["accepted_messages"] == 20
    assert sum(shop.counters(campaign)["cost"] for campaign in (never, taken)) == 168


def test_an_answered_call_is_nobody_elses(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(10)
    answered, never = shop.campaign(), shop.campaign()
    shop.run(answered)
    sandbox.fault("error_500", path="/send*")
    shop.run(never)
    time.forward(seconds=3)
    assert shop.reconcile(never)["planned"] == 10


def test_a_call_to_more_people_is_not_taken_for_one_to_fewer(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """The same text to overlapping audiences: each finds its own call, the fuller match first, whoever asks first."""
    shop.customers(6, tags=["단골"])
    few = shop.campaign()
    shop.sql("UPDATE campaigns SET any_tags = '{단골}'")
    shop.customers(4, first=50)
    many = shop.campaign()
    sandbox.fault("lost_answer_reset", path="/send*", count=2)
    for campaign in (few, many):
        shop.run(campaign)
    assert (shop.reconcile(many)["cost"], shop.reconcile(few)["cost"]) == (84, 6 * Decimal("8.40"))
    time.forward(minutes=3)
    assert (shop.read_all(many)["delivered"], shop.read_all(few)["delivered"]) == (10, 6)


def test_another_text_another_sender_another_kind_or_an_old_call_is_not_ours(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    phones = shop.customers(3)
    provider = find(Account("aligo", sandbox.url, {"key": KEY, "user_id": USER}, False))
    channel = "SMS"
    campaign = shop.campaign()
    text = "(광고)[봄날커피] 고객0님, 원두 20% 할인\n무료거부0801234567"
    time.forward(minutes=-5)
    send(provider, channel, phones, [text] * 3)  # too long ago
    time.forward(minutes=5)
    send(provider, channel, phones, ["다른 글"] * 3)
    send(provider, "LMS", ["01011112222"], [text])
    send(provider, channel, ["01011112222", "01011113333"], [text] * 2)  # other people
    sandbox.fault("error_500", path="/send*")
    shop.run(campaign)
    time.forward(seconds=3)
    assert shop.reconcile(campaign)["planned"] == 3


def send(provider, channel: str, phones: list[str], texts: list[str]) -> Accepted:
    return provider.send(Parcel(Channel(channel), SENDER, phones, texts))


@pytest.mark.parametrize(("hour", "minute", "second", "wait"), [(23, 59, 58, 4), (0, 0, 1, 2), (23, 59, 30, 90)])
def test_around_midnight_nothing_is_overlooked(
    shop: Shop, sandbox: Sandbox, time: Time, hour: int, minute: int, second: int, wait: int
) -> None:
    shop.sql("UPDATE provider_accounts SET settle_seconds = 600")
    time.at(hour, minute, second)
    campaign = lost(shop, sandbox)
    time.forward(seconds=wait)
    assert shop.reconcile(campaign)["accepted"] == 10
    assert sandbox.stats()["accepted_calls"] == 1


@pytest.mark.parametrize("drift", [-45, 100])
def test_the_providers_clock_may_differ(shop: Shop, sandbox: Sandbox, time: Time, drift: int) -> None:
    at = clock._offset.total_seconds() + drift
    sandbox.ask("clock", "POST", {"offset_seconds": at})
    campaign = lost(shop, sandbox)
    assert shop.reconcile(campaign)["accepted"] == 10


def test_a_partly_taken_call_is_adopted_for_what_was_taken(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    sandbox.fault("partial", path="/send*", receivers=3)
    campaign = lost(shop, sandbox)
    found = shop.reconcile(campaign)
    assert (found["accepted"], found["cost"]) == (10, 7 * Decimal("8.40"))
    assert (shop.attempts(campaign)[0].accepted, shop.attempts(campaign)[0].refused) == (7, 3)
    time.forward(minutes=2)
    shop.read_all(campaign)
    assert shop.why(campaign) == {"DELIVERED": 7, "FAILED NOT_TAKEN": 3}


def test_a_list_that_shows_it_late_is_asked_until_it_is_settled(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.sql("UPDATE provider_accounts SET settle_seconds = 160")
    campaign = lost(shop, sandbox)
    sandbox.ask("faults", "POST", {"kind": "list_delay", "delay": 60})
    looks = 0
    while shop.reconcile(campaign)["unknown"]:
        looks += 1
        time.to(shop.value("SELECT due_at FROM batches"))
        assert shop.deliver(campaign)["planned"] == 0, "nobody goes again before the list is settled"
    assert looks >= 3
    found = shop.counters(campaign)
    assert (found["accepted"], sandbox.stats()["accepted_messages"]) == (10, 10)


def test_settled_is_counted_from_the_question_not_from_the_answer(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that was read a moment before it could be trusted does not count, however long the writing takes."""
    shop.sql("UPDATE provider_accounts SET settle_seconds = 160")
    shop.customers(3)
    campaign = shop.campaign()
    sandbox.fault("error_500", path="/send*")
    shop.run(campaign)
    time.forward(seconds=159)
    found = reconcile._find

    def slowly(*arguments: object) -> object:
        answer = found(*arguments)
        time.forward(seconds=5)
        return answer

    monkeypatch.setattr(reconcile, "_find", slowly)
    assert shop.reconcile(campaign)["unknown"] == 3
    assert shop.reconcile(campaign)["planned"] == 3


@pytest.mark.parametrize("kind", ["busy", "refuse", "error_500", "html_403", "code"])
@pytest.mark.parametrize("path", ["/list/", "/sms_list/"])
def test_a_provider_that_cannot_be_asked_leaves_it_unknown(
    shop: Shop, sandbox: Sandbox, time: Time, kind: str, path: str
) -> None:
    campaign = lost(shop, sandbox)
    time.forward(minutes=2)
    sandbox.fault(kind, path=path)
    assert shop.reconcile(campaign)["unknown"] == 10
    assert shop.reconcile(campaign)["accepted"] == 10


def test_a_provider_that_is_gone_for_long_is_asked_again_and_again(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    campaign = lost(shop, sandbox)
    sandbox.ask("faults", "POST", {"kind": "refuse", "path": "*list/"})
    for _ in range(5):
        time.forward(minutes=30)
        sweep.sweep()
        assert shop.value("SELECT due_at FROM batches") > clock.now()
        assert shop.reconcile(campaign)["unknown"] == 10
    sandbox.ask("faults", "DELETE")
    time.forward(minutes=1)
    assert shop.reconcile(campaign)["accepted"] == 10


def test_half_a_list_of_receivers_is_no_answer(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = lost(shop, sandbox)
    adapter = reconcile.providers._kept[shop.account].provider
    whole = adapter.results
    monkeypatch.setattr(
        adapter, "results", lambda reference: type(whole(reference))(whole(reference).results[:4], complete=False), raising=False
    )
    assert shop.reconcile(campaign)["unknown"] == 10
    monkeypatch.undo()


def test_a_late_answer_after_the_lease_was_lost_counts_once(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(10)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim(tx, batch, Hand())
    assert load is not None
    outcome = deliver.hand_over(shop.workspace, load, load.calls[0])
    with database().write(shop.workspace) as tx:
        reconcile.abandon(tx, batch)
    assert shop.counters(campaign)["unknown"] == 10
    deliver._patiently(shop.workspace, load, load.calls[0], outcome)
    assert shop.counters(campaign)["accepted"] == 10
    found = shop.reconcile(campaign)
    deliver._patiently(shop.workspace, load, load.calls[0], outcome)
    assert shop.counters(campaign) == found
    assert found["cost"] == 84


@pytest.mark.parametrize("late", [Busy("late"), None])
def test_a_late_answer_after_reconciliation_counts_once(shop: Shop, sandbox: Sandbox, late: Busy | None) -> None:
    shop.customers(10)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim(tx, batch, Hand())
    assert load is not None
    outcome = deliver.hand_over(shop.workspace, load, load.calls[0])
    with database().write(shop.workspace) as tx:
        reconcile.abandon(tx, batch)
    assert shop.reconcile(campaign)["accepted"] == 10
    deliver._patiently(shop.workspace, load, load.calls[0], late or outcome)
    found = shop.counters(campaign)
    assert (found["accepted"], found["cost"]) == (10, 84)


def test_a_worker_that_wakes_up_after_its_lease_sends_nothing(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.sql("UPDATE provider_accounts SET settle_seconds = 300")
    shop.customers(10)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim(tx, batch, Hand())
    assert load is not None
    time.forward(minutes=6)  # frozen: suspended, swapped out, stopped
    sweep.sweep()
    assert shop.reconcile(campaign)["planned"] == 10
    late = deliver.hand_over(shop.workspace, load, load.calls[0])
    deliver._patiently(shop.workspace, load, load.calls[0], late)
    assert shop.deliver(campaign)["accepted"] == 10
    assert sandbox.stats()["accepted_messages"] == 10


def test_a_lease_that_changed_hands_is_not_taken_away(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """Between the look for lost leases and the abandoning, somebody else has claimed the batch."""
    shop.customers(10)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        assert claim(tx, batch, Hand())
    with database().write(shop.workspace) as tx:
        reconcile.abandon(tx, batch, attempt=7)
    assert shop.counters(campaign)["claimed"] == 10


def test_a_fallen_in_lock_step_is_resolved_call_by_call(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """Two calls of one batch: one was taken, one never arrived."""
    shop.customers(10)
    shop.sql("UPDATE contacts SET name = repeat('가', 40) WHERE id % 2 = 0")
    campaign = shop.campaign()
    sandbox.fault("lost_answer_reset", path="/send*")
    sandbox.fault("error_500", path="/send*", after=1)
    assert shop.run(campaign)["unknown"] == 10
    time.forward(seconds=3)
    found = shop.reconcile(campaign)
    assert (found["accepted"], found["planned"]) == (5, 5)
    assert shop.deliver(campaign)["accepted"] == 10
    assert sandbox.stats()["by_type"] == {"SMS": 5, "LMS": 5}
    assert shop.counters(campaign)["cost"] == 5 * (Decimal("8.40") + Decimal("25.90"))


def test_unknown_is_kept_through_pause_cancel_and_expiry(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    campaign = lost(shop, sandbox)
    shop.sql("UPDATE campaigns SET state = 'CANCELLED', expires_at = :now", now=clock.now())
    time.forward(seconds=30)
    sweep.sweep()
    assert shop.counters(campaign)["unknown"] == 10
    assert shop.reconcile(campaign)["accepted"] == 10


def test_one_not_found_after_a_cancel_is_cancelled(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    sandbox.fault("error_500", path="/send*")
    shop.run(campaign)
    shop.sql("UPDATE campaigns SET state = 'CANCELLED'")
    time.forward(seconds=3)
    shop.reconcile(campaign)
    sweep.sweep()
    assert shop.deliver(campaign)["cancelled"] == 3


def test_one_that_is_at_it_is_not_disturbed(shop: Shop, sandbox: Sandbox) -> None:
    campaign = lost(shop, sandbox)
    [batch] = shop.batches(campaign)
    before = sandbox.stats()["requests"]
    shop.sql("UPDATE batches SET state = 1")
    reconcile.reconcile(shop.workspace, batch)
    assert sandbox.stats()["requests"] == before
    http.close()


def test_what_is_found_twice_belongs_to_the_first(
    shop: Shop, sandbox: Sandbox, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that another attempt owns is never counted again, even when the look for owners came too early."""
    campaign = lost(shop, sandbox)
    other = shop.campaign()
    shop.run(other)
    reference = shop.attempts(other)[0].reference
    shop.sql("UPDATE batches SET due_at = due_at - interval '1 hour'")
    monkeypatch.setattr(reconcile, "_find", lambda *_: Accepted(reference, 10, 0, Channel.SMS))
    logs.expect("reference_owned_twice")
    assert shop.reconcile(campaign)["unknown"] == 10
    monkeypatch.undo()
    assert shop.counters(other)["accepted"] == 10
    assert shop.counters(campaign)["cost"] == 0


# --- what only a person can decide --------------------------------------------------------------------------------


@pytest.fixture
def unresolved(shop: Shop, sandbox: Sandbox, time: Time):
    """A call whose answer was lost and whose provider could not be asked for so long that a person is."""
    shop.customers(20)
    campaign = shop.campaign()
    sandbox.fault("lost_answer_reset", path="/send*")
    shop.run(campaign)
    sandbox.ask("faults", "POST", {"kind": "busy", "path": "/list/", "status": 503})
    shop.reconcile(campaign)
    assert shop.value("SELECT escalated_at FROM attempts") is None
    time.forward(minutes=31)
    assert shop.reconcile(campaign)["unknown"] == 20
    assert shop.value("SELECT escalated_at IS NOT NULL FROM attempts")
    return campaign


def decide(shop: Shop, decision: str) -> None:
    with database().write(shop.workspace) as tx:
        attempts.decide(tx, shop.value("SELECT id FROM attempts"), decision)


def test_a_decision_to_send_again_sends_again(shop: Shop, sandbox: Sandbox, unresolved, time: Time) -> None:
    decide(shop, "RESEND")
    assert shop.reconcile(unresolved)["planned"] == 20
    time.forward(seconds=1)
    assert shop.deliver(unresolved)["accepted"] == 20
    assert sandbox.stats()["duplicates"] == 20, "a person took that risk"
    assert [one.outcome for one in shop.attempts(unresolved)] == ["RESEND", "ACCEPTED"]


def test_a_decision_that_it_was_sent_counts_and_costs_and_is_asked_about_no_more(
    shop: Shop, sandbox: Sandbox, unresolved
) -> None:
    decide(shop, "SENT")
    found = shop.reconcile(unresolved)
    assert (found["accepted"], found["cost"]) == (20, 20 * Decimal("8.40"))
    [attempt] = shop.attempts(unresolved)
    assert (attempt.outcome, attempt.code, attempt.poll_at) == ("ACCEPTED", "SENT", None)
    assert shop.value("SELECT sum(accepted) FROM workspace_days") == 20
    assert sandbox.stats()["accepted_messages"] == 20


def test_a_decision_to_close_fails_with_a_reason_and_costs_nothing(shop: Shop, unresolved) -> None:
    decide(shop, "CLOSE")
    found = shop.reconcile(unresolved)
    assert (found["failed"], found["cost"]) == (20, 0)
    assert shop.reasons(unresolved) == {("failed", "UNRESOLVED"): 20}


def test_the_providers_own_word_comes_first_when_it_can_be_had(shop: Shop, sandbox: Sandbox, unresolved) -> None:
    sandbox.ask("faults", "DELETE")
    assert shop.reconcile(unresolved)["accepted"] == 20
    decide(shop, "RESEND")
    assert shop.reconcile(unresolved)["accepted"] == 20

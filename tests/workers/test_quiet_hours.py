"""Quiet hours at every place where time passes: plan, claim, hand-over, retry and failover; with the merchant's own hours."""

from datetime import datetime
from pathlib import Path

import pytest

import workers
from core import clock
from core.rules import night
from core.rules.pace import Pace
from tests.workers.shop import Sandbox, Shop, Time
from tests.workers.test_pace import drive, left
from workers import deliver

SLOW = Pace(60, 3600, rests=night.DEFAULT)
FROM_SEVEN = "UPDATE workspaces SET quiet_from = '19:00', quiet_until = '09:30'"


def due(shop: Shop) -> datetime:
    return clock.kst(shop.value("SELECT min(due_at) FROM batches WHERE state = 0"))


def test_a_slow_run_begun_at_2049_rests_from_2050_and_goes_on_at_eight(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-2, R-NGT-3: nothing after 20:50 for people without night consent; the rest from 08:00, at the same pace."""
    shop.customers(30, night=False)
    time.at(20, 49)
    campaign = shop.campaign(pace_people=SLOW.people, pace_seconds=SLOW.seconds)
    shop.plan(campaign)
    drive(shop, campaign, time, minutes=15)
    evening = [clock.kst(at) for at, _ in left(shop, campaign)]
    assert evening and all((at.hour, at.minute) == (20, 49) for at in evening)
    time.to(due(shop).replace(hour=7, minute=59, second=0))
    drive(shop, campaign, time, minutes=40)
    found = [clock.kst(at) for at, _ in left(shop, campaign)]
    assert shop.counters(campaign)["accepted"] == 30
    assert all((at.hour, at.minute) == (20, 49) or 8 <= at.hour < 9 for at in found)
    assert min(at for at in found if at.hour == 8).minute == 0
    assert len({at.minute for at in found if at.hour == 8}) > 20, "spread, not bunched"


def test_a_slow_provider_gets_nothing_after_2050_either(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-NGT-1: judged at the instant of the hand-over, however long ago the claim was."""
    shop.customers(4, night=False)
    shop.customers(2, night=True, first=50)
    time.at(20, 49, 40)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    hand_over = deliver.hand_over

    def late(*given: object) -> object:
        time.at(20, 50)
        return hand_over(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(deliver, "hand_over", late)
    deliver.deliver(shop.workspace, batch)
    assert sandbox.log() == [] and shop.counters(campaign)["planned"] == 6
    monkeypatch.setattr(deliver, "hand_over", hand_over)
    time.to(due(shop))
    deliver.deliver(shop.workspace, batch)
    found = shop.counters(campaign)
    assert (found["accepted"], found["held"], len(sandbox.log())) == (2, 4, 2)


def test_by_solapi_nothing_begins_that_would_end_in_the_night(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-NGT-1: a provider that is asked in several steps is told to send in none of them."""
    shop.customers(2, night=False)
    second = shop.second()
    time.at(20, 49, 50)
    campaign = shop.campaign(routes=[shop.route(second, "solapi")])
    [batch] = shop.plan(campaign)
    note = deliver._note

    def late(*given: object) -> None:
        time.at(20, 50)
        note(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(deliver, "_note", late)
    deliver.deliver(shop.workspace, batch)
    assert sandbox.log() == [] and shop.counters(campaign)["planned"] == 2


@pytest.mark.parametrize(("clock_time", "goes"), [((18, 59), True), ((19, 0), False), ((8, 0), False), ((9, 30), True)])
def test_a_merchant_may_rest_longer(shop: Shop, sandbox: Sandbox, time: Time, clock_time: tuple[int, int], goes: bool) -> None:
    """R-NGT-2: per merchant, wider only."""
    shop.customers(2, night=False)
    shop.sql(FROM_SEVEN)
    time.at(*clock_time)
    campaign = shop.campaign()
    found = shop.run(campaign)
    assert (found["accepted"], found["held"]) == ((2, 0) if goes else (0, 2))
    if not goes:
        assert (due(shop).hour, due(shop).minute) == (9, 30)


def test_a_pace_rests_in_the_hours_of_its_merchant(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-2, R-NGT-4: at the plan as well."""
    shop.customers(10, night=False)
    shop.sql(FROM_SEVEN)
    time.at(18, 55)
    campaign = shop.campaign(pace_people=60, pace_seconds=3600)
    shop.plan(campaign)
    found = [clock.kst(row.due_at) for row in shop.sql("SELECT due_at FROM batches ORDER BY id")]
    assert {(at.hour, at.minute) for at in found if at.hour >= 19} == set()
    assert (found[-1].hour, found[-1] > found[0]) == (9, True)


def test_hours_that_change_while_it_runs_count_from_the_next_batch(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-4: read in the claim itself, not from what was true at launch."""
    shop.customers(2, night=False)
    time.at(19, 30)
    campaign = shop.campaign(batch_size=1)
    first, second = shop.plan(campaign)
    deliver.deliver(shop.workspace, first)
    shop.sql(FROM_SEVEN)
    deliver.deliver(shop.workspace, second)
    found = shop.counters(campaign)
    assert (found["accepted"], found["held"]) == (1, 1)


def test_a_refusal_at_2048_is_tried_again_in_the_morning(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-4: before every retry; a back-off that ends in the night defers."""
    shop.customers(3, night=False)
    time.at(20, 48)
    campaign = shop.campaign()
    sandbox.fault("busy", status=429)
    assert shop.run(campaign)["planned"] == 3
    time.at(20, 52)
    found = shop.deliver(campaign)
    assert (found["held"], found["accepted"], sandbox.log()) == (3, 0, [])
    assert (due(shop).hour, due(shop).minute) == (8, 0)


def test_the_second_account_is_no_way_around_the_night(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-4: before every failover."""
    shop.customers(2, night=False)
    second = shop.second()
    campaign = shop.campaign(routes=[shop.route(), shop.route(second, "solapi", priority=1)])
    shop.plan(campaign)
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED' WHERE id = :id", id=shop.account)
    time.at(22)
    assert shop.deliver(campaign)["held"] == 2
    assert sandbox.log() == []


def test_night_consent_is_nothing_without_the_consent_it_belongs_to(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-6: withdrawing the consent to advertising ends both."""
    shop.customers(2, night=True)
    time.at(22)
    campaign = shop.campaign()
    shop.plan(campaign)
    shop.sql("UPDATE contacts SET ad_consent = false WHERE id = (SELECT min(id) FROM contacts)")
    found = shop.deliver(campaign)
    assert (found["accepted"], found["excluded"]) == (1, 1)
    assert shop.reasons(campaign) == {("excluded", "NO_CONSENT"): 1}


def test_nothing_is_ever_reserved_at_a_provider(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-5: who waits, waits with us, so that an opt-out of the meantime counts."""
    shop.customers(2, night=False)
    time.at(22)
    campaign = shop.campaign()
    assert shop.run(campaign)["held"] == 2
    assert sandbox.stats()["requests"] == 0
    adapters = [path.read_text() for path in Path(workers.__path__[0], "providers").rglob("*.py")]
    assert not [name for name in ("rdate", "rtime", "senddate", "scheduledDate") if any(name in text for text in adapters)]


def test_an_evening_offer_does_not_arrive_next_morning(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-NGT-3: past its expiry a deferral becomes EXPIRED."""
    shop.customers(2, night=False)
    time.at(21)
    midnight = clock.kst(clock.now()).replace(hour=23, minute=59)
    campaign = shop.campaign(expires_at=midnight)
    assert shop.run(campaign)["held"] == 2
    time.to(due(shop))
    assert shop.deliver(campaign)["expired"] == 2
    assert sandbox.log() == []

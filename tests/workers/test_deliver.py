"""Deliver: claimed, handed over with no transaction open, recorded; once, whoever else tries at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from core import images, telemetry
from core.db.session import database
from core.errors import Unavailable
from tests.workers.shop import Logs, Sandbox, Shop, Time
from workers import claim, deliver, liveness, picture, record
from workers.providers import Accepted, Busy, Unknown
from workers.routing import Hand


def test_eight_at_once_send_each_batch_once(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(240)
    campaign = shop.campaign(batch_size=20)
    batches = shop.plan(campaign)

    def work(number: int) -> None:
        for batch in batches[number:] + batches[:number]:
            deliver.deliver(shop.workspace, batch)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    found = shop.counters(campaign)
    assert (found["accepted"], found["cost"]) == (240, Decimal("8.40") * 240)
    stats = sandbox.stats()
    assert (stats["accepted_calls"], stats["accepted_messages"], stats["duplicates"]) == (12, 240, 0)


def test_two_campaigns_and_two_shops_at_once_do_not_mix(shop: Shop, sandbox: Sandbox) -> None:
    from tests.workers.shop import open_shop

    other = open_shop()
    shop.customers(40), other.customers(40, first=500)
    work = [
        (one, one.campaign(body, batch_size=10))
        for one in (shop, other)
        for body in ("(광고)[가] 하나\n무료거부0801234567", "둘")
    ]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda pair: pair[0].run(pair[1]), work))
    assert [one["accepted"] for one in found] == [40] * 4
    assert sandbox.stats()["accepted_messages"] == 160


def test_no_transaction_is_open_during_the_call(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    open_ones = []
    hand_over = deliver.hand_over

    def looked_at(*arguments):
        with database().owner() as tx:
            ours = "datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
            open_ones.append(tx.value(f"SELECT count(*) FROM pg_stat_activity WHERE {ours}"))
        return hand_over(*arguments)

    monkeypatch.setattr(deliver, "hand_over", looked_at)
    deliver.deliver(shop.workspace, batch)
    assert open_ones == [0]


def test_a_batch_of_500_costs_at_most_25_round_trips(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(500)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    before = telemetry.DB_ROUND_TRIPS._value.get()
    deliver.deliver(shop.workspace, batch)
    assert telemetry.DB_ROUND_TRIPS._value.get() - before <= 0.05 * 500
    assert shop.counters(campaign)["accepted"] == 500


def test_a_long_text_goes_in_calls_that_the_provider_can_take(shop: Shop, sandbox: Sandbox) -> None:
    shop.customers(500)
    campaign = shop.campaign("(광고)[봄날커피] " + "가" * 60 + "\n무료거부0801234567")
    found = shop.run(campaign)
    assert (found["accepted"], found["cost"]) == (500, 500 * Decimal("25.90"))
    assert [len(one.positions) for one in shop.attempts(campaign)] == [300, 200]


def test_a_picture_goes_with_it_and_costs_mms(shop: Shop, sandbox: Sandbox) -> None:
    from io import BytesIO

    from PIL import Image

    made = BytesIO()
    Image.new("RGB", (640, 480), "white").save(made, "JPEG")
    images.storage().put("flyers/x.jpg", made.getvalue(), "image/jpeg")
    shop.customers(4)
    campaign = shop.campaign(image_object="flyers/x.jpg", frozen_subject="(광고) 가을")
    found = shop.run(campaign)
    assert (found["accepted"], found["cost"]) == (4, 240)
    assert {(one["type"], one["title"], len(one["images"])) for one in sandbox.log()} == {("MMS", "(광고) 가을", 1)}
    picture.forget()


def test_a_picture_that_cannot_be_read_delays_and_burns_nothing(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(4)
    campaign = shop.campaign(image_object="flyers/gone.jpg")
    assert shop.run(campaign)["planned"] == 4
    assert sandbox.stats()["requests"] == 0
    assert [(one.outcome, one.words) for one in shop.attempts(campaign)] == [("BUSY", "image not readable")]


def test_a_worker_out_of_touch_with_the_database_starts_no_call(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(4)
    campaign = shop.campaign()
    monkeypatch.setattr(liveness.heart(), "is_fresh", lambda: False)
    assert shop.run(campaign)["planned"] == 4
    assert sandbox.stats()["requests"] == 0


def test_a_defect_during_the_call_counts_as_unknown(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.customers(4)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim.claim(tx, batch, Hand())
    assert load is not None
    monkeypatch.setattr(load.provider, "send", lambda parcel, note: 1 / 0, raising=False)
    outcome = deliver.hand_over(shop.workspace, load, load.calls[0])
    assert isinstance(outcome, Unknown) and outcome.reason == "defect: ZeroDivisionError"


def test_what_the_provider_said_is_written_down_when_the_database_is_back(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(4)
    campaign = shop.campaign()
    shop.plan(campaign)
    real, away = deliver.record, iter([True, True, False])

    def recorded(*arguments):
        if next(away):
            raise Unavailable("away")
        return real(*arguments)

    monkeypatch.setattr(deliver, "record", recorded)
    monkeypatch.setattr(deliver.time, "sleep", lambda seconds: None)
    assert shop.deliver(campaign)["accepted"] == 4


def test_a_database_that_stays_away_leaves_it_to_the_sweeper(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(4)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)

    def away(*_):
        raise Unavailable("away")

    monkeypatch.setattr(deliver, "record", away)
    monkeypatch.setattr(deliver, "RECORD_PATIENCE", -1.0)
    with pytest.raises(Unavailable):
        deliver.deliver(shop.workspace, batch)
    assert shop.counters(campaign)["claimed"] == 4
    time.forward(minutes=3)
    from workers import sweep

    sweep.sweep()
    assert shop.counters(campaign)["unknown"] == 4
    assert shop.reconcile(campaign)["accepted"] == 4
    assert sandbox.stats()["accepted_messages"] == 4


def test_the_job_takes_names_and_a_call_that_comes_too_late_is_not_begun(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim.claim(tx, batch, Hand())
    assert load is not None
    time.forward(seconds=deliver.START_WITHIN.total_seconds() + 1)
    outcome = deliver.hand_over(shop.workspace, load, load.calls[0])
    assert isinstance(outcome, Busy)
    deliver._patiently(shop.workspace, load, load.calls[0], outcome)
    time.forward(minutes=2)
    deliver.deliver_batch(str(shop.workspace), str(batch))
    assert shop.counters(campaign)["accepted"] == 2


def test_nothing_personal_is_logged(shop: Shop, sandbox: Sandbox, logs: Logs) -> None:
    phones = shop.customers(5, first=9001)
    campaign = shop.campaign()
    for kind in ("busy", "ip_blocked", "lost_answer_reset"):
        sandbox.fault(kind, path="/send*", status=429)
        shop.run(campaign)
        shop.sql("UPDATE provider_accounts SET state = 'ACTIVE'")
        shop.sql("UPDATE batches SET due_at = due_at - interval '1 hour'")
    shop.reconcile(campaign)
    shop.read_all(campaign)
    said = repr(logs.entries)
    assert "account_wide_refusal" in said
    assert not any(phone in said or phone[1:] in said for phone in phones)
    assert "고객" not in said and "engine-key" not in said


def test_a_worker_that_stood_still_starts_nothing_that_it_claimed_before(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heart beats again before anything else does, and its batch may have been given to another meanwhile."""
    shop.customers(4)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    with database().write(shop.workspace) as tx:
        load = claim.claim(tx, batch, Hand())
    heart = liveness.heart()
    monkeypatch.setattr(heart, "_last", heart._last - 15.1)
    heart._beat()
    assert heart.is_fresh()
    outcome = deliver.hand_over(shop.workspace, load, load.calls[0])
    assert isinstance(outcome, record.Held)
    assert sandbox.stats()["requests"] == 0
    shop.sql("UPDATE batches SET due_at = now() - interval '1 day', state = 0, states = '\\x00000000', lease_owner = NULL")
    with database().write(shop.workspace) as tx:
        again = claim.claim(tx, batch, Hand())
    assert isinstance(deliver.hand_over(shop.workspace, again, again.calls[0]), Accepted), "what it claims afterwards goes"

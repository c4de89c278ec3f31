"""When a part of the product is not well: section 15 of the rules, one test a row. Nothing unlawful leaves, nothing is burnt."""

from datetime import timedelta
from typing import Any

import pytest
import redis

from core import clock, images
from core.db import session
from core.db.peer import Peer
from core.errors import Unavailable
from core.rules.alerts import Kind
from core.settings import load
from core.slots import slots
from tests.workers.shop import Logs, Sandbox, Shop, Time
from tests.workers.test_compose import jpeg
from workers import claim, deliver, liveness, picture, recipients, skew, sweep, watch

ORDER = "주문하신 원두가 나갔습니다"


def incidents(shop: Shop) -> set[str]:
    watch.from_the_clock()
    with session.database().system() as tx:
        return {row.kind for row in tx.rows("SELECT kind FROM incidents WHERE closed_at IS NULL AND cleared_at IS NULL")}


@pytest.fixture
def both(shop: Shop) -> tuple[Any, Any]:
    """An advertisement and a piece of information, planned for the same four people."""
    shop.customers(4)
    made = shop.campaign(), shop.campaign(ORDER, purpose="INFO")
    for campaign in made:
        shop.plan(campaign)
    return made


def test_while_only_a_replica_answers_nothing_leaves(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL reads only: an opt-out could not be kept (R-OPT-1), so ads stop; what cannot be written down is not sent."""
    before, url = session.database(), environment["DATABASE_URL"]
    joint = "&" if "?" in url else "?"
    peer = Peer("reading", f"{url}{joint}options=-c%20default_transaction_read_only%3Don", writable=True)
    only_reads = session._engine(peer, 5)
    with monkeypatch.context() as patch:
        patch.setattr(before, "_writer", only_reads)
        for campaign in both:
            for batch in shop.batches(campaign):
                with pytest.raises(Unavailable):
                    deliver.deliver(shop.workspace, batch)
        assert sandbox.stats()["requests"] == 0
    only_reads.dispose()
    liveness.heart()._beat()
    assert [shop.deliver(campaign)["accepted"] for campaign in both] == [4, 4]


def test_without_redis_the_law_is_read_where_it_stands(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis is down: allowed, slower; opt-outs, night and idempotency come from PostgreSQL (R-OPT-8)."""

    def gone(*_: object, **__: object) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(slots(), "_take", gone)
    monkeypatch.setattr(slots(), "_away_until", 0.0)
    shop.opt_out("id IN (SELECT id FROM contacts ORDER BY id LIMIT 1)")
    ad, info = both
    found = shop.deliver(ad)
    assert (found["accepted"], found["excluded"], len(sandbox.log())) == (3, 1, 3)
    for batch in shop.batches(ad):
        deliver.deliver(shop.workspace, batch)
    assert len(sandbox.log()) == 3, "nothing goes twice"
    assert shop.deliver(info)["accepted"] == 4


def test_without_storage_no_picture_is_replaced_and_texts_go_on(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Object storage is down: an MMS waits; it never leaves as a text or with something else in its place (R-LBL-6)."""

    def away(*_: object, **__: object) -> bytes:
        raise Unavailable("away")

    monkeypatch.setattr(images.Storage, "get", away)
    picture.forget()
    pictured = shop.campaign(image_object="flyers/x.jpg")
    assert shop.run(pictured)["planned"] == 4
    assert sandbox.log() == []
    assert shop.deliver(both[1])["accepted"] == 4
    picture.forget()


def test_while_the_storage_rests_pictured_batches_are_not_even_claimed_and_people_are_told(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Object storage is down for longer: no attempt is made for nothing, and all goes on when it is back."""
    pictured = shop.campaign(image_object="flyers/y.jpg")
    shop.plan(pictured)
    picture.forget()
    here, nowhere = images.storage(), images.Storage(load().model_copy(update={"aws_endpoint_url_s3": "http://127.0.0.1:9"}))
    here.put("flyers/y.jpg", jpeg(), "image/jpeg")
    with monkeypatch.context() as patch:
        patch.setattr(images, "storage", lambda: nowhere)
        assert Kind.STORAGE_UNREACHABLE in incidents(shop)
        assert nowhere.resting
        assert shop.deliver(pictured)["planned"] == 4
        assert shop.value("SELECT count(*) FROM attempts WHERE campaign_id = :c", c=pictured) == 0
        assert shop.deliver(both[1])["accepted"] == 4
    time.forward(seconds=10)
    assert Kind.STORAGE_UNREACHABLE not in incidents(shop)
    assert shop.deliver(pictured)["accepted"] == 4
    assert sorted(one["type"] for one in sandbox.log()) == ["MMS"] * 4 + ["SMS"] * 4


def test_every_attempt_after_an_outage_is_judged_anew(shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], time: Time) -> None:
    """Provider answers 5xx: back-off, and whoever said no meanwhile gets nothing (R-OPT-1, R-NGT-4)."""
    ad, _ = both
    sandbox.fault("busy", status=503)
    assert shop.deliver(ad)["unknown"] == 4
    shop.opt_out("id IN (SELECT id FROM contacts ORDER BY id LIMIT 3)")
    time.forward(seconds=3)
    assert shop.reconcile(ad)["planned"] == 4, "the provider was asked: it had taken nothing"
    found = shop.deliver(ad)
    assert (found["accepted"], found["excluded"], len(sandbox.log())) == (1, 3, 1)


def test_an_outcome_nobody_knows_is_asked_about_before_anything_goes_again(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], time: Time
) -> None:
    """Provider does not answer: the result is queried first, because a second advertisement is a complaint."""
    ad, _ = both
    sandbox.fault("lost_answer_reset")
    assert shop.deliver(ad)["unknown"] == 4
    assert shop.deliver(ad)["unknown"] == 4
    time.forward(seconds=3)
    assert shop.reconcile(ad)["accepted"] == 4
    assert len(sandbox.log()) == 4


def test_where_the_clock_is_wrong_no_advertisement_leaves(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clock off by more than 60 seconds: ads stop (R-NGT-1 cannot be decided), information goes on, people are told."""
    ad, info = both
    logs.expect("clock_is_wrong")
    machine = clock.machine
    try:
        for off, may in ((59, True), (62, False)):
            monkeypatch.setattr(clock, "machine", lambda off=off: machine() + timedelta(seconds=off))
            liveness.heart()._beat(), liveness.heart()._beat()
            assert skew.off() is not may
        assert shop.deliver(ad)["planned"] == 4
        assert sandbox.log() == []
        assert shop.deliver(info)["accepted"] == 4
        assert Kind.CLOCK_WRONG in incidents(shop)
    finally:
        monkeypatch.setattr(clock, "machine", machine)
        liveness.heart()._beat(), liveness.heart()._beat()
    assert not skew.off()
    assert Kind.CLOCK_WRONG not in incidents(shop)
    assert shop.deliver(ad)["accepted"] == 4


def test_a_scheduler_whose_clock_is_wrong_starts_nothing(
    shop: Shop, both: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clock off: whether a minute has come is not known either (R-NGT-4)."""
    ad, _ = both
    monkeypatch.setattr(skew, "_seconds", -90.0)
    shop.sql("UPDATE campaigns SET state = 'SCHEDULED', scheduled_at = :at WHERE id = :c", at=clock.now(), c=ad)
    sweep.sweep()
    assert shop.state(ad) == "SCHEDULED"
    monkeypatch.setattr(skew, "_seconds", 0.0)
    sweep.sweep()
    assert shop.state(ad) != "SCHEDULED"


def test_what_cannot_be_judged_does_not_leave(
    shop: Shop, sandbox: Sandbox, both: tuple[Any, Any], logs: Logs, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine fails: advertising is denied, information queued, people are told; once repaired it goes on (ENGINE_ERROR)."""
    logs.expect("engine_error")
    people = recipients.people
    monkeypatch.setattr(claim.recipients, "people", lambda *_: 1 / 0)
    for campaign in both:
        assert shop.deliver(campaign)["planned"] == 4
        assert shop.value("SELECT due_at > :now FROM batches WHERE campaign_id = :c", now=clock.now(), c=campaign)
    assert sandbox.stats()["requests"] == 0
    assert Kind.ENGINE_ERROR in incidents(shop)
    monkeypatch.setattr(claim.recipients, "people", people)
    time.forward(minutes=1, seconds=1)
    for campaign in both:
        assert shop.deliver(campaign)["accepted"] == 4
    time.forward(minutes=5)
    assert Kind.ENGINE_ERROR not in incidents(shop)


def test_an_engine_that_stays_broken_lets_an_offer_expire(
    shop: Shop, sandbox: Sandbox, logs: Logs, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-NGT-3 with ENGINE_ERROR: denied until the last moment, then over; never sent late."""
    logs.expect("engine_error")
    shop.customers(2)
    campaign = shop.campaign(expires_at=clock.now() + timedelta(minutes=5))
    people = recipients.people
    monkeypatch.setattr(claim.recipients, "people", lambda *_: 1 / 0)
    shop.run(campaign)
    time.forward(minutes=6)
    monkeypatch.setattr(claim.recipients, "people", people)
    assert shop.deliver(campaign)["expired"] == 2
    assert sandbox.log() == []


def test_a_wrong_clock_is_measured_against_the_middle_of_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow database is no wrong clock: half of the waiting is taken off."""
    asked = skew.begin()
    monkeypatch.setattr(clock, "machine", lambda: asked + timedelta(seconds=40))
    skew.measure(asked, asked + timedelta(seconds=20))
    assert skew.seconds() == 0 and not skew.off()


@pytest.mark.parametrize("off", [-700, 700])
def test_a_process_with_a_wrong_clock_is_alive_and_writes_the_right_time(
    shop: Shop, both: tuple[Any, Any], logs: Logs, off: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lags behind would be taken for dead while it sends, and what it sent would be sent again (I2)."""
    logs.expect("clock_is_wrong")
    right = clock.now()
    machine = clock.machine
    try:
        monkeypatch.setattr(clock, "machine", lambda: machine() + timedelta(seconds=off))
        liveness.heart()._beat(), liveness.heart()._beat()
        assert shop.deliver(both[1])["accepted"] == 4
        seen = shop.value("SELECT max(seen_at) FROM worker_processes")
        begun = shop.value("SELECT max(started_at) FROM attempts")
        assert all(abs(at - right) < timedelta(seconds=60) for at in (seen, begun, clock.now()))
    finally:
        monkeypatch.setattr(clock, "machine", machine)
        liveness.heart()._beat()
    assert abs(clock.now() - right) < timedelta(seconds=60)

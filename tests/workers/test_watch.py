"""The watch: what is wrong becomes an incident, people hear of it once when it begins and once when it is over."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from core import clock, jobs, settings
from core.db import provider_accounts, send
from core.db.ids import new_id
from core.db.session import database
from core.errors import Unavailable
from core.rules.alerts import Kind
from tests.workers import test_single
from tests.workers.receiver import Receiver, receiving
from tests.workers.shop import Logs, Sandbox, Shop, Time, open_shop
from workers import alerts, watch


@pytest.fixture
def receiver(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Who is alerted in this test."""
    with receiving() as one:
        addresses(monkeypatch, one.address)
        yield one


def addresses(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setenv("ALERT_URLS", ",".join(urls))
    offset = clock._offset
    settings.load.cache_clear()
    settings.load()
    clock.shift(offset)
    alerts.channels.cache_clear()


def incidents(shop: Shop) -> list[tuple[str, str, bool]]:
    """(kind, subject, still open), oldest first."""
    with database().system() as tx:
        return [(row.kind, row.subject, row.closed_at is None) for row in tx.rows("SELECT * FROM incidents ORDER BY id")]


def pause(shop: Shop, cause: str = "IP") -> None:
    with database().write(shop.workspace) as tx:
        provider_accounts.pause(tx, shop.account, cause)


def resume(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        provider_accounts.resume(tx, shop.account)


def ticks(time: Time, seconds: float, look: Callable[[], None] = watch.from_the_clock, every: float = 5) -> None:
    """The watch looks as it would in so many seconds."""
    look()
    for _ in range(int(seconds // every)):
        time.forward(seconds=every)
        look()


# --- once, and once -----------------------------------------------------------------------------------------------


def test_one_alert_when_it_begins_and_one_when_it_is_over(shop: Shop, receiver: Receiver, time: Time) -> None:
    pause(shop)
    ticks(time, 60)
    assert receiver.titles == ["[전단] 발송 계정 정지 · 봄날커피"]
    assert "알리고 계정이 정지되었습니다: 이 서버의 IP가 발송사에 등록되어 있지 않습니다." in receiver.taken[0]["message"]
    assert "할 일: " in receiver.taken[0]["message"]
    resume(shop)
    ticks(time, 60)
    assert receiver.titles[1:] == ["[전단] 해결: 발송 계정 정지 · 봄날커피"]
    assert incidents(shop) == [("ACCOUNT_PAUSED", str(shop.account), False)]
    pause(shop)
    ticks(time, 60)
    assert len(receiver.taken) == 3
    assert receiver.asked == 3


def test_what_lasts_only_a_moment_wakes_nobody(shop: Shop, receiver: Receiver, time: Time) -> None:
    for _ in range(5):
        pause(shop)
        ticks(time, 5)
        resume(shop)
        ticks(time, 5)
    ticks(time, 60)
    assert receiver.asked == 0
    assert all(not still_open for _, _, still_open in incidents(shop))


def test_a_trouble_that_goes_only_for_a_moment_is_the_same_trouble(shop: Shop, receiver: Receiver, time: Time) -> None:
    pause(shop)
    ticks(time, 15)
    for _ in range(5):
        resume(shop)
        ticks(time, 5)
        pause(shop)
        ticks(time, 5)
    assert len(receiver.taken) == len(incidents(shop)) == 1


def test_a_restart_between_repeats_nothing(shop: Shop, receiver: Receiver, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    pause(shop)
    ticks(time, 15)
    database().dispose()
    addresses(monkeypatch, receiver.address)
    ticks(time, 30)
    resume(shop)
    ticks(time, 30)
    database().dispose()
    addresses(monkeypatch, receiver.address)
    ticks(time, 30)
    assert receiver.titles == ["[전단] 발송 계정 정지 · 봄날커피", "[전단] 해결: 발송 계정 정지 · 봄날커피"]


def test_two_schedulers_at_the_same_moment_tell_once(shop: Shop, receiver: Receiver, time: Time) -> None:
    pause(shop)
    for _ in range(8):
        both = [threading.Thread(target=watch.from_the_clock) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        time.forward(seconds=5)
    assert receiver.asked == 1


def test_two_accounts_are_two_incidents(shop: Shop, receiver: Receiver, time: Time) -> None:
    other = open_shop()
    pause(shop), pause(other)
    ticks(time, 30)
    resume(other)
    ticks(time, 30)
    assert sorted(receiver.titles) == ["[전단] 발송 계정 정지 · 봄날커피"] * 2 + ["[전단] 해결: 발송 계정 정지 · 봄날커피"]
    assert sum(still_open for _, _, still_open in incidents(shop)) == 1


# --- channels -----------------------------------------------------------------------------------------------------


def test_a_channel_that_is_down_is_tried_again_and_the_others_are_told_once(
    shop: Shop, receiver: Receiver, time: Time, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    with receiving() as other:
        other.status = 503
        addresses(monkeypatch, receiver.address, other.address)
        pause(shop)
        ticks(time, 30)
        assert (receiver.asked, other.asked, len(other.taken)) == (1, 1, 0)
        ticks(time, 60)
        assert other.asked == 2
        other.status = 200
        ticks(time, 60)
        assert (receiver.asked, len(other.taken)) == (1, 1)
        resume(shop)
        ticks(time, 60)
        assert (len(receiver.taken), len(other.taken)) == (2, 2)
    assert "s3cret" not in repr(logs.entries)


def test_who_never_heard_that_it_began_does_not_hear_that_it_is_over(shop: Shop, receiver: Receiver, time: Time) -> None:
    receiver.status = 500
    pause(shop)
    ticks(time, 30)
    resume(shop)
    ticks(time, 30)
    receiver.status = 200
    ticks(time, 300)
    assert receiver.taken == []


def test_tries_become_seldom(shop: Shop, receiver: Receiver, time: Time) -> None:
    receiver.status = 500
    pause(shop)
    ticks(time, 6 * 3600, every=60)
    assert 10 < receiver.asked < 40


def test_without_a_channel_the_log_says_it_once(shop: Shop, time: Time, logs: Logs) -> None:
    pause(shop)
    ticks(time, 60)
    resume(shop)
    ticks(time, 60)
    assert [line["title"] for line in logs.events("alert")] == ["[전단] 발송 계정 정지 · 봄날커피"]
    assert len(logs.events("alert_over")) == 1


@pytest.mark.parametrize("wrong", ["nonsense", "json://", "s3cret://a@b", "jsons://127.0.0.1:1/ok,what://s3cret"])
def test_a_wrong_address_stops_the_process_and_is_not_shown(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    addresses(monkeypatch, *wrong.split(","))
    with pytest.raises(SystemExit) as stopped:
        alerts.refuse_wrong_addresses()
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert "jeondan: ALERT_URLS: address" in said.err
    assert "s3cret" not in said.err + said.out
    assert "s3cret" not in repr(settings.load())


# --- what is seen -------------------------------------------------------------------------------------------------


def seen(time: Time, *, staffed: bool = True) -> set[str]:
    """What one look sees; with a worker on every lane."""
    if staffed:
        consumer(" ".join(jobs.LANES))
    watch.from_the_clock()
    with database().system() as tx:
        return {row.kind for row in tx.rows("SELECT kind FROM incidents WHERE closed_at IS NULL AND cleared_at IS NULL")}


def test_all_is_well_in_a_shop_that_works(shop: Shop, time: Time) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.run(campaign)
    shop.read_all(campaign)
    assert seen(time) == set()


@pytest.mark.parametrize("breaker", ["OPEN", "HALF_OPEN"])
def test_a_breaker_that_is_not_closed_is_seen(shop: Shop, time: Time, breaker: str) -> None:
    shop.sql("UPDATE provider_accounts SET breaker = :breaker", breaker=breaker)
    assert seen(time) == {"BREAKER_OPEN"}


def test_an_unanswered_call_is_seen_after_half_an_hour_or_when_a_person_has_to_decide(
    shop: Shop, time: Time, sandbox: Sandbox
) -> None:
    shop.customers(3)
    sandbox.fault("lost_answer_reset", path="/send_mass/")
    campaign = shop.campaign()
    assert shop.run(campaign)["unknown"] == 3
    assert seen(time) == set()
    shop.sql("UPDATE attempts SET escalated_at = now()")
    assert seen(time) == {"UNKNOWN_UNRESOLVED"}
    shop.sql("UPDATE attempts SET escalated_at = NULL")
    assert seen(time) == set()
    time.forward(minutes=31)
    assert seen(time) == {"UNKNOWN_UNRESOLVED"}


def words(shop: Shop, text: str, days: float = 0) -> None:
    at = clock.now() - timedelta(days=days)
    shop.sql(
        "INSERT INTO unknown_words (workspace_id, provider, words, people, first_seen_at, last_seen_at)"
        " VALUES (:workspace, 'aligo', :words, 3, :at, now())",
        workspace=shop.workspace,
        words=text,
        at=at,
    )


def test_new_words_are_seen_for_a_day(shop: Shop, time: Time, receiver: Receiver) -> None:
    words(shop, "옛날 문구", days=2)
    assert seen(time) == set()
    words(shop, "보류됨")
    ticks(time, 10)
    [alert] = receiver.taken
    assert "‘보류됨’" in alert["message"]
    assert "옛날" not in alert["message"]
    time.forward(days=1)
    assert seen(time) == set()


@pytest.mark.parametrize(
    ("state", "failing", "trouble"), [("DISABLED", True, True), ("DISABLED", False, False), ("ACTIVE", True, False)]
)
def test_an_address_that_was_given_up_is_seen_without_its_secret(
    shop: Shop, time: Time, receiver: Receiver, state: str, failing: bool, trouble: bool
) -> None:
    shop.sql(
        "INSERT INTO webhook_endpoints (id, workspace_id, url, secret, state, failing_since, created_at)"
        " VALUES (gen_random_uuid(), :workspace, 'https://shop.example.com/in/s3cret', '', :state, :since, now())",
        workspace=shop.workspace,
        state=state,
        since=clock.now() if failing else None,
    )
    ticks(time, 10)
    assert ["shop.example.com" in each["message"] and "s3cret" not in each["message"] for each in receiver.taken] == [
        True
    ] * trouble


def consumer(lanes: str) -> UUID:
    worker = new_id()
    with database().owner() as tx:
        send.beat(tx, worker, lanes, clock.now())
    return worker


def test_jobs_that_nobody_takes_are_seen(shop: Shop, time: Time) -> None:
    jobs.read_balance(shop.workspace, shop.account)
    consumer("single bulk")
    assert seen(time, staffed=False) == {"QUEUE_STUCK"}
    consumer("receipts housekeeping")
    assert seen(time, staffed=False) == set()
    time.forward(seconds=13)
    assert seen(time, staffed=False) == {"QUEUE_STUCK"}


def test_batches_that_could_go_and_do_not_are_seen_and_a_long_campaign_is_no_trouble(shop: Shop, time: Time) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    assert seen(time) == set()
    time.forward(minutes=6)
    assert seen(time) == {"DELIVERY_STUCK"}
    shop.sql("UPDATE campaigns SET state = 'PAUSED'")
    assert seen(time) == set()
    shop.sql("UPDATE campaigns SET state = 'SENDING'")
    shop.deliver(campaign)
    shop.customers(3, first=10)
    shop.plan(shop.campaign())
    shop.sql("UPDATE batches SET due_at = due_at - interval '1 hour' WHERE state = 0")
    assert seen(time) == set()


def test_single_messages_that_do_not_go_are_seen_though_campaigns_go(shop: Shop, time: Time) -> None:
    test_single.sent(shop, ("01000000001", "주문이 접수되었습니다"))
    time.forward(minutes=6)
    shop.customers(3)
    shop.run(shop.campaign())
    watch.from_the_clock()
    assert [(kind, subject) for kind, subject, _ in incidents(shop) if kind == Kind.DELIVERY_STUCK] == [
        ("DELIVERY_STUCK", "SEND")
    ]


def test_redis_that_does_not_answer_is_seen_and_lanes_are_left_alone(
    shop: Shop, time: Time, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.read_balance(shop.workspace, shop.account)
    assert seen(time, staffed=False) == {"QUEUE_STUCK"}
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    addresses(monkeypatch, receiver.address)
    jobs.broker.cache_clear()
    ticks(time, 60)
    assert seen(time, staffed=False) == {"QUEUE_STUCK", "QUEUES_UNREACHABLE"}
    assert len(receiver.taken) == 2


# --- the scheduler itself -----------------------------------------------------------------------------------------


def test_a_silent_scheduler_is_seen_by_a_worker_and_by_no_scheduler(shop: Shop, time: Time, receiver: Receiver) -> None:
    scheduler = consumer("clock")
    ticks(time, 25, watch.from_a_worker)
    assert receiver.taken == []
    ticks(time, 60, watch.from_a_worker)
    assert receiver.titles == ["[전단] 스케줄러 멈춤"]
    ticks(time, 30)
    assert [still_open for kind, _, still_open in incidents(shop) if kind == Kind.SCHEDULER_SILENT] == [True]
    for _ in range(4):
        with database().owner() as tx:
            send.beat(tx, scheduler, "clock", clock.now())
        ticks(time, 5, watch.from_a_worker)
    assert receiver.titles[1:] == ["[전단] 해결: 스케줄러 멈춤"]


def test_a_thread_goes_on_after_a_bad_look_and_ends_when_told(shop: Shop, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    looks = []
    twice = threading.Event()

    def bad() -> None:
        looks.append(1)
        if len(looks) > 2:
            twice.set()
        raise Unavailable("away") if len(looks) == 1 else ZeroDivisionError

    logs.expect("look_failed")
    watching = watch.Watch(bad)
    watching.start()
    assert twice.wait(10)
    watching.stop()
    assert not watching._thread.is_alive()
    assert logs.events("look_missed")


def test_no_number_and_no_secret_leaves_with_an_alert(shop: Shop, time: Time, receiver: Receiver, logs: Logs) -> None:
    pause(shop)
    shop.sql("UPDATE provider_accounts SET breaker = 'OPEN'")
    jobs.read_balance(shop.workspace, shop.account)
    ticks(time, 120)
    assert len(receiver.taken) == 3
    told = repr(receiver.taken) + repr(logs.entries)
    assert "engine-key" not in told
    assert not re.search(r"01[016789]\d{7,8}", told)


# --- the database itself ------------------------------------------------------------------------------------------


def test_people_hear_of_a_database_that_is_away_and_of_its_return(
    shop: Shop, time: Time, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, keeper = watch.Watch(watch.from_the_clock), watch.Watch(watch.from_a_worker)

    def both(seconds: float) -> None:
        for _ in range(int(seconds // 5)):
            time.forward(seconds=5)
            scheduler.once(), keeper.once()

    def told() -> list[str]:
        return [title for title in receiver.titles if "데이터베이스" in title]

    with monkeypatch.context() as patch:
        patch.setattr(database().primary, "_away", True)
        patch.setattr(database().primary, "_asking", True)
        both(20)
        assert receiver.taken == [], "a short restart wakes nobody"
        receiver.status = 503
        both(5)
        receiver.status = 200
        both(120)
        assert told() == ["[전단] 데이터베이스에 쓸 수 없음"], "once, by one of them, as soon as the channel takes it"
        assert "광고는 나가지 않으며" in receiver.taken[0]["message"]
    both(30)
    assert told()[1:] == ["[전단] 해결: 데이터베이스에 쓸 수 없음"]
    assert [(kind, still) for kind, _, still in incidents(shop) if kind == Kind.DATABASE_DOWN] == [("DATABASE_DOWN", False)]

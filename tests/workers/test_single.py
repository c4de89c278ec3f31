"""Messages of SendService in the hands of the engine: once at the provider, followed to their result; rehearsals nowhere."""

import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from core import clock, jobs
from core.db import accounts, campaigns, direct, messages
from core.db.session import Row, database
from core.rules.channel import Channel
from core.rules.direct import check
from core.rules.routing import Route
from core.rules.states import MessageState
from tests.workers.shop import SENDER, Logs, Sandbox, Shop, Time
from workers import claim, deliver, receipts, reconcile, single, sweep
from workers.routing import Hand

S = MessageState
PRICES = {Channel.SMS: Decimal("8.4"), Channel.LMS: Decimal("25.9")}
TEXT = "[봄날커피] 주문이 접수되었습니다."


def sent(shop: Shop, *drafts: tuple[str, str], test: bool = False, routes: Sequence[Route] = (), **more: timedelta) -> list[str]:
    """One call of SendService; the ids of its messages."""
    now = clock.now()
    begin = now + more.get("begin", timedelta(0))
    with database().write(shop.workspace) as tx:
        account = accounts.rehearsal_account(tx, shop.workspace, shop.sender) if test else shop.account
        prices = dict.fromkeys(PRICES, Decimal(0)) if test else PRICES
        ways = routes or [Route(account, "rehearsal" if test else "aligo", prices)]
        end = begin + more.get("life", timedelta(days=1))
        order = direct.Order(shop.workspace, test, shop.sender, SENDER, "주문 안내", ways, begin, end)
        wanted = [check(number, text, "") for number, text in drafts]
        places = direct.add(tx, order, wanted, accounts.keys(tx, shop.workspace), now)
    return [f"{batch}-{position}" for batch, position in places]


def delivered(shop: Shop, identifiers: Sequence[str]) -> None:
    """Each batch of these once."""
    for batch in dict.fromkeys(one.rpartition("-")[0] for one in identifiers):
        single.deliver_single.fn(str(shop.workspace), batch)


def read(shop: Shop) -> None:
    for attempt in shop.sql("SELECT id FROM attempts WHERE outcome = 'ACCEPTED' ORDER BY id"):
        receipts.read(shop.workspace, attempt.id)


def message(shop: Shop, identifier: str) -> Row:
    batch, _, position = identifier.rpartition("-")
    with database().read(shop.workspace) as tx:
        found = messages.get(tx, UUID(batch), int(position))
    assert found is not None
    return found


def states(shop: Shop, identifiers: Sequence[str]) -> list[MessageState]:
    """Where they are; every look holds the counters and the cost against the ledger."""
    for row in shop.sql("SELECT id FROM campaigns WHERE kind = 'SEND'"):
        with database().read(shop.workspace) as tx:
            found = campaigns.counters(tx, [row.id])[row.id]
        bytes_ = b"".join(bytes(one.states) for one in shop.sql("SELECT states FROM batches WHERE campaign_id = :c", c=row.id))
        assert {S(state).name.lower(): bytes_.count(state) for state in set(bytes_)} == {
            name: found[name] for name in map(str.lower, S.__members__) if found[name]
        }
        assert found["selected"] == len(bytes_)
        paid = "SELECT coalesce(sum(unit_price * accepted), 0) FROM attempts WHERE campaign_id = :c AND outcome = 'ACCEPTED'"
        assert found["cost"] == shop.value(paid, c=row.id)
    return [S(message(shop, one).state) for one in identifiers]


def test_a_notice_leaves_as_it_was_written_and_is_followed_to_its_end(shop: Shop, sandbox: Sandbox) -> None:
    ids = sent(shop, ("010-1234-0001", TEXT))
    assert states(shop, ids) == [S.PLANNED]
    delivered(shop, ids)
    (got,) = sandbox.log()
    assert (got["receiver"], got["text"], got["sender"]) == ("01012340001", TEXT, SENDER)
    assert states(shop, ids) == [S.ACCEPTED]
    read(shop)
    assert states(shop, ids) == [S.DELIVERED]
    found = message(shop, ids[0])
    assert (found.contact_id, found.channel, found.provider, found.unit_price) == (None, "SMS", "aligo", Decimal("8.40"))
    assert found.result_at is not None and not found.words
    sweep.sweep()
    assert shop.value("SELECT state FROM campaigns") == "DONE"


def test_each_of_five_hundred_gets_its_own_text(shop: Shop, sandbox: Sandbox) -> None:
    drafts = [(f"0101234{at:04d}", f"주문 {at}번이 접수되었습니다." + "가" * 60 * (at % 3 == 0)) for at in range(500)]
    ids = sent(shop, *drafts)
    delivered(shop, ids)
    assert {(one["receiver"], one["text"]) for one in sandbox.log()} == set(drafts)
    assert sandbox.stats()["accepted_messages"] == 500
    assert {message(shop, one).channel for one in ids[:2]} == {"LMS", "SMS"}
    read(shop)
    assert set(states(shop, ids)) == {S.DELIVERED}


def test_results_go_to_whom_they_are_about_also_when_one_number_gets_several(shop: Shop, sandbox: Sandbox) -> None:
    drafts = [
        ("01012349002", "하나"),
        ("01012340001", "둘"),
        ("01012349002", "셋"),
        ("01012349003", "넷"),
        ("01012340001", "다섯"),
    ]
    ids = sent(shop, *drafts)
    delivered(shop, ids)
    read(shop)
    assert states(shop, ids) == [S.FAILED, S.DELIVERED, S.FAILED, S.FAILED, S.DELIVERED]
    found = [message(shop, one) for one in ids]
    assert [one.reason for one in found] == ["NO_SUBSCRIBER", None, "NO_SUBSCRIBER", "POWER_OFF", None]
    assert [one.words for one in found] == ["결번", None, "결번", "전원꺼짐", None]


def test_who_opted_out_of_advertising_gets_the_notice_at_night_too(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    (number,) = shop.customers(1)
    shop.opt_out()
    time.at(23)
    ids = sent(shop, (number, TEXT))
    delivered(shop, ids)
    assert states(shop, ids) == [S.ACCEPTED] and sandbox.stats()["accepted_messages"] == 1


def test_the_job_twice_sends_once(shop: Shop, sandbox: Sandbox) -> None:
    ids = sent(shop, ("01012340001", TEXT))
    for _ in range(3):
        delivered(shop, ids)
    assert sandbox.stats()["accepted_messages"] == 1


def test_a_worker_that_dies_between_claim_and_record_sends_once(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider has it, nobody wrote that down: it is asked about, found, and never sent again."""
    ids = sent(shop, ("01012340001", TEXT), ("01012340002", TEXT))
    with monkeypatch.context() as patched:
        patched.setattr(deliver, "_patiently", lambda *_: None)
        delivered(shop, ids)
    assert sandbox.stats()["accepted_messages"] == 2
    batch = UUID(ids[0].rpartition("-")[0])
    with database().write(shop.workspace) as tx:
        reconcile.abandon(tx, batch)
    assert set(states(shop, ids)) == {S.UNKNOWN}
    time.forward(seconds=5)
    reconcile.reconcile(shop.workspace, batch)
    assert set(states(shop, ids)) == {S.ACCEPTED}
    delivered(shop, ids)
    read(shop)
    assert set(states(shop, ids)) == {S.DELIVERED}
    assert sandbox.stats()["accepted_messages"] == 2 and sandbox.stats()["duplicates"] == 0


def test_a_worker_that_dies_before_the_call_delays_and_loses_nothing(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    ids = sent(shop, ("01012340001", TEXT))
    batch = UUID(ids[0].rpartition("-")[0])
    with database().write(shop.workspace) as tx:
        assert claim.claim(tx, batch, Hand()) is not None
    with database().write(shop.workspace) as tx:
        reconcile.abandon(tx, batch)
    time.forward(seconds=10)
    reconcile.reconcile(shop.workspace, batch)
    delivered(shop, ids)
    assert states(shop, ids) == [S.ACCEPTED] and sandbox.stats()["accepted_messages"] == 1


def test_what_was_taken_back_does_not_leave(shop: Shop, sandbox: Sandbox) -> None:
    ids = sent(shop, ("01012340001", "하나"), ("01012340002", "둘"))
    batch, _, position = ids[0].rpartition("-")
    with database().write(shop.workspace) as tx:
        found = direct.lock(tx, UUID(batch))
        assert found is not None
        direct.cancel(tx, found, int(position), clock.now())
    delivered(shop, ids)
    assert states(shop, ids) == [S.CANCELLED, S.ACCEPTED]
    assert [one["text"] for one in sandbox.log()] == ["둘"]


def test_a_paused_account_keeps_it_waiting_until_it_expires(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED'")
    kept, late = sent(shop, ("01012340001", TEXT)), sent(shop, ("01012340002", TEXT), life=timedelta(hours=1))
    delivered(shop, kept + late)
    assert states(shop, kept + late) == [S.PLANNED, S.PLANNED]
    time.forward(hours=2)
    shop.sql("UPDATE provider_accounts SET state = 'ACTIVE'")
    sweep.sweep()
    delivered(shop, kept + late)
    assert states(shop, kept + late) == [S.ACCEPTED, S.EXPIRED]
    assert sandbox.stats()["accepted_messages"] == 1


def test_what_is_scheduled_waits_and_is_then_found_by_the_sweeper_for_its_own_lane(
    shop: Shop, sandbox: Sandbox, time: Time
) -> None:
    ids = sent(shop, ("01012340001", TEXT), begin=timedelta(hours=1))
    delivered(shop, ids)
    sweep.sweep()
    assert states(shop, ids) == [S.PLANNED] and not jobs.depths()[jobs.SINGLE]
    time.forward(hours=1, seconds=3)
    sweep.sweep()
    assert (jobs.depths()[jobs.SINGLE], jobs.depths()[jobs.BULK]) == (1, 0)
    delivered(shop, ids)
    assert states(shop, ids) == [S.ACCEPTED]


def test_a_full_bulk_lane_does_not_keep_the_sweeper_from_single_messages(
    shop: Shop, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customers(3)
    shop.plan(shop.campaign())
    sent(shop, ("01012340001", TEXT))
    time.forward(minutes=1)
    jobs.broker().client.flushall()
    monkeypatch.setattr(jobs, "depths", lambda: {**dict.fromkeys(jobs.LANES, 0), jobs.BULK: sweep.FULL_LANE})
    sweep.sweep()
    monkeypatch.undo()
    assert (jobs.depths()[jobs.SINGLE], jobs.depths()[jobs.BULK]) == (1, 0)


def test_bulk_leaves_a_slot_of_the_account_to_single_messages(shop: Shop, sandbox: Sandbox) -> None:
    shop.sql("UPDATE provider_accounts SET most_calls = 2")
    shop.customers(3)
    campaign = shop.campaign(batch_size=1)
    first, second, _ = shop.plan(campaign)
    ids = sent(shop, ("01012340001", TEXT))
    bulk = Hand()
    with database().write(shop.workspace) as tx:
        assert isinstance(claim.claim(tx, first, bulk), claim.Load)
    with database().write(shop.workspace) as tx:
        assert isinstance(claim.claim(tx, second, Hand()), claim.Full)
    delivered(shop, ids)
    assert states(shop, ids) == [S.ACCEPTED]
    bulk.open()


# --- rehearsals ---------------------------------------------------------------------------------------------------


def test_a_rehearsal_ends_by_its_digits_and_reaches_no_provider(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    asked = sandbox.stats()["requests"]
    digits = {"0001": S.DELIVERED, "9002": S.FAILED, "9003": S.FAILED, "9004": S.ACCEPTED, "9005": S.FAILED, "9006": S.FAILED}
    ids = sent(shop, *((f"0101234{end}", TEXT) for end in (*digits, "9008")), test=True)
    delivered(shop, ids)
    time.forward(minutes=2)
    read(shop)
    assert states(shop, ids) == [*digits.values(), S.FAILED]
    found = [message(shop, one) for one in ids]
    reasons = [None, "NO_SUBSCRIBER", "POWER_OFF", None, "OPTED_OUT", "BLOCKED", "NOT_TAKEN"]
    assert [one.reason for one in found] == reasons
    assert {(one.provider, one.unit_price, one.test) for one in found} == {("rehearsal", Decimal(0), True)}
    assert sandbox.stats()["requests"] == asked
    assert shop.value("SELECT count(*) FROM workspace_days") == 0


@pytest.mark.parametrize("named", ["aligo", "rehearsal"])
def test_a_rehearsal_reaches_no_account_even_if_its_routes_say_so(shop: Shop, sandbox: Sandbox, named: str, time: Time) -> None:
    asked = sandbox.stats()["requests"]
    real = Route(shop.account, named, PRICES)
    ids = sent(shop, ("01012340001", TEXT), test=True, routes=[real])
    for _ in range(3):
        delivered(shop, ids)
        time.forward(minutes=5)
    assert states(shop, ids) == [S.PLANNED]
    assert sandbox.stats()["requests"] == asked
    assert message(shop, ids[0]).reference is None


@pytest.mark.parametrize("named", ["aligo", "rehearsal"])
def test_what_is_meant_is_never_only_rehearsed(shop: Shop, sandbox: Sandbox, named: str) -> None:
    with database().write(shop.workspace) as tx:
        account = accounts.rehearsal_account(tx, shop.workspace, shop.sender)
    ids = sent(shop, ("01012340001", TEXT), routes=[Route(account, named, PRICES)])
    delivered(shop, ids)
    assert states(shop, ids) == [S.PLANNED]


def test_a_rehearsing_worker_that_dies_rehearses_again(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    ids = sent(shop, ("01012340001", TEXT), test=True)
    batch = UUID(ids[0].rpartition("-")[0])
    with database().write(shop.workspace) as tx:
        assert claim.claim(tx, batch, Hand()) is not None
    with database().write(shop.workspace) as tx:
        reconcile.abandon(tx, batch)
    time.forward(seconds=10)
    reconcile.reconcile(shop.workspace, batch)
    delivered(shop, ids)
    assert states(shop, ids) == [S.ACCEPTED]


def test_number_and_text_are_in_no_log_queue_or_event(shop: Shop, sandbox: Sandbox, logs: Logs, time: Time) -> None:
    ids = sent(shop, ("01012340001", TEXT), ("01012349002", TEXT))
    time.forward(seconds=5)
    sweep.sweep()
    queued = jobs.broker().client.hgetall(f"dramatiq:{jobs.SINGLE}.msgs")
    delivered(shop, ids)
    read(shop)
    told = [dict(row._mapping) for row in shop.sql("SELECT * FROM events")]
    asked = [dict(row._mapping) for row in shop.sql("SELECT * FROM attempts")] + [
        dict(row._mapping) for row in shop.sql("SELECT * FROM receipts")
    ]
    everything = json.dumps([logs.entries, [str(one) for one in queued.values()], told, asked], default=str, ensure_ascii=False)
    assert told and queued
    assert not [secret for secret in ("0101234", "1234-0001", "봄날커피", "접수되었") if secret in everything]

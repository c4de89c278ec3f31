"""Who calls the 080 number is found on the provider's list within minutes; a list out of sight is told of, then stops the ads."""

from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.db import feeds
from core.db.session import database
from core.rules import optout
from core.rules.alerts import Kind
from tests.workers.shop import Logs, Sandbox, Shop, Time
from workers import optouts, providers, sweep, watch


def calls(sandbox: Sandbox, *numbers: str) -> None:
    for number in numbers:
        sandbox.ask("optouts", "POST", {"receiver": number, "sender": "0212345678"})


def kept(shop: Shop) -> list[tuple[str, str]]:
    rows = shop.sql(
        "SELECT c.name, s.source FROM suppressions s JOIN contacts c ON c.phone_hash = s.phone_hash"
        " WHERE s.lifted_at IS NULL ORDER BY c.id"
    )
    return [tuple(row) for row in rows]


def feed(shop: Shop) -> Any:
    return shop.value("SELECT optout_feed_at FROM workspaces")


def test_who_calls_the_080_number_is_stopped_by_the_next_look(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-OPT-3, R-OPT-2: the provider's list, every few minutes."""
    account, phones = shop.second(), shop.customers(4)
    campaign = shop.campaign()
    shop.plan(campaign)
    calls(sandbox, phones[0], "010-9999-0000", "1588")
    optouts.read_optouts(str(shop.workspace), str(account))
    assert kept(shop) == [("고객0", "OPTOUT_CALL")]
    assert shop.value("SELECT count(*) FROM optouts") == 2, "also who is no customer yet; what is no number is nobody"
    assert shop.value("SELECT optouts_read_at FROM provider_accounts WHERE id = :id", id=account) == feed(shop)
    time.forward(minutes=4)
    calls(sandbox, phones[1])
    optouts.read(shop.workspace, account)
    assert kept(shop) == [("고객0", "OPTOUT_CALL"), ("고객1", "OPTOUT_CALL")]
    assert shop.value("SELECT count(*) FROM optouts") == 3
    found = shop.deliver(campaign)
    assert (found["excluded"], found["accepted"]) == (2, 2)
    assert {one["receiver"] for one in sandbox.log()} == set(phones[2:])


def test_a_long_list_is_read_page_by_page(shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.providers.solapi import blacks

    account = shop.second()
    monkeypatch.setattr(blacks, "_PAGE_SIZE", 3)
    calls(sandbox, *(f"0107777{at:04d}" for at in range(10)))
    optouts.read(shop.workspace, account)
    assert shop.value("SELECT count(*) FROM suppressions") == 10


def test_what_was_read_counts_although_the_rest_could_not_be(
    shop: Shop, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers.providers.solapi import blacks

    account = shop.second()
    monkeypatch.setattr(blacks, "_PAGE_SIZE", 2)
    monkeypatch.setattr(blacks, "_PAGES_MAX", 2)
    calls(sandbox, *(f"0107777{at:04d}" for at in range(9)))
    optouts.read(shop.workspace, account)
    assert shop.value("SELECT count(*) FROM suppressions") == 4
    assert shop.value("SELECT count(*) FROM provider_accounts WHERE optouts_read_at IS NOT NULL") == 0


@pytest.mark.parametrize("kind", ["error_500", "busy", "html_403"])
def test_an_answer_that_cannot_be_read_is_no_empty_list(shop: Shop, sandbox: Sandbox, kind: str) -> None:
    account, phones = shop.second(), shop.customers(1)
    calls(sandbox, *phones)
    sandbox.fault(kind, path="/iam/*", **({"status": 429} if kind == "busy" else {}))
    optouts.read(shop.workspace, account)
    assert kept(shop) == []
    assert shop.value("SELECT count(*) FROM provider_accounts WHERE optouts_read_at IS NOT NULL") == 0
    optouts.read(shop.workspace, account)
    assert kept(shop) == [("고객0", "OPTOUT_CALL")]


def test_a_call_that_is_older_than_the_new_consent_is_read_again_in_vain(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-CON-4: the list goes on showing the old call; a new one counts."""
    account, phones = shop.second(), shop.customers(1)
    calls(sandbox, *phones)
    optouts.read(shop.workspace, account)
    time.forward(days=2)
    shop.sql("UPDATE suppressions SET lifted_at = :now", now=clock.now())
    shop.sql("UPDATE contacts SET ad_consent = true, consent_at = :now", now=clock.now())
    shop.sql("UPDATE provider_accounts SET optouts_read_at = NULL")
    optouts.read(shop.workspace, account)
    assert kept(shop) == []
    time.forward(minutes=1)
    calls(sandbox, *phones)
    optouts.read(shop.workspace, account)
    assert kept(shop) == [("고객0", "OPTOUT_CALL")]


def test_every_list_is_looked_at_within_five_minutes(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """R-OPT-3: polled at least every five minutes; who keeps no list is not asked."""
    account = shop.second()

    def due() -> list[Any]:
        with database().system() as tx:
            return [row.id for row in feeds.take_due(tx, clock.now())]

    assert due() == [account]
    assert due() == []
    time.forward(minutes=4, seconds=1)
    assert due() == [account]
    assert timedelta(minutes=5) > optout.READ_EVERY
    shop.sql("UPDATE provider_accounts SET state = 'DISABLED' WHERE id = :id", id=account)
    time.forward(minutes=5)
    assert due() == []
    assert set(feeds.LISTING) <= set(providers.names())


def incidents(shop: Shop) -> set[str]:
    with database().system() as tx:
        return {row.kind for row in tx.rows("SELECT kind FROM incidents WHERE cleared_at IS NULL AND kind LIKE 'OPTOUT%'")}


def test_a_list_out_of_sight_is_told_of_after_an_hour_and_stops_ads_after_a_day(
    shop: Shop, sandbox: Sandbox, time: Time, logs: Logs
) -> None:
    """Section 15: opt-out feed stale > 60 min warns, > 24 h stops ads for that merchant; information goes on."""
    account = shop.second()
    shop.customers(2)
    optouts.read(shop.workspace, account)
    time.forward(minutes=59)
    sweep.sweep()
    watch.from_the_clock()
    assert incidents(shop) == set()
    time.forward(minutes=2)
    watch.from_the_clock()
    assert incidents(shop) == {Kind.OPTOUT_FEED_STALE}
    assert shop.run(shop.campaign())["accepted"] == 2
    time.forward(hours=23)
    watch.from_the_clock()
    assert incidents(shop) == {Kind.OPTOUT_FEED_STALE, Kind.OPTOUT_FEED_STOPPED}
    waiting = shop.campaign()
    assert shop.run(waiting)["planned"] == 2
    assert shop.run(shop.campaign(body="주문이 접수되었습니다", purpose="INFO"))["accepted"] == 2
    optouts.read(shop.workspace, account)
    watch.from_the_clock()
    assert incidents(shop) == set()
    time.forward(minutes=6)
    assert shop.deliver(waiting)["accepted"] == 2


def test_an_account_that_is_switched_off_stops_nobody(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    account = shop.second()
    shop.customers(1)
    optouts.read(shop.workspace, account)
    time.forward(hours=25)
    campaign = shop.campaign()
    assert shop.run(campaign)["planned"] == 1
    shop.sql("UPDATE provider_accounts SET state = 'DISABLED' WHERE id = :id", id=account)
    with database().system() as tx:
        feeds.settle(tx)
    assert feed(shop) is None
    time.forward(minutes=6)
    assert shop.deliver(campaign)["accepted"] == 1

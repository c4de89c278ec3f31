"""Balance: what is left, and whether a paused account may go on."""

import pytest

from core import clock
from tests.workers.shop import KEY, SENDER, USER, Sandbox, Shop, Time
from workers import accounts, balance, sweep


def account(shop: Shop):
    return shop.sql("SELECT state, pause_reason, balance_sms, balance_lms, balance_mms, balance_at FROM provider_accounts")[0]


def test_the_balance_is_remembered(shop: Shop, sandbox: Sandbox) -> None:
    balance.read_balance(str(shop.workspace), str(shop.account))
    found = account(shop)
    assert found.state == "ACTIVE"
    left = sandbox.ask("accounts")["accounts"][0]
    assert (found.balance_sms, found.balance_lms, found.balance_mms) == (left["SMS_CNT"], left["LMS_CNT"], left["MMS_CNT"])
    assert found.balance_sms > found.balance_lms > found.balance_mms > 0
    assert found.balance_at <= clock.now()


@pytest.mark.parametrize(("kind", "word"), [("ip_blocked", "IP"), ("html_403", "차단")])
def test_an_account_that_cannot_be_used_pauses_and_says_why_and_comes_back(
    shop: Shop, sandbox: Sandbox, time: Time, kind: str, word: str
) -> None:
    shop.customers(3)
    campaign = shop.campaign()
    shop.plan(campaign)
    sandbox.fault(kind, path="/remain/")
    balance.read(shop.workspace, shop.account)
    assert account(shop).state == "PAUSED"
    assert word in account(shop).pause_reason
    assert shop.deliver(campaign)["planned"] == 3
    balance.read(shop.workspace, shop.account)
    assert (account(shop).state, account(shop).pause_reason) == ("ACTIVE", "")
    assert shop.deliver(campaign)["accepted"] == 3


@pytest.mark.parametrize("kind", ["busy", "error_500", "refuse", "code"])
def test_a_provider_that_cannot_answer_changes_nothing(shop: Shop, sandbox: Sandbox, kind: str) -> None:
    sandbox.fault(kind, path="/remain/")
    before = account(shop)
    balance.read(shop.workspace, shop.account)
    assert account(shop) == before
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED', pause_reason = 'x'")
    sandbox.fault(kind, path="/remain/")
    balance.read(shop.workspace, shop.account)
    assert account(shop).state == "PAUSED"


def test_an_empty_account_does_not_resume(shop: Shop, sandbox: Sandbox) -> None:
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED', pause_reason = 'x'")
    sandbox.ask("accounts", "POST", {"user": USER, "key": KEY, "senders": [SENDER], "balance_won": 5})
    try:
        balance.read(shop.workspace, shop.account)
        assert (account(shop).state, account(shop).balance_sms) == ("PAUSED", 0)
    finally:
        sandbox.ask("accounts", "POST", {"user": USER, "key": KEY, "senders": [SENDER], "balance_won": 10_000_000})
    balance.read(shop.workspace, shop.account)
    assert account(shop).state == "ACTIVE"


def test_a_campaign_that_a_person_paused_stays_paused(shop: Shop, sandbox: Sandbox) -> None:
    campaign = shop.campaign()
    shop.sql("UPDATE campaigns SET state = 'PAUSED', waiting_for = '확인 중'")
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED'")
    balance.read(shop.workspace, shop.account)
    assert shop.state(campaign) == "PAUSED"
    assert shop.value("SELECT waiting_for FROM campaigns") == "확인 중"


def test_paused_accounts_are_asked_often_active_ones_seldom(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    def asked() -> bool:
        before = account(shop).balance_at
        sweep.sweep()
        return account(shop).balance_at != before

    assert asked()
    time.forward(seconds=60)
    assert not asked()
    shop.sql("UPDATE provider_accounts SET state = 'PAUSED'")
    assert asked()
    time.forward(seconds=10)
    assert not asked()
    time.forward(seconds=11)
    assert asked()
    shop.sql("UPDATE provider_accounts SET state = 'ACTIVE'")
    time.forward(minutes=6)
    assert asked()


def test_an_outage_of_the_account_ends_by_itself(shop: Shop, sandbox: Sandbox, time: Time) -> None:
    """I6: nothing fails, one alert, and it resumes without anybody."""
    shop.customers(30)
    campaign = shop.campaign(batch_size=10)
    shop.plan(campaign)
    sandbox.ask("faults", "POST", {"kind": "no_balance"})
    for _ in range(3):
        shop.deliver(campaign)
    assert shop.counters(campaign)["planned"] == 30
    assert sandbox.stats()["by_path"]["/send_mass/"] == 1, "the others did not even try"
    sandbox.ask("faults", "DELETE")
    balance.read(shop.workspace, shop.account)
    time.forward(seconds=1)
    assert shop.deliver(campaign)["accepted"] == 30
    accounts.forget(shop.account)

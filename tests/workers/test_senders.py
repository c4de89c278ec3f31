"""Sender numbers in operation: asked once a day, stopped when dead, an incident for a person, never another number instead."""

from typing import Any

import pytest

from core import clock
from core.db import provider_accounts
from core.db.session import database
from core.rules.alerts import Kind
from core.rules.states import MessageState
from tests.workers.shop import SENDER, Sandbox, Shop
from workers import balance, receipts, senders, watch
from workers.providers import Report, Result


def incidents(shop: Shop) -> set[str]:
    watch.from_the_clock()
    return {row.kind for row in shop.sql("SELECT kind FROM incidents WHERE closed_at IS NULL AND cleared_at IS NULL")}


def test_solapi_is_asked_and_believed(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-1, R-SND-3: numbers come from the provider, with their state."""
    second = shop.second(senders=[])
    senders.check(shop.workspace, second)
    [found] = shop.sql("SELECT words, refused_at, checked_at FROM provider_senders WHERE provider_account_id = :a", a=second)
    assert (found.words, found.refused_at) == ("사용 가능", None)
    assert Kind.SENDER_DEAD not in incidents(shop)
    sandbox.fault("sender_unregistered", path="/senderid/v1/numbers")
    senders.check(shop.workspace, second)
    [found] = shop.sql("SELECT words, refused_at FROM provider_senders WHERE provider_account_id = :a", a=second)
    assert found.words == "차단됨" and found.refused_at is not None
    assert Kind.SENDER_DEAD in incidents(shop)
    [facts] = shop.sql("SELECT facts, subject FROM incidents WHERE kind = 'SENDER_DEAD'")
    assert SENDER not in str(facts), "a number is nobody's to read in an alert"


def test_what_cannot_be_asked_now_is_asked_again_soon_and_stays_as_it_was(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-3: no answer is no verdict."""
    second = shop.second()
    sandbox.fault("busy", status=503, path="/senderid/v1/numbers")
    senders.check(shop.workspace, second)
    [row] = shop.sql("SELECT refused_at FROM provider_senders WHERE provider_account_id = :a", a=second)
    assert row.refused_at is None
    asked = shop.value("SELECT senders_checked_at FROM provider_accounts WHERE id = :a", a=second)
    assert asked + senders.EVERY <= clock.now() + senders.PATIENCE


def test_aligo_answers_no_such_question(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-3: believed until it refuses at a send."""
    senders.check(shop.workspace, shop.account)
    [row] = shop.sql("SELECT refused_at, checked_at FROM provider_senders")
    assert (row.refused_at, row.checked_at) == (None, None)


@pytest.mark.parametrize(
    ("words", "state", "reason"),
    [
        ("변작된 발신번호", "PAUSED", "FORGED"),
        ("발송 차단된 계정", "PAUSED", "BLOCKED"),
        ("KISA 신고로 차단", "PAUSED", "REPORTED"),
    ],
)
def test_news_of_forgery_stops_the_account_until_a_person_has_looked(
    shop: Shop, sandbox: Sandbox, logs: Any, words: str, state: str, reason: str
) -> None:
    """R-SND-3, R-SND-4: on forgery the whole account stops; a balance that can be read does not start it again."""
    [number] = shop.customers(1)
    campaign = shop.campaign()
    shop.run(campaign)
    [attempt] = shop.attempts(campaign)
    with database().write(shop.workspace) as tx:
        result = Result(number, MessageState.FAILED, words, "1", known=True)
        receipts.write(tx, attempt.id, Report([result], complete=False), clock.now())
    provider_accounts_row = "SELECT state, pause_reason FROM provider_accounts WHERE id = :a"
    [row] = shop.sql(provider_accounts_row, a=shop.account)
    assert (row.state, row.pause_reason) == (state, provider_accounts.PAUSE_REASONS[reason])
    balance.read(shop.workspace, shop.account)
    with database().write(shop.workspace) as tx:
        provider_accounts.pause(tx, shop.account, "BALANCE")
    balance.read(shop.workspace, shop.account)
    assert shop.sql(provider_accounts_row, a=shop.account) == [row]
    assert Kind.ACCOUNT_PAUSED in incidents(shop)


def test_a_number_that_results_call_unregistered_is_not_used_again(shop: Shop, sandbox: Sandbox) -> None:
    """R-SND-3: no other number takes its place."""
    first, *_ = shop.customers(3)
    campaign = shop.campaign(batch_size=1)
    batches = shop.plan(campaign)
    from workers import deliver

    deliver.deliver(shop.workspace, batches[0])
    [attempt] = shop.attempts(campaign)
    with database().write(shop.workspace) as tx:
        result = Result(first, MessageState.FAILED, "등록되지 않은 발신번호", "1", known=True)
        receipts.write(tx, attempt.id, Report([result], complete=False), clock.now())
    found = shop.deliver(campaign)
    assert (found["planned"], found["failed"], len(sandbox.log())) == (2, 1, 1)
    assert Kind.SENDER_DEAD in incidents(shop)


def test_a_certificate_that_ends_is_an_incident_in_time(shop: Shop) -> None:
    """R-SND-5: people know before advertising stops."""
    assert Kind.CERTIFICATE_ENDING not in incidents(shop)
    shop.sql("UPDATE provider_accounts SET certificate_until = CURRENT_DATE + 7")
    assert Kind.CERTIFICATE_ENDING in incidents(shop)

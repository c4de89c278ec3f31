"""Provider accounts: pausing says why, resuming takes it back, probing takes turns, the breaker lets one through."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import accounts, campaigns, provider_accounts
from core.db.session import database
from core.rules.routing import Route

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def shop(process: None) -> tuple[UUID, UUID]:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "가게")
    with database().write(workspace) as tx:
        return workspace, accounts.add_provider_account(tx, workspace, "aligo", {"key": "k", "user_id": "u"})


def state(workspace: UUID, account: UUID) -> tuple[str, str]:
    with database().read(workspace) as tx:
        [row] = [row for row in provider_accounts.standing(tx) if row.id == account]
        return row.state, row.pause_reason


@pytest.mark.parametrize("cause", ["AUTH", "IP", "BALANCE", "EDGE"])
def test_a_pause_says_why_and_a_resume_takes_it_back(shop: tuple[UUID, UUID], cause: str) -> None:
    workspace, account = shop
    with database().write(workspace) as tx:
        provider_accounts.pause(tx, account, cause)
    assert state(workspace, account) == ("PAUSED", provider_accounts.PAUSE_REASONS[cause])
    with database().write(workspace) as tx:
        provider_accounts.resume(tx, account)
    assert state(workspace, account) == ("ACTIVE", "")


def test_what_a_person_switched_off_is_not_paused_and_does_not_come_back_by_itself(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    with database().write(workspace) as tx:
        provider_accounts.disable(tx, account)
        provider_accounts.pause(tx, account, "IP")
        provider_accounts.resume(tx, account)
    assert state(workspace, account) == ("DISABLED", "")
    with database().write(workspace) as tx:
        provider_accounts.enable(tx, account)
    assert state(workspace, account) == ("ACTIVE", "")


def test_a_campaign_shows_what_keeps_each_of_its_accounts_from_being_called(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    with database().write(workspace) as tx:
        second = accounts.add_provider_account(tx, workspace, "solapi", {"api_key": "k", "api_secret": "s"}, senders=[])
        sender = accounts.add_sender_number(tx, workspace, "0212345678", at=[account])
        routes = [Route(one, "x", {}).frozen() for one in (account, second)]
        running, draft = (campaigns.add(tx, workspace, {"name": "가", "purpose": "AD", "body": "x"}, NOW) for _ in range(2))
        campaigns.update(tx, running, {"state": "SENDING", "routes": routes, "sender_number_id": sender})
        campaigns.update(tx, draft, {"routes": routes})
        provider_accounts.pause(tx, account, "IP")
        provider_accounts.refuse_sender(tx, account, "0212345678", NOW)
        provider_accounts.open_breaker(tx, second, NOW)
        found = provider_accounts.ways(tx, [running, draft])
    assert [(row.campaign_id, row.state, row.breaker, row.refused_at) for row in found] == [
        (running, "PAUSED", "CLOSED", NOW),
        (running, "ACTIVE", "OPEN", None),
    ]


def test_only_the_accounts_that_know_the_sender_number_are_candidates(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    with database().write(workspace) as tx:
        sender = accounts.add_sender_number(tx, workspace, "0212345678")
        accounts.add_provider_account(tx, workspace, "solapi", {}, senders=[])
        third = accounts.add_provider_account(tx, workspace, "solapi", {})
        assert [row.id for row in provider_accounts.candidates(tx, sender)] == [account, third]
        assert provider_accounts.candidates(tx, None) == []


def test_one_probe_at_a_time_goes_through_an_open_breaker(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    soon, later = NOW + timedelta(seconds=10), NOW + timedelta(seconds=100)
    with database().write(workspace) as tx:
        assert not provider_accounts.begin_probe(tx, account, NOW, later), "closed"
        assert [provider_accounts.count_trouble(tx, account) for _ in range(3)] == [1, 2, 3]
        provider_accounts.open_breaker(tx, account, soon)
        assert not provider_accounts.begin_probe(tx, account, NOW, later), "too early"
        assert provider_accounts.begin_probe(tx, account, soon, later)
        assert not provider_accounts.begin_probe(tx, account, soon, later), "one goes already"
        assert provider_accounts.begin_probe(tx, account, later, later), "that one did not come back"
        provider_accounts.close_breaker(tx, account)
        assert provider_accounts.count_trouble(tx, account) == 1


def test_probing_is_shared_out_and_marks_what_it_took(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop

    def taken(now: datetime) -> list[UUID]:
        with database().system() as tx:
            rows = provider_accounts.take_to_probe(tx, now, now - timedelta(seconds=20), now - timedelta(minutes=5))
            return [row.id for row in rows]

    assert taken(NOW) == [account]
    assert taken(NOW + timedelta(minutes=4)) == []
    with database().write(workspace) as tx:
        provider_accounts.pause(tx, account, "IP")
    assert taken(NOW + timedelta(minutes=4)) == [account]
    assert taken(NOW + timedelta(minutes=4, seconds=10)) == []


def test_the_balance_is_kept_and_the_first_account_is_the_one_by_priority(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    with database().write(workspace) as tx:
        second = accounts.add_provider_account(tx, workspace, "aligo", {"key": "k", "user_id": "v"})
        provider_accounts.save_balance(tx, account, sms=3, lms=2, mms=1, now=NOW)
        assert [row.id for row in provider_accounts.standing(tx)] == [account, second]
        tx.run("UPDATE provider_accounts SET priority = -1 WHERE id = :id", id=second)
        assert [row.id for row in provider_accounts.standing(tx)] == [second, account]
        assert tx.row("SELECT balance_sms, balance_lms, balance_mms FROM provider_accounts WHERE id = :id", id=account) == (
            3,
            2,
            1,
        )


def test_another_workspace_can_neither_pause_nor_see_it(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    with database().system() as tx:
        other = accounts.create_workspace(tx, "남의 가게")
    with database().write(other) as tx:
        provider_accounts.pause(tx, account, "IP")
        assert provider_accounts.standing(tx) == []
    assert state(workspace, account) == ("ACTIVE", "")

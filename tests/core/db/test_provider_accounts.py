"""Provider accounts: pausing tells the campaigns why, resuming takes it back, probing takes turns."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import accounts, campaigns, provider_accounts
from core.db.session import database

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def shop(process: None) -> tuple[UUID, UUID]:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "가게")
    with database().write(workspace) as tx:
        return workspace, accounts.add_provider_account(tx, workspace, "aligo", {"key": "k", "user_id": "u"})


def campaign(workspace: UUID, account: UUID, state: str, waiting_for: str = "") -> UUID:
    with database().write(workspace) as tx:
        made = campaigns.add(tx, workspace, {"name": "가", "purpose": "AD", "body": "x"}, NOW)
        campaigns.update(tx, made, {"state": state, "provider_account_id": account, "waiting_for": waiting_for})
        return made


def waiting(workspace: UUID, made: UUID) -> str:
    with database().read(workspace) as tx:
        return str(tx.value("SELECT waiting_for FROM campaigns WHERE id = :id", id=made))


@pytest.mark.parametrize("cause", ["AUTH", "IP", "BALANCE", "EDGE"])
def test_a_pause_tells_running_campaigns_and_a_resume_takes_it_back(shop: tuple[UUID, UUID], cause: str) -> None:
    workspace, account = shop
    running, planning = campaign(workspace, account, "SENDING"), campaign(workspace, account, "PLANNING")
    paused, draft = campaign(workspace, account, "PAUSED", "확인 중"), campaign(workspace, account, "DRAFT")
    with database().write(workspace) as tx:
        provider_accounts.pause(tx, account, cause)
        sentence = provider_accounts.waiting_for(tx, account)
    assert sentence == provider_accounts.PAUSE_REASONS[cause]
    assert [waiting(workspace, one) for one in (running, planning, paused, draft)] == [sentence, sentence, "확인 중", ""]
    with database().write(workspace) as tx:
        provider_accounts.resume(tx, account)
        assert provider_accounts.waiting_for(tx, account) == ""
    assert [waiting(workspace, one) for one in (running, planning, paused)] == ["", "", "확인 중"]


def test_resuming_what_runs_touches_nothing(shop: tuple[UUID, UUID]) -> None:
    workspace, account = shop
    held = campaign(workspace, account, "SENDING", "08:00까지 대기")
    with database().write(workspace) as tx:
        provider_accounts.resume(tx, account)
    assert waiting(workspace, held) == "08:00까지 대기"


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
        assert provider_accounts.first_active(tx).id == account
        tx.run("UPDATE provider_accounts SET priority = -1 WHERE id = :id", id=second)
        assert provider_accounts.first_active(tx).id == second
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
        assert provider_accounts.first_active(tx) is None
    with database().read(workspace) as tx:
        assert provider_accounts.waiting_for(tx, account) == ""

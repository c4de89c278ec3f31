"""Certificates in the database: the fragment says what the rule says, and who looks after them is told in time."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from core.db import accounts, certificates
from core.db.session import database
from core.rules.certificate import Certificate, usable

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
TODAY = date(2026, 11, 25)


@pytest.fixture
def account(process: None) -> tuple[UUID, UUID]:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "가게")
    with database().write(workspace) as tx:
        return workspace, accounts.add_provider_account(tx, workspace, "aligo", {"key": "k"})


def test_the_fragment_and_the_rule_say_the_same(account: tuple[UUID, UUID]) -> None:
    """R-SND-5: what is planned, what is claimed and what is shown stand on one reading of the year."""
    workspace, identifier = account
    chance = Random(20261125)
    with database().write(workspace) as tx:
        for _ in range(200):
            until = TODAY + timedelta(days=chance.randrange(-3, 4)) if chance.random() < 0.7 else None
            made = Certificate(chance.choice(["", "K-1"]), TODAY - timedelta(days=chance.randrange(362, 369)), until)
            certificates.record(tx, identifier, made)
            told = tx.value(f"SELECT {certificates.CERTIFIED} FROM provider_accounts p", **certificates.binds(NOW))
            assert told is usable(made, TODAY), made


def test_it_is_told_thirty_days_before_the_end(account: tuple[UUID, UUID]) -> None:
    """R-SND-5: a certificate that ends while a campaign runs stops it; people are to know before."""
    workspace, identifier = account

    def told(**given: date) -> list[date]:
        with database().write(workspace) as tx:
            certificates.record(tx, identifier, Certificate("K-1", **given))
        with database().system() as tx:
            return [row.last_day for row in certificates.ending(tx, NOW) if row.id == identifier]

    assert told(checked_on=TODAY) == []
    assert told(checked_on=TODAY, until=TODAY + timedelta(days=31)) == []
    assert told(checked_on=TODAY, until=TODAY + timedelta(days=30)) == [TODAY + timedelta(days=30)]
    assert told(checked_on=TODAY - timedelta(days=364)) == [TODAY + timedelta(days=1)]

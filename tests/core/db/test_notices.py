"""Notices are made with the yes or no that they are about, one a person and word."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import accounts, notices
from core.db.notices import Said
from core.db.session import database
from core.rules.notice import Kind, Scope

pytestmark = pytest.mark.usefixtures("process")

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)  # noon in Korea


@pytest.fixture
def workspace() -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄날커피")


def said(number: str = "1", kind: Kind = Kind.REFUSED, scope: Scope = Scope.ADS, at: datetime = NOW) -> Said:
    return Said(number.encode(), b"sealed", kind, at, scope)


def test_a_no_makes_a_notice_that_is_due_in_three_days(workspace: UUID) -> None:
    """R-NTC-1: made in the same transaction, due on day 3, too late after day 14."""
    with database().write(workspace) as tx:
        assert notices.add_result(tx, workspace, [said("1"), said("2", Kind.GRANTED, Scope.ADS_AND_NIGHT)], NOW) == 2
        row = tx.row("SELECT * FROM notices WHERE kind = 'GRANTED'")
        assert row is not None
        assert (row.state, row.scope, row.said_at) == ("DUE", "ADS_AND_NIGHT", NOW)
        assert row.due_at == NOW + timedelta(days=3)
        assert row.deadline_at == datetime(2026, 12, 7, 15, tzinfo=UTC)


def test_what_waits_already_is_not_told_twice(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        assert notices.add_result(tx, workspace, [said(), said()], NOW) == 1
        assert notices.add_result(tx, workspace, [said()], NOW + timedelta(hours=1)) == 0
        assert notices.add_result(tx, workspace, [said(kind=Kind.WITHDRAWN)], NOW) == 1
        tx.run("UPDATE notices SET state = 'DONE'")
        assert notices.add_result(tx, workspace, [said(at=NOW + timedelta(days=5))], NOW + timedelta(days=5)) == 1


def test_what_is_older_than_the_term_or_has_no_number_is_not_told(workspace: UUID) -> None:
    """R-NTC-1: a consent of last year is the duty of whoever took it last year."""
    with database().write(workspace) as tx:
        assert notices.add_result(tx, workspace, [said(at=NOW - timedelta(days=15))], NOW) == 0
        assert notices.add_result(tx, workspace, [Said(b"1", None, Kind.REFUSED, NOW)], NOW) == 0
        assert notices.add_result(tx, workspace, [], NOW) == 0
        assert notices.add_result(tx, workspace, [said(at=NOW - timedelta(days=14))], NOW) == 1


def test_nobody_sees_the_notices_of_another(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        notices.add_result(tx, workspace, [said()], NOW)
    with database().system() as tx:
        other = accounts.create_workspace(tx, "가을서점")
    with database().write(other) as tx:
        assert tx.value("SELECT count(*) FROM notices") == 0
        assert notices.add_result(tx, other, [said()], NOW) == 1

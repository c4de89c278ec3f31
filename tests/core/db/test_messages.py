"""Single messages out of the batches of the ledger: pages that stop anywhere, filters, one by its place."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy.engine import Row

from core.db import accounts, campaigns, messages
from core.db.ids import new_id
from core.db.listing import Page
from core.db.session import database
from core.rules.states import MessageState

S = MessageState
SIZES = (3, 1, 4, 2, 5, 1, 6, 2)


@pytest.fixture
def ledger(process: None) -> tuple[UUID, UUID]:
    """A campaign of eight batches; positions take the states in turn."""
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "가게")
    with database().write(workspace) as tx:
        campaign = campaigns.add(tx, workspace, {"name": "가", "purpose": "AD", "body": "x"}, datetime.now(UTC))
        campaigns.add(tx, workspace, {"name": "나", "purpose": "AD", "body": "x"}, datetime.now(UTC))
        number = 1
        for size in SIZES:
            states = bytes((number - 1 + at) % 3 + S.ACCEPTED for at in range(size))
            tx.run(
                "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state,"
                " due_at) VALUES (:id, :w, :c, :first, :last, :people, :states, 3, now())",
                id=new_id(), w=workspace, c=campaign, first=number, last=number + size - 1,
                people=list(range(number, number + size)), states=states,
            )  # fmt: skip
            number += size
    return workspace, campaign


def all_pages(workspace: UUID, campaign: UUID, limit: int, *where: tuple[str, str]) -> list[Row]:
    found: list[Row] = []
    page = Page(limit=limit, descending=False, where=where)
    while True:
        with database().read(workspace) as tx:
            rows = messages.page(tx, campaign, page)
        assert len(rows.rows) <= limit
        found += rows.rows
        if rows.next is None:
            return found
        assert rows.rows, "a page that promises more holds something"
        page = replace(page, after=rows.next)


def test_pages_of_any_size_hold_everybody_once_in_order(ledger: tuple[UUID, UUID]) -> None:
    for limit in (*range(1, 9), 23, 24, 25, 100):
        assert [row.contact_id for row in all_pages(*ledger, limit)] == list(range(1, 25)), limit


def test_a_state_is_found_in_whatever_batch_it_stands(ledger: tuple[UUID, UUID]) -> None:
    for state, limit in product((S.ACCEPTED, S.DELIVERED, S.FAILED), (1, 2, 3, 7, 8, 9)):
        found = all_pages(*ledger, limit, ("state", state.name))
        assert [row.contact_id for row in found] == [at + 1 for at in range(24) if at % 3 + S.ACCEPTED == state], (state, limit)
        assert {row.state for row in found} == {state}


def test_nobody_is_in_a_state_that_does_not_occur_or_in_two(ledger: tuple[UUID, UUID]) -> None:
    assert all_pages(*ledger, 5, ("state", "HELD")) == []
    assert all_pages(*ledger, 5, ("state", "ACCEPTED"), ("state", "FAILED")) == []
    assert len(all_pages(*ledger, 5, ("state", "FAILED"), ("state", "FAILED"))) == 8


def test_a_message_is_found_by_its_place_and_only_there(ledger: tuple[UUID, UUID]) -> None:
    workspace, campaign = ledger
    one = all_pages(workspace, campaign, 100)[5]
    with database().read(workspace) as tx:
        assert messages.get(tx, one.batch_id, one.position) == one
        for position in (-1, 999, 9999):
            assert messages.get(tx, one.batch_id, position) is None
        assert messages.get(tx, campaign, 0) is None
    with database().system() as tx:
        other = accounts.create_workspace(tx, "남의 가게")
    with database().read(other) as tx:
        assert messages.get(tx, one.batch_id, one.position) is None
        assert not messages.page(tx, campaign, Page(limit=5)).rows


def test_the_last_call_that_meant_it_is_shown(ledger: tuple[UUID, UUID]) -> None:
    workspace, campaign = ledger
    one = all_pages(workspace, campaign, 1)[0]
    with database().write(workspace) as tx:
        account = accounts.add_provider_account(tx, workspace, "aligo", {"key": "k"})
        for number, (outcome, reference) in enumerate([("BUSY", ""), ("NOT_FOUND", ""), ("ACCEPTED", "77"), ("BUSY", "")]):
            tx.run(
                "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel,"
                " sender, positions, text_hashes, unit_price, started_at, outcome, reference) VALUES (:id, :w, :b, :c, :n, :a,"
                " 'aligo', 'SMS', '02', '{0}', '', 8.4, now(), :outcome, :reference)",
                id=new_id(), w=workspace, b=one.batch_id, c=campaign, n=number, a=account, outcome=outcome, reference=reference,
            )  # fmt: skip
    with database().read(workspace) as tx:
        shown = messages.get(tx, one.batch_id, 0)
        beside = messages.get(tx, one.batch_id, 1)
    assert (shown.reference, shown.channel, shown.provider) == ("77", "SMS", "aligo")
    assert beside.reference is None

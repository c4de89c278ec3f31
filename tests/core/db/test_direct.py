"""Messages of SendService in the database: sealed, outside every list of campaigns, found newest first and by reference."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from core.db import accounts, campaigns, direct, messages, partitions, provider_accounts
from core.db.ids import instant_of, new_id
from core.db.listing import Page
from core.db.session import database
from core.rules.channel import Channel
from core.rules.direct import check
from core.rules.letter import GONE, SEALED
from core.rules.routing import Route
from core.rules.states import MessageState

ROUTE = Route(UUID(int=1), "aligo", {Channel.SMS: Decimal("8.4"), Channel.LMS: Decimal("25.9")})
S = MessageState


@pytest.fixture
def workspace(process: None) -> UUID:
    with database().system() as tx:
        made = accounts.create_workspace(tx, "봄날커피")
    with database().write(made) as tx:
        accounts.add_sender_number(tx, made, "0212345678")
    return made


def sent(workspace: UUID, *texts: str, references: Sequence[str] = (), test: bool = False) -> UUID:
    """One call; its batch."""
    now = datetime.now(UTC)
    with database().write(workspace) as tx:
        sender = tx.value("SELECT id FROM sender_numbers")
        order = direct.Order(workspace, test, sender, "0212345678", "", [ROUTE], now, now + timedelta(days=1))
        named = dict(enumerate(references))
        wanted = [check(f"0101234{at:04d}", text, named.get(at, "")) for at, text in enumerate(texts)]
        places = direct.add(tx, order, wanted, accounts.keys(tx, workspace), now)
        assert places == [(places[0][0], at) for at in range(len(texts))]
        return places[0][0]


def listed(workspace: UUID, limit: int = 100, **wish: object) -> list[tuple[UUID, int]]:
    """Every page, one after another."""
    found: list[tuple[UUID, int]] = []
    after: tuple[str, ...] | None = None
    while True:
        with database().read(workspace) as tx:
            rows = messages.newest(tx, messages.Wish(**wish), Page(limit=limit, after=after))  # type: ignore[arg-type]
        assert len(rows.rows) <= limit
        found += [(row.batch_id, row.position) for row in rows.rows]
        if rows.next is None:
            return found
        after = rows.next


def mark(workspace: UUID, batch: UUID, states: Sequence[MessageState]) -> None:
    with database().write(workspace) as tx:
        tx.run("UPDATE batches SET states = :states WHERE id = :batch", states=bytes(states), batch=batch)


def test_number_and_text_are_sealed_and_make_no_contact(workspace: UUID) -> None:
    batch = sent(workspace, "주문이 접수되었습니다.")
    with database().read(workspace) as tx:
        (row,) = tx.rows("SELECT * FROM direct_messages")
        assert tx.value("SELECT count(*) FROM contacts") == 0
        keys = accounts.keys(tx, workspace)
        assert "주문".encode() not in bytes(row.text_sealed) and b"0101234" not in bytes(row.phone_sealed)
        unseal = keys.opener()
        assert (unseal(row.phone_sealed), unseal(row.text_sealed)) == ("01012340000", "주문이 접수되었습니다.")
        assert bytes(row.phone_hash) == keys.lookup("01012340000")
        assert direct.phones(tx, batch) == {0: row.phone_sealed}


def test_a_number_stands_in_a_batch_once(workspace: UUID) -> None:
    now = datetime.now(UTC)
    with database().write(workspace) as tx:
        order = direct.Order(workspace, False, None, "0212345678", "", [ROUTE], now, now + timedelta(days=1))  # type: ignore[arg-type]
        wanted = [check(f"0100000000{digit}", "가", "") for digit in "112131"]
        places = direct.add(tx, order, wanted, accounts.keys(tx, workspace), now)
        first, second, third, fourth = (row.id for row in tx.rows("SELECT id FROM batches ORDER BY id"))
        assert places == [(first, 0), (second, 0), (first, 1), (third, 0), (first, 2), (fourth, 0)]
        assert tx.value("SELECT max(n) FROM (SELECT count(*) AS n FROM direct_messages GROUP BY batch_id, phone_hash) x") == 1
        assert sorted(tx.value("SELECT array_agg(length(states)) FROM batches")) == [1, 1, 1, 3]


def test_a_call_is_counted_and_stands_in_no_list_of_campaigns(workspace: UUID) -> None:
    sent(workspace, "하나", "둘", "셋")
    with database().read(workspace) as tx:
        (made,) = tx.rows("SELECT id, kind, purpose, state, planned FROM campaigns")
        assert (made.kind, made.purpose, made.state, made.planned) == ("SEND", "INFO", "SENDING", True)
        numbers = campaigns.counters(tx, [made.id])[made.id]
        assert (numbers["selected"], numbers["planned"]) == (3, 3)
        assert campaigns.get(tx, made.id) is None
        assert not campaigns.page(tx, Page(limit=10, archived=True)).rows


def test_a_batch_goes_to_its_numbers_with_their_finished_texts(workspace: UUID) -> None:
    batch = sent(workspace, "하나", "둘")
    with database().write(workspace) as tx:
        keys = accounts.keys(tx, workspace)
        people = direct.recipients(tx, batch, 2, keys)
        assert [person[0] for person in people] == ["하나", "둘"]
        assert [keys.opener()(person[SEALED]) for person in people] == ["01012340000", "01012340001"]
        assert all(person[2] is None and person[3] for person in people)
        tx.run("DELETE FROM direct_messages WHERE position = 0")
        assert direct.recipients(tx, batch, 2, keys)[0] == GONE


def test_the_newest_comes_first_on_pages_of_any_size(workspace: UUID) -> None:
    batches = [sent(workspace, *["가"] * size) for size in (1, 3, 1, 2, 1, 4)]
    everything = [(batch, at) for batch, size in zip(batches, (1, 3, 1, 2, 1, 4), strict=True) for at in range(size)][::-1]
    for limit in (*range(1, 8), 11, 12, 13):
        assert listed(workspace, limit) == everything, limit


def test_a_page_looks_through_so_much_and_no_more(workspace: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "SCAN", 2)
    monkeypatch.setattr(messages, "ROUNDS", 2)
    batches = [sent(workspace, "가") for _ in range(12)]
    mark(workspace, batches[0], [S.FAILED])
    with database().read(workspace) as tx:
        first = messages.newest(tx, messages.Wish(state=S.FAILED), Page(limit=5))
    assert first.rows == () and first.next is not None
    assert listed(workspace, 5, state=S.FAILED) == [(batches[0], 0)]
    assert listed(workspace, 5) == [(batch, 0) for batch in reversed(batches)]


def test_filters_find_what_they_say(workspace: UUID) -> None:
    order = sent(workspace, "가", "나", "다", references=["A-1", "A-2", "A-1"])
    rehearsed = sent(workspace, "가", references=["A-1"], test=True)
    mark(workspace, order, [S.DELIVERED, S.FAILED, S.FAILED])
    for limit in (1, 2, 10):
        assert listed(workspace, limit, state=S.FAILED) == [(order, 2), (order, 1)]
        assert listed(workspace, limit, reference="A-1") == [(rehearsed, 0), (order, 2), (order, 0)]
        assert listed(workspace, limit, reference="A-1", state=S.FAILED) == [(order, 2)]
        assert listed(workspace, limit, reference="A-1", test=True) == [(rehearsed, 0)]
        assert listed(workspace, limit, test=True) == [(rehearsed, 0)]
        assert len(listed(workspace, limit, test=False, kind="SEND")) == 3
        assert listed(workspace, limit, kind="CAMPAIGN") == []
    assert listed(workspace, reference="") == listed(workspace, reference="A-3") == []


def test_a_time_range_holds_its_first_moment_and_not_its_last(workspace: UUID) -> None:
    batches = []
    for _ in range(3):
        batches.append(sent(workspace, "가", "나", references=["A", "A"]))
        with database().read(workspace) as tx:
            tx.run("SELECT pg_sleep(0.003)")
    times = [instant_of(batch) for batch in batches]
    for more in ({}, {"reference": "A"}):
        for limit in (1, 3, 10):
            assert listed(workspace, limit, since=times[1], **more) == [(b, p) for b in (batches[2], batches[1]) for p in (1, 0)]
            assert listed(workspace, limit, until=times[1], **more) == [(batches[0], 1), (batches[0], 0)]
            assert listed(workspace, limit, since=times[1], until=times[2], **more) == [(batches[1], 1), (batches[1], 0)]
            assert listed(workspace, limit, since=times[2] + timedelta(seconds=1), **more) == []


def test_nothing_of_another_workspace_is_found(workspace: UUID) -> None:
    batch = sent(workspace, "가", references=["A-1"])
    with database().system() as tx:
        other = accounts.create_workspace(tx, "가을서점")
    assert listed(other) == listed(other, reference="A-1") == []
    with database().write(other) as tx:
        assert messages.get(tx, batch, 0) is None
        assert direct.lock(tx, batch) is None
        assert direct.phones(tx, batch) == {}


def test_what_waits_is_taken_back_in_its_counters_too(workspace: UUID) -> None:
    batch = sent(workspace, "가", "나")
    with database().write(workspace) as tx:
        found = direct.lock(tx, batch)
        assert found is not None
        direct.cancel(tx, found, 1, datetime.now(UTC))
    with database().read(workspace) as tx:
        row = tx.row("SELECT campaign_id, states, state FROM batches")
        assert row is not None and bytes(row.states) == bytes([S.PLANNED, S.CANCELLED]) and row.state == 0
        numbers = campaigns.counters(tx, [row.campaign_id])[row.campaign_id]
        assert (numbers["planned"], numbers["cancelled"]) == (1, 1)
        (told,) = tx.rows("SELECT kind, positions FROM events WHERE batch_id = :batch", batch=batch)
        assert (told.kind, list(told.positions)) == ("message.cancelled", [1])


def test_numbers_and_texts_are_dropped_after_three_months_and_the_ledger_stays(workspace: UUID) -> None:
    batch = sent(workspace, "가", references=["A-1"])
    now = datetime.now(UTC)
    month = now.replace(day=1)
    names = []
    for _ in range(4):
        with database().owner() as tx:
            names.append(partitions.forget_direct(tx, month))
            partitions.ensure(tx, month)
        month = (month + timedelta(days=32)).replace(day=1)
    with database().owner() as tx:
        assert partitions.forget_direct(tx, month - timedelta(days=32)) == []
        dropped = partitions.forget_direct(tx, month)
    assert f"direct_messages_{now:%Y_%m}" in dropped
    with database().read(workspace) as tx:
        found = messages.get(tx, batch, 0)
    assert found is not None and (found.phone_sealed, found.text_sealed, found.state) == (None, None, S.PLANNED)
    assert listed(workspace) == [(batch, 0)]


def test_the_rehearsal_has_one_account_that_no_list_shows(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        (sender,) = accounts.sender_numbers(tx)
        made = {accounts.rehearsal_account(tx, workspace, sender.id) for _ in range(2)}
        assert len(made) == 1
        assert accounts.provider_accounts(tx) == provider_accounts.standing(tx) == []
        assert provider_accounts.candidates(tx, sender.id) == []
        (account,) = made
        assert accounts.provider_account(tx, account).credentials == {}
    with database().system() as tx:
        other = accounts.create_workspace(tx, "가을서점")
    with database().write(other) as tx:
        theirs = accounts.add_sender_number(tx, other, "0212345678")
        assert accounts.rehearsal_account(tx, other, theirs) not in made


def test_an_id_says_when_it_was_made() -> None:
    assert abs(instant_of(new_id()) - datetime.now(UTC)) < timedelta(seconds=1)

"""Following the outbox: nothing committed late is skipped, pages of any size show everything once, and a fan-out too."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from core import clock
from core.db import accounts, events, webhooks
from core.db.ids import first_id, new_id
from core.db.session import Tx, database
from core.rules.events import Event, News, Place

BEGINNING = Place(0, UUID(int=0))


@pytest.fixture
def workspace(process: None) -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄날커피")


def happen(tx: Tx, workspace: UUID, kind: str = "campaign.done", positions: str = "{}", batch: UUID | None = None) -> UUID:
    event = new_id()
    tx.run(
        "INSERT INTO events (id, workspace_id, kind, batch_id, positions, created_at)"
        " VALUES (:id, :workspace, :kind, :batch, CAST(:positions AS smallint[]), :now)",
        id=event,
        workspace=workspace,
        kind=kind,
        batch=batch,
        positions=positions,
        now=clock.now(),
    )
    return event


def batch_of(tx: Tx, workspace: UUID, people: int) -> UUID:
    batch = new_id()
    tx.run(
        "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)"
        " VALUES (:id, :workspace, :id, 1, 2, '{}', :states, 3, now())",
        id=batch,
        workspace=workspace,
        states=bytes(people),
    )
    return batch


def read(workspace: UUID, place: Place = BEGINNING, limit: int = 100, **more: object) -> tuple[list[Event], Place, bool]:
    since = first_id(clock.now() - events.KEPT)
    with database().read(workspace) as tx:
        return events.page(tx, workspace, place, since=since, limit=limit, **{"kinds": (), **more})  # type: ignore[arg-type]


@contextmanager
def open_transaction(workspace: UUID) -> Iterator[tuple[threading.Event, list[UUID]]]:
    """A transaction of somebody else's that has told something and is not over: set the event to let it commit."""
    told, may_end, made = threading.Event(), threading.Event(), list[UUID]()

    def work() -> None:
        with database().write(workspace) as tx:
            made.append(happen(tx, workspace))
            told.set()
            may_end.wait(20)

    other = threading.Thread(target=work)
    other.start()
    told.wait(20)
    try:
        yield may_end, made
    finally:
        may_end.set()
        other.join()


def test_a_late_commit_is_never_skipped(workspace: UUID) -> None:
    with open_transaction(workspace) as (may_end, early):
        with database().write(workspace) as tx:
            late = happen(tx, workspace)  # begun later, committed first
        found, place, more = read(workspace)
        assert found == [] and not more, "something older may still appear"
        found, place, _ = read(workspace, place)
        assert found == []
        may_end.set()
    found, place, _ = read(workspace, place)
    assert [event.id for event in found] == [str(early[0]), str(late)]
    assert read(workspace, place)[0] == []


def test_a_late_commit_is_never_skipped_by_an_endpoint(workspace: UUID) -> None:
    from workers import hooks

    with database().write(workspace) as tx:
        endpoint = webhooks.add(tx, workspace, new_id(), {"url": "http://127.0.0.1:9", "secret": b""}, clock.now())

    def fanned_out() -> list[UUID]:
        with database().system() as tx:
            hooks.fan_out(tx, clock.now())
        with database().read(workspace) as tx:
            rows = tx.rows("SELECT event_ids FROM webhook_deliveries WHERE endpoint_id = :id ORDER BY id", id=endpoint.id)
            return [event for row in rows for event in row.event_ids]

    with open_transaction(workspace) as (may_end, early):
        with database().write(workspace) as tx:
            late = happen(tx, workspace)
        assert fanned_out() == []
        may_end.set()
    assert fanned_out() == [early[0], late]
    assert fanned_out() == [early[0], late]


def test_whoever_rolls_back_was_never_there(workspace: UUID) -> None:
    with pytest.raises(RuntimeError), database().write(workspace) as tx:
        happen(tx, workspace)
        raise RuntimeError
    with database().write(workspace) as tx:
        kept = happen(tx, workspace)
    assert [event.id for event in read(workspace)[0]] == [str(kept)]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
@pytest.mark.parametrize("rows", [2, 50])
def test_pages_of_any_size_show_everything_once_and_in_order(
    workspace: UUID, limit: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "ROWS", rows)
    with database().write(workspace) as tx:
        batch = batch_of(tx, workspace, 5)
        whole = happen(tx, workspace, "message.accepted", batch=batch)
        some = happen(tx, workspace, "message.delivered", "{1,4}", batch)
    with database().write(workspace) as tx:
        done = happen(tx, workspace)
    expected = [f"{whole}-{at}" for at in range(5)] + [f"{some}-1", f"{some}-4", str(done)]
    place, more, shown = BEGINNING, True, []
    while more:
        found, place, more = read(workspace, place, limit)
        assert len(found) == limit or not more
        shown += [event.id for event in found]
    assert shown == expected


def test_a_filter_may_change_between_two_calls(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        batch = batch_of(tx, workspace, 3)
        happen(tx, workspace, "message.accepted", batch=batch)
        happen(tx, workspace, "campaign.done")
    found, place, more = read(workspace, limit=2)
    assert [event.type for event in found] == ["message.accepted"] * 2 and more
    found, place, more = read(workspace, place, kinds=["campaign.done"])
    assert [event.type for event in found] == ["campaign.done"] and not more


def test_at_the_end_the_place_moves_on_with_time(workspace: UUID) -> None:
    _, first, _ = read(workspace)
    with database().system() as tx:
        tx.value("SELECT pg_current_xact_id()::text")
    _, second, _ = read(workspace, first)
    assert second.transaction > first.transaction
    older = Place(second.transaction + 1000, UUID(int=0))  # a replica that is behind
    assert read(workspace, older)[1] == older


def test_what_is_older_than_thirty_days_is_not_shown(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        happen(tx, workspace)
    with database().read(workspace) as tx:
        since = first_id(clock.now() + timedelta(seconds=1))
        assert events.page(tx, workspace, BEGINNING, since=since, kinds=(), limit=10)[0] == []


def test_another_workspace_sees_nothing(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        event = happen(tx, workspace)
    with database().system() as tx:
        other = accounts.create_workspace(tx, "가을서점")
    assert read(other)[0] == []
    with database().read(other) as tx:
        assert events.by_ids(tx, [event]) == []
        since = first_id(clock.now() - events.KEPT)
        assert events.page(tx, workspace, BEGINNING, since=since, kinds=(), limit=10)[0] == [], "the rows are closed, too"


def test_nobody_changes_or_deletes_what_was_told(workspace: UUID) -> None:
    import sqlalchemy as sa

    for statement in ("UPDATE events SET kind = 'x'", "DELETE FROM events"):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), database().write(workspace) as tx:
            tx.run(statement)


def test_what_is_told_of_a_batch_is_one_row_a_kind() -> None:
    now = clock.now()
    values = events.told([News("message.delivered", [0, 2], {}), News("message.failed", [1], {"*": "BLOCKED"})], now)
    assert values["kinds"] == ["message.delivered", "message.failed"]
    assert values["places"] == ["{0,2}", "{1}"]
    assert values["causes"] == ["{}", '{"*": "BLOCKED"}']
    assert len(set(values["event_ids"])) == 2 and values["told_at"] == now
    assert events.told([], now) == {}

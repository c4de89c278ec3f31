"""Pushes: sealed as they came, taken in order by one at a time, settled, dropped after a week."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import accounts, pushes
from core.db.ids import new_id
from core.db.session import database

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
ANY = bytes(range(256))


@pytest.fixture
def shop(process: None) -> tuple[UUID, UUID]:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "가게")
    with database().write(workspace) as tx:
        return workspace, accounts.add_provider_account(tx, workspace, "solapi", {"api_key": "k"})


def add(shop: tuple[UUID, UUID], at: datetime = NOW, body: bytes = ANY) -> UUID:
    made = pushes.Push(new_id(), shop[1], {"x-solapi-secret": "5eba"}, body)
    with database().write(shop[0]) as tx:
        pushes.add(tx, shop[0], made, at)
    return made.id


def take(shop: tuple[UUID, UUID], at: datetime = NOW, limit: int = 10) -> list[pushes.Push]:
    with database().write(shop[0]) as tx:
        return pushes.take(tx, *shop, at, at + timedelta(seconds=60), limit)


def test_a_push_comes_back_byte_for_byte_and_no_repr_shows_it(shop: tuple[UUID, UUID]) -> None:
    add(shop)
    [taken] = take(shop)
    assert (taken.body, taken.headers, taken.account) == (ANY, {"x-solapi-secret": "5eba"}, shop[1])
    assert "5eba" not in repr(taken)


def test_taken_oldest_first_and_not_again_before_the_hand_is_given_up(shop: tuple[UUID, UUID]) -> None:
    made = [add(shop, NOW - timedelta(seconds=age)) for age in (1, 3, 2)]
    assert [push.id for push in take(shop, limit=2)] == [made[1], made[2]]
    assert [push.id for push in take(shop)] == [made[0]]
    assert take(shop) == []
    assert [push.id for push in take(shop, LATER)] == [made[1], made[2], made[0]]


def test_two_workers_never_take_the_same_push(shop: tuple[UUID, UUID]) -> None:
    first, second = add(shop), add(shop)
    with database().write(shop[0]) as tx:
        assert {push.id for push in pushes.take(tx, *shop, NOW, LATER, 1)} <= {first, second}
        with database().write(shop[0]) as other:
            assert len(pushes.take(other, *shop, NOW, LATER, 10)) == 1


@pytest.mark.parametrize("state", ["DONE", "FORGED"])
def test_a_settled_push_never_comes_again(shop: tuple[UUID, UUID], state: str) -> None:
    made = add(shop)
    with database().write(shop[0]) as tx:
        pushes.settle(tx, made, state, None)
    assert take(shop, LATER) == []


def test_the_sweeper_sees_accounts_and_not_pushes(shop: tuple[UUID, UUID]) -> None:
    add(shop), add(shop)
    with database().system() as tx:
        assert [tuple(row) for row in pushes.due_accounts(tx, NOW)] == [shop]
        assert pushes.due_accounts(tx, NOW - timedelta(seconds=1)) == []


def test_whatever_came_of_it_a_push_is_forgotten(shop: tuple[UUID, UUID]) -> None:
    add(shop), add(shop, LATER)
    with database().system() as tx:
        assert pushes.forget(tx, LATER) == 1
    assert len(take(shop, LATER)) == 1

"""What a provider lists is what may be used there: known, refused, forgotten, and switched off by a person."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import accounts, senders
from core.db.session import database

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)
OURS, OTHER = "0212345678", "15881234"


class Shop:
    """A workspace with one account and one number registered there."""

    def __init__(self) -> None:
        with database().system() as tx:
            self.workspace = accounts.create_workspace(tx, "가게")
        with database().write(self.workspace) as tx:
            self.account = accounts.add_provider_account(tx, self.workspace, "solapi", {"api_key": "k"})
            self.number = accounts.add_sender_number(tx, self.workspace, OURS)

    def sync(self, *listed: tuple[str, bool, str], at: datetime = NOW) -> None:
        with database().write(self.workspace) as tx:
            senders.sync(tx, self.workspace, self.account, listed, at)

    def standing(self) -> dict[str, tuple[bool, str]]:
        with database().read(self.workspace) as tx:
            numbers = {row.id: row.number for row in accounts.sender_numbers(tx)}
            rows = senders.registrations(tx)
        return {numbers[row.sender_number_id]: (row.refused_at is None, row.words) for row in rows}

    def dead(self) -> list[UUID]:
        with database().system() as tx:
            return [row.sender_number_id for row in senders.dead(tx) if row.workspace_id == self.workspace]


@pytest.fixture
def shop(process: None) -> Shop:
    return Shop()


def test_the_list_of_the_provider_is_the_truth(shop: Shop) -> None:
    """R-SND-1, R-SND-3: only what is registered there, re-verified."""
    shop.sync((OURS, True, "사용 가능"), (OTHER, True, "사용 가능"), ("0311112222", False, "심사 중"))
    assert shop.standing() == {OURS: (True, "사용 가능"), OTHER: (True, "사용 가능")}
    shop.sync((OURS, False, "차단됨"))
    assert shop.standing() == {OURS: (False, "차단됨"), OTHER: (False, senders.NOT_LISTED)}
    assert shop.number in shop.dead() and len(shop.dead()) == 2
    shop.sync((OURS, True, "사용 가능"), at=NOW + timedelta(days=1))
    assert shop.standing()[OURS] == (True, "사용 가능")
    assert shop.number not in shop.dead()


def test_what_a_person_switched_off_is_not_switched_on_by_a_list(shop: Shop) -> None:
    """R-SND-3: never another number by itself."""
    with database().write(shop.workspace) as tx:
        assert senders.disable(tx, shop.number)
    shop.sync((OURS, True, "사용 가능"))
    assert shop.standing() == {} and shop.dead() == []
    with database().write(shop.workspace) as tx:
        assert senders.enter(tx, shop.workspace, OURS, NOW) == shop.number
    shop.sync((OURS, True, "사용 가능"))
    assert shop.standing() == {OURS: (True, "사용 가능")}


def test_every_account_is_asked_once_a_day(shop: Shop) -> None:
    """R-SND-3: re-verify status daily."""

    def taken(at: datetime) -> bool:
        with database().system() as tx:
            return shop.account in {row.id for row in senders.take_to_check(tx, at, at - timedelta(days=1))}

    assert taken(NOW)
    assert not taken(NOW + timedelta(hours=23))
    assert taken(NOW + timedelta(hours=24, seconds=1))


def test_nothing_of_another_workspace_is_touched(shop: Shop) -> None:
    other = Shop()
    other.sync((OURS, False, "차단됨"))
    assert shop.standing() == {OURS: (True, "")}
    with database().write(other.workspace) as tx:
        assert not senders.disable(tx, shop.number)
    assert shop.standing() == {OURS: (True, "")}

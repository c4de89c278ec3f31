"""The adapters of this process: made from sealed credentials, kept a minute, one per account."""

import pytest

from core.db import accounts as rows
from core.db.session import database
from core.errors import NotFound
from tests.workers.shop import KEY, Shop, open_shop
from workers import accounts


def adapter(shop: Shop, account=None):
    with database().read(shop.workspace) as tx:
        return accounts.provider_of(tx, account or shop.account)


def test_an_adapter_is_made_once_and_again_after_a_minute(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = adapter(shop)
    assert adapter(shop) is first
    monkeypatch.setattr(accounts, "KEEP_SECONDS", 0.0)
    accounts.forget(shop.account)
    second = adapter(shop)
    assert second is not first
    assert adapter(shop) is not second


def test_each_account_has_its_own(shop: Shop) -> None:
    other = open_shop()
    assert adapter(shop) is not adapter(other)


def test_another_workspace_gets_no_adapter(shop: Shop) -> None:
    other = open_shop()
    with pytest.raises(NotFound):
        adapter(shop, other.account)


@pytest.mark.parametrize(("of_process", "of_account", "expected"), [("Y", False, True), ("N", True, True), ("N", False, False)])
def test_test_mode_of_either_side_holds(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, of_process: str, of_account: bool, expected: bool
) -> None:
    from core import settings

    monkeypatch.setenv("ALIGO_TESTMODE", of_process)
    settings.load.cache_clear()
    shop.sql("UPDATE provider_accounts SET test_mode = :on", on=of_account)
    assert adapter(shop)._account.test_mode is expected
    accounts.forget(shop.account)


def test_credentials_stand_neither_in_the_database_nor_in_a_repr(shop: Shop) -> None:
    stored = shop.value("SELECT to_jsonb(p)::text FROM provider_accounts p")
    assert KEY not in stored and KEY.encode().hex() not in stored
    assert KEY not in repr(adapter(shop)._account)
    with database().read(shop.workspace) as tx:
        assert rows.provider_account(tx, shop.account).credentials["key"] == KEY

"""Keys of a workspace, people and programs, provider accounts."""

import base64

import pytest

from core.crypto import check_password
from core.db import accounts
from core.db.ids import new_id
from core.db.session import database
from core.errors import NotFound
from core.settings import load

pytestmark = pytest.mark.usefixtures("process")


def test_a_workspace_keeps_its_keys_across_processes() -> None:
    with database().system() as tx:
        mine, other = accounts.create_workspace(tx, "하나"), accounts.create_workspace(tx, "둘")
    with database().read(mine) as tx:
        first = accounts.keys(tx, mine)
        accounts._keys.clear()  # as in another process
        again = accounts.keys(tx, mine)
    assert again.opener()(first.sealer()("01012345678")) == "01012345678"
    assert again.lookup("01012345678") == first.lookup("01012345678")
    with database().read(other) as tx:
        assert accounts.keys(tx, other).lookup("01012345678") != first.lookup("01012345678")


def test_an_older_master_key_still_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "하나")
        sealed = accounts.keys(tx, workspace).sealer()("01012345678")
    newer = base64.b64encode(b"n" * 32).decode()
    monkeypatch.setenv("ENCRYPTION_KEY", f"{newer},{load().encryption_key}")
    for cached in (load, accounts.keyring):
        cached.cache_clear()
    accounts._keys.clear()
    with database().read(workspace) as tx:
        assert accounts.keys(tx, workspace).opener()(sealed) == "01012345678"


def test_keys_of_a_workspace_are_not_to_be_had_from_another() -> None:
    with database().system() as tx:
        mine = accounts.create_workspace(tx, "하나")
    with database().read(new_id()) as tx, pytest.raises(NotFound):
        accounts.keys(tx, mine)


def test_a_person_is_found_until_disabled() -> None:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "하나")
        user = accounts.create_user(tx, workspace, " Owner@Example.com ", "secret-1", "OWNER")
        row = accounts.user_by_email(tx, "owner@example.COM")
        assert row is not None
        assert (row.id, row.workspace_id, row.role) == (user, workspace, "OWNER")
        assert "secret-1" not in row.password_hash
        assert check_password(row.password_hash, "secret-1")
        assert accounts.user_by_id(tx, user) is not None
        accounts.disable_user(tx, user)
        assert accounts.user_by_email(tx, "owner@example.com") is None
        assert accounts.user_by_id(tx, user) is None


def test_an_api_key_is_stored_as_a_hash() -> None:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "하나")
        identifier, key = accounts.create_api_key(tx, workspace, "주문 시스템", "MARKETER")
        assert key.startswith("jd_")
        assert key not in str(tx.value("SELECT to_jsonb(k)::text FROM api_keys k"))
        row = accounts.api_key_by_hash(tx, accounts.hash_token(key))
        assert row is not None
        assert (row.id, row.workspace_id, row.role) == (identifier, workspace, "MARKETER")
        accounts.revoke_api_key(tx, identifier)
        assert accounts.api_key_by_hash(tx, accounts.hash_token(key)) is None


def test_provider_accounts_are_sealed_and_ordered() -> None:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "하나")
    with database().write(workspace) as tx:
        first = accounts.add_provider_account(tx, workspace, "aligo", {"key": "s3cret", "user": "u"}, poll_seconds=[1, 2])
        second = accounts.add_provider_account(tx, workspace, "solapi", {"key": "k2"}, test_mode=True, settle_seconds=5)
        assert [row.id for row in accounts.provider_accounts(tx)] == [first, second]
        assert b"s3cret" not in bytes(tx.value("SELECT credentials FROM provider_accounts WHERE id = :id", id=first))
        account = accounts.provider_account(tx, first)
        assert account.credentials == {"key": "s3cret", "user": "u"}
        assert (account.poll_seconds, account.test_mode, account.state) == ((1, 2), False, "ACTIVE")
        assert "s3cret" not in repr(account)
        assert accounts.provider_account(tx, second).settle_seconds == 5
    with database().read(new_id()) as tx, pytest.raises(NotFound):
        accounts.provider_account(tx, first)


def test_credentials_open_only_in_their_own_row() -> None:
    with database().system() as tx:
        workspace = accounts.create_workspace(tx, "하나")
    with database().write(workspace) as tx:
        first = accounts.add_provider_account(tx, workspace, "aligo", {"key": "a"})
        second = accounts.add_provider_account(tx, workspace, "aligo", {"key": "b"})
        tx.run(
            "UPDATE provider_accounts SET credentials = (SELECT credentials FROM provider_accounts WHERE id = :a) WHERE id = :b",
            a=first,
            b=second,
        )
        with pytest.raises(ValueError, match="belongs elsewhere"):
            accounts.provider_account(tx, second)

"""Key rotation: the new key first, the old one still there; an hour later the old one can go, and every number is readable."""

import base64
import os

import pytest

from core import settings
from core.db import accounts, session
from core.db.ids import new_id


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def with_keys(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    """This process with other master keys, as after a restart."""

    def restart(keys: str) -> session.Database:
        for name, value in {**environment, "ENCRYPTION_KEY": keys}.items():
            monkeypatch.setenv(name, value)
        for cached in (settings.load, session.database, accounts.keyring):
            cached.cache_clear()
        accounts._keys.clear()
        return session.database()

    yield restart
    session.database().dispose()
    for cached in (settings.load, session.database, accounts.keyring):
        cached.cache_clear()
    accounts._keys.clear()


def test_rotation_rewraps_and_the_old_key_can_go(with_keys) -> None:
    old, new, workspace = key(), key(), new_id()
    database = with_keys(old)
    with database.write(workspace) as tx:
        accounts.create_workspace(tx, "봄날커피", workspace=workspace)
        account = accounts.add_provider_account(tx, workspace, "aligo", {"key": "k", "user_id": "u"})
        before = accounts.keys(tx, workspace)
        sealed, found = before.sealer()("01000000001"), before.lookup("01000000001")
    database.dispose()

    database = with_keys(f"{new},{old}")
    with database.system() as tx:
        assert accounts.rewrap(tx) == 3
        assert accounts.rewrap(tx) == 0
    database.dispose()

    database = with_keys(new)
    with database.read(workspace) as tx:
        after = accounts.keys(tx, workspace)
        assert after.opener()(sealed) == "01000000001"
        assert after.lookup("01000000001") == found
        assert accounts.provider_account(tx, account).credentials == {"key": "k", "user_id": "u"}
    database.dispose()

    database = with_keys(old)
    with pytest.raises(ValueError, match="removed too early"), database.read(workspace) as tx:
        accounts.keys(tx, workspace)

"""Workspaces with their keys, the people and programs that act for them, sender numbers and provider accounts."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.engine import Row

from core import clock
from core.crypto import Keyring, WorkspaceKeys, hash_password, hash_token, new_workspace_keys
from core.db import certificates
from core.db.ids import new_id
from core.db.session import Tx
from core.db.tables import provider_accounts as _accounts
from core.errors import NotFound
from core.rules import phone
from core.rules.certificate import Certificate
from core.rules.night import DEFAULT, Window, quiet
from core.settings import load

API_KEY_PREFIX = "jd_"
TEST_KEY_PREFIX = "jd_test_"  # for people who look at a key; what counts is its row
REHEARSAL = "rehearsal"  # the provider of test keys
USED_EVERY = timedelta(days=1)  # how exactly it is known when a key was last used

# table, column and purpose of everything that a master key wraps
_WRAPPED = (
    ("workspaces", "data_key", "data"),
    ("workspaces", "lookup_key", "lookup"),
    ("provider_accounts", "credentials", "provider"),
    ("webhook_endpoints", "secret", "webhook"),
    ("webhook_endpoints", "old_secret", "webhook"),
)

_WORKSPACE = """id, name, optout_number, optout_channels, quiet_from, quiet_until, trade_exemption, consent_lapses, ad_cap,
    ad_cap_days, notice_sender_id, trial"""

_keys: dict[UUID, WorkspaceKeys] = {}  # unwrapped once per process; a workspace's own keys never change


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """How to reach a provider for a workspace."""

    id: UUID
    workspace: UUID
    provider: str
    credentials: dict[str, str] = field(repr=False)
    state: str
    test_mode: bool
    settle_seconds: int
    poll_seconds: tuple[int, ...]


@lru_cache(maxsize=1)
def keyring() -> Keyring:
    """The master keys of this process; ValueError names ENCRYPTION_KEY."""
    return Keyring(load().encryption_key)


def keys(tx: Tx, workspace: UUID) -> WorkspaceKeys:
    """The workspace's own keys, to seal phone numbers and to find them."""
    if found := _keys.get(workspace):
        return found
    row = tx.row("SELECT data_key, lookup_key FROM workspaces WHERE id = :id", id=workspace)
    if row is None:
        raise NotFound("이런 작업 공간이 없습니다.")
    unwrap = keyring().unwrap
    opened = WorkspaceKeys(unwrap(row.data_key, f"data:{workspace}"), unwrap(row.lookup_key, f"lookup:{workspace}"))
    if len(_keys) >= 1000:
        _keys.clear()
    return _keys.setdefault(workspace, opened)


def create_workspace(tx: Tx, name: str, *, optout_number: str = "", workspace: UUID | None = None) -> UUID:
    """A new merchant with fresh keys. `tx` is a system transaction or one bound to the given id."""
    workspace = workspace or new_id()
    fresh, wrap = new_workspace_keys(), keyring().wrap
    tx.run(
        "INSERT INTO workspaces (id, name, optout_number, data_key, lookup_key, created_at)"
        " VALUES (:id, :name, :optout_number, :data_key, :lookup_key, :now)",
        id=workspace,
        name=name,
        optout_number=optout_number,
        data_key=wrap(fresh.data, f"data:{workspace}"),
        lookup_key=wrap(fresh.lookup_key, f"lookup:{workspace}"),
        now=clock.now(),
    )
    return workspace


def workspace_row(tx: Tx, workspace: UUID) -> Row[Any]:
    """What a merchant sees and sets of its workspace."""
    row = tx.row(f"SELECT {_WORKSPACE} FROM workspaces WHERE id = :id", id=workspace)  # noqa: S608 - constants
    if row is None:
        raise NotFound("이런 작업 공간이 없습니다.")
    return row


def quiet_hours(tx: Tx, workspace: UUID) -> Window:
    """When advertising of this merchant rests."""
    row = tx.row("SELECT quiet_from, quiet_until FROM workspaces WHERE id = :id", id=workspace)
    return quiet(row.quiet_from, row.quiet_until) if row else DEFAULT


def change_workspace(tx: Tx, workspace: UUID, values: Mapping[str, Any]) -> None:
    """Other settings, from the next batch on."""
    names = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"UPDATE workspaces SET {names} WHERE id = :id", id=workspace, **values)  # noqa: S608 - our own names


def create_user(tx: Tx, workspace: UUID, email: str, password: str, role: str) -> UUID:
    """A person who may sign in. `role` is a name of jeondan.v1.Role without `ROLE_`."""
    user = new_id()
    tx.run(
        "INSERT INTO users (id, workspace_id, email, password_hash, role, created_at)"
        " VALUES (:id, :workspace, :email, :password_hash, :role, :now)",
        id=user,
        workspace=workspace,
        email=email.strip().lower(),
        password_hash=hash_password(password),
        role=role,
        now=clock.now(),
    )
    return user


def user_by_email(tx: Tx, email: str) -> Row[Any] | None:
    """id, workspace_id, password_hash, role of a person who is not disabled; across workspaces (signing in)."""
    return tx.row(
        "SELECT id, workspace_id, password_hash, role FROM users WHERE email = :email AND disabled_at IS NULL",
        email=email.strip().lower(),
    )


def user_by_id(tx: Tx, user: UUID) -> Row[Any] | None:
    """id, workspace_id, role of a person who is not disabled."""
    return tx.row("SELECT id, workspace_id, role FROM users WHERE id = :id AND disabled_at IS NULL", id=user)


def change_password(tx: Tx, user: UUID, password: str) -> None:
    """A new password; tokens given before go on until they expire."""
    tx.run("UPDATE users SET password_hash = :hash WHERE id = :id", id=user, hash=hash_password(password))


def disable_user(tx: Tx, user: UUID) -> None:
    """No new sign-in, and tokens stop working."""
    tx.run("UPDATE users SET disabled_at = :now WHERE id = :id AND disabled_at IS NULL", id=user, now=clock.now())


def create_api_key(tx: Tx, workspace: UUID, name: str, role: str, *, test: bool = False) -> tuple[UUID, str]:
    """A key for a program: its id and the key itself, which is shown this once and stored as a hash.

    With a `test` key the program only rehearses: what it sends leaves by no provider.
    """
    identifier, key = new_id(), (TEST_KEY_PREFIX if test else API_KEY_PREFIX) + secrets.token_urlsafe(32)
    tx.run(
        "INSERT INTO api_keys (id, workspace_id, name, key_hash, role, test, created_at)"
        " VALUES (:id, :workspace, :name, :key_hash, :role, :test, :now)",
        id=identifier,
        workspace=workspace,
        name=name,
        key_hash=hash_token(key),
        role=role,
        test=test,
        now=clock.now(),
    )
    return identifier, key


def api_key_by_hash(tx: Tx, key_hash: bytes) -> Row[Any] | None:
    """id, workspace_id, role, test, used_at of a key that is not revoked; across workspaces."""
    return tx.row(
        "SELECT id, workspace_id, role, test, used_at FROM api_keys WHERE key_hash = :key_hash AND revoked_at IS NULL",
        key_hash=key_hash,
    )


def use_api_key(tx: Tx, identifier: UUID, now: datetime) -> None:
    """It is used; written once a day, so that looking a key up stays reading."""
    tx.run(
        "UPDATE api_keys SET used_at = :now WHERE id = :id AND (used_at IS NULL OR used_at < :yesterday)",
        id=identifier,
        now=now,
        yesterday=now - USED_EVERY,
    )


def revoke_api_key(tx: Tx, identifier: UUID) -> None:
    """The key stops working."""
    tx.run("UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", id=identifier, now=clock.now())


def add_sender_number(tx: Tx, workspace: UUID, number: str, *, at: Sequence[UUID] | None = None) -> UUID:
    """A sender number in any common form, registered `at` these provider accounts (by default at all there are)."""
    identifier = new_id()
    tx.run(
        "INSERT INTO sender_numbers (id, workspace_id, number, created_at) VALUES (:id, :workspace, :number, :now)",
        id=identifier,
        workspace=workspace,
        number=phone.normalise_sender(number),
        now=clock.now(),
    )
    accounts = [row.id for row in tx.rows("SELECT id FROM provider_accounts")] if at is None else at
    register_senders(tx, workspace, accounts, [identifier])
    return identifier


def register_senders(tx: Tx, workspace: UUID, accounts: Sequence[UUID], numbers: Sequence[UUID]) -> None:
    """These numbers may be used with these accounts, from now on (again)."""
    tx.run_many(
        "INSERT INTO provider_senders (provider_account_id, sender_number_id, workspace_id, created_at)"
        " VALUES (:account, :number, :workspace, :now)"
        " ON CONFLICT (provider_account_id, sender_number_id) DO UPDATE SET refused_at = NULL",
        [
            {"account": account, "number": number, "workspace": workspace, "now": clock.now()}
            for account in accounts
            for number in numbers
        ],
    )


def sender_numbers(tx: Tx) -> Sequence[Row[Any]]:
    """All of the workspace, oldest first."""
    return tx.rows("SELECT id, number, active FROM sender_numbers ORDER BY id LIMIT 100")


def add_provider_account(  # noqa: PLR0913 - one argument per fact of the account
    tx: Tx,
    workspace: UUID,
    provider: str,
    credentials: Mapping[str, str],
    *,
    settle_seconds: int = 600,
    poll_seconds: Sequence[int] = (60, 180, 600, 1800, 7200, 21600, 86400),
    test_mode: bool = False,
    senders: Sequence[UUID] | None = None,
    certificate: str = "",
) -> UUID:
    """An account at a provider; the newest has the lowest priority. The credentials are sealed with the master key.

    `senders` are the sender numbers registered there, by default all there are; `certificate` counts as checked today.
    """
    identifier = new_id()
    tx.run(
        "INSERT INTO provider_accounts (id, workspace_id, provider, credentials, priority, test_mode, settle_seconds,"
        " poll_seconds, created_at) SELECT :id, :workspace, :provider, :credentials,"
        " (SELECT count(*) FROM provider_accounts WHERE workspace_id = :workspace), :test_mode, :settle_seconds,"
        " :poll_seconds, :now",
        id=identifier,
        workspace=workspace,
        provider=provider,
        credentials=keyring().wrap(json.dumps(dict(credentials)).encode(), f"provider:{identifier}"),
        test_mode=test_mode,
        settle_seconds=settle_seconds,
        poll_seconds=list(poll_seconds),
        now=clock.now(),
    )
    numbers = [row.id for row in sender_numbers(tx)] if senders is None else senders
    register_senders(tx, workspace, [identifier], numbers)
    if certificate:
        certificates.record(tx, identifier, Certificate(certificate, clock.kst(clock.now()).date()))
    return identifier


def set_senders(tx: Tx, workspace: UUID, account: UUID, numbers: Sequence[UUID]) -> None:
    """Exactly these numbers may be used with the account."""
    tx.run(
        "DELETE FROM provider_senders WHERE provider_account_id = :account AND NOT sender_number_id = ANY(:numbers)",
        account=account,
        numbers=list(numbers),
    )
    register_senders(tx, workspace, [account], numbers)


def change_credentials(tx: Tx, account: UUID, credentials: Mapping[str, str]) -> None:
    """New credentials; workers use them within a minute."""
    wrapped = keyring().wrap(json.dumps(dict(credentials)).encode(), f"provider:{account}")
    tx.run("UPDATE provider_accounts SET credentials = :wrapped WHERE id = :account", account=account, wrapped=wrapped)


def rehearsal_account(tx: Tx, workspace: UUID, sender: UUID) -> UUID:
    """What stands in the ledger for the provider of test keys; made when first needed, one a workspace, listed nowhere.

    It knows every sender number that it is asked for.
    """
    identifier = uuid5(workspace, REHEARSAL)
    tx.run(
        "INSERT INTO provider_accounts (id, workspace_id, provider, credentials, test_mode, settle_seconds, poll_seconds,"
        " most_calls, calls_per_second, created_at)"
        " VALUES (:id, :workspace, :provider, :credentials, true, 1, '{1,5,30}', 50, 1000, :now) ON CONFLICT DO NOTHING",
        id=identifier,
        workspace=workspace,
        provider=REHEARSAL,
        credentials=keyring().wrap(b"{}", f"provider:{identifier}"),
        now=clock.now(),
    )
    register_senders(tx, workspace, [identifier], [sender])
    return identifier


def provider_account(tx: Tx, identifier: UUID) -> ProviderAccount:
    """One account with its credentials opened: for the workers that call the provider."""
    row = tx.row(_accounts.select().where(_accounts.c.id == identifier))
    if row is None:
        raise NotFound("이런 발송 계정이 없습니다.")
    return ProviderAccount(
        id=row.id,
        workspace=row.workspace_id,
        provider=row.provider,
        credentials=json.loads(keyring().unwrap(row.credentials, f"provider:{identifier}")),
        state=row.state,
        test_mode=row.test_mode,
        settle_seconds=row.settle_seconds,
        poll_seconds=tuple(row.poll_seconds),
    )


def provider_accounts(tx: Tx) -> Sequence[Row[Any]]:
    """All of the workspace by priority, without secrets."""
    return tx.rows(
        "SELECT id, provider, state, pause_reason, balance_sms, balance_at, test_mode, priority, share, most_calls,"
        " calls_per_second, breaker, certificate, certificate_checked_on, certificate_until, optout_number,"
        " (SELECT array_agg(s.sender_number_id ORDER BY s.sender_number_id) FROM provider_senders s"
        " WHERE s.provider_account_id = provider_accounts.id AND s.refused_at IS NULL) AS senders"
        " FROM provider_accounts WHERE provider <> 'rehearsal' ORDER BY priority, id LIMIT 20"
    )


def create_webhook_token(tx: Tx, account: UUID) -> str:
    """The token of the address at which the provider pushes: shown this once, and it replaces the one before."""
    token = secrets.token_urlsafe(32)
    changed = tx.run(
        "UPDATE provider_accounts SET webhook_token_hash = :hash WHERE id = :account", hash=hash_token(token), account=account
    )
    if not changed:
        raise NotFound("이런 발송 계정이 없습니다.")
    return token


def account_by_webhook_token(tx: Tx, provider: str, token: str) -> Row[Any] | None:
    """id, workspace_id of the account that a push is for; across workspaces."""
    return tx.row(
        "SELECT id, workspace_id FROM provider_accounts WHERE webhook_token_hash = :hash AND provider = :provider",
        hash=hash_token(token),
        provider=provider,
    )


def rewrap(tx: Tx) -> int:
    """Wrap again, with the first key of ENCRYPTION_KEY, what an older one wrapped; how many values. Across workspaces."""
    ring, done = keyring(), 0
    for table, column, purpose in _WRAPPED:
        for row in tx.rows(f"SELECT id, {column} AS wrapped FROM {table} WHERE {column} IS NOT NULL FOR UPDATE SKIP LOCKED"):  # noqa: S608 - constants
            if ring.is_current(row.wrapped):
                continue
            fresh = ring.wrap(ring.unwrap(row.wrapped, f"{purpose}:{row.id}"), f"{purpose}:{row.id}")
            tx.run(f"UPDATE {table} SET {column} = :fresh WHERE id = :id", fresh=fresh, id=row.id)  # noqa: S608 - constants
            done += 1
    return done

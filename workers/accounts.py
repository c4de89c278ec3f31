"""The provider adapters of this process: one per account, made from decrypted credentials and kept a minute."""

import time
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any
from uuid import UUID

from core.db import accounts, send
from core.db.accounts import REHEARSAL
from core.db.session import Row, Tx
from core.settings import load
from workers import recipients
from workers.providers import Account, Provider, find, rehearsal

KEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Kept:
    provider: Provider
    until: float


_kept: dict[UUID, _Kept] = {}
_lock = Lock()


def provider_of(tx: Tx, account: UUID) -> Provider:
    """The adapter of an account of this transaction's workspace."""
    kept = _kept.get(account)
    if kept and kept.until > time.monotonic():
        return kept.provider
    row = accounts.provider_account(tx, account)
    made = find(
        Account(
            provider=row.provider,
            base_url=_base_urls().get(row.provider, ""),
            credentials=row.credentials,
            kakao_url=load().aligo_kakao_url if row.provider == "aligo" else "",
            test_mode=row.test_mode or (row.provider == "aligo" and load().aligo_testmode == "Y"),
        )
    )
    with _lock:
        _kept[account] = _Kept(made, time.monotonic() + KEEP_SECONDS)
    return made


def caller_of(tx: Tx, attempt: Row[Any]) -> Provider:
    """The adapter of the account that made this call; a rehearsal is told whom the call was for, because it remembers nobody."""
    if attempt.provider != REHEARSAL:
        return provider_of(tx, attempt.provider_account_id)
    batch = send.get_batch(tx, attempt.batch_id)
    receivers = recipients.numbers(tx, batch, attempt.positions) if batch is not None else {}
    return rehearsal.Adapter(Account(REHEARSAL, "", {}, test_mode=True), tuple(receivers.values()))


def forget(account: UUID) -> None:
    """Make the adapter anew at the next use (credentials changed, account resumed)."""
    with _lock:
        _kept.pop(account, None)


@lru_cache(maxsize=1)
def _base_urls() -> dict[str, str]:
    return {"aligo": load().aligo_sms_url, "solapi": load().solapi_url, "rehearsal": ""}

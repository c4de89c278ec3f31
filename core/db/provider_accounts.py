"""Queries about provider accounts: pausing, resuming, balances."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx

PAUSE_REASONS = {
    "AUTH": "발송사 인증 정보가 맞지 않습니다. 키와 아이디를 확인해 주세요.",
    "IP": "이 서버의 IP가 발송사에 등록되어 있지 않습니다. 발송사 콘솔에 등록해 주세요.",
    "BALANCE": "발송사 잔액이 부족합니다. 충전하면 자동으로 다시 시작합니다.",
    "EDGE": "발송사 입구에서 접속이 차단되었습니다.",
}


def pause(tx: Tx, account: UUID, cause: str) -> None:
    """Stop using an account until it is resumed; its campaigns say so."""
    reason = PAUSE_REASONS.get(cause, cause)
    tx.run(
        "UPDATE provider_accounts SET state = 'PAUSED', pause_reason = :reason WHERE id = :account",
        account=account,
        reason=reason,
    )
    tx.run(
        "UPDATE campaigns SET waiting_for = :reason WHERE provider_account_id = :account AND state IN ('PLANNING', 'SENDING')",
        account=account,
        reason=reason,
    )


def resume(tx: Tx, account: UUID) -> None:
    """Use the account again."""
    if not tx.run(
        "UPDATE provider_accounts SET state = 'ACTIVE', pause_reason = '' WHERE id = :account AND state <> 'ACTIVE'",
        account=account,
    ):
        return
    tx.run("UPDATE campaigns SET waiting_for = '' WHERE provider_account_id = :account AND state <> 'PAUSED'", account=account)


def save_balance(tx: Tx, account: UUID, *, sms: int, lms: int, mms: int, now: datetime) -> None:
    """The last known balance, in messages that could be bought."""
    tx.run(
        "UPDATE provider_accounts SET balance_sms = :sms, balance_lms = :lms, balance_mms = :mms, balance_at = :now"
        " WHERE id = :account",
        account=account,
        sms=sms,
        lms=lms,
        mms=mms,
        now=now,
    )


def take_to_probe(tx: Tx, now: datetime, paused_before: datetime, active_before: datetime) -> Sequence[Row[Any]]:
    """Accounts whose balance is to be read now: paused ones often, the others seldom; marked as asked."""
    return tx.rows(
        "UPDATE provider_accounts SET balance_at = :now WHERE provider <> 'rehearsal' AND coalesce(balance_at, '-infinity') <"
        " CASE WHEN state = 'PAUSED' THEN CAST(:paused_before AS timestamptz) ELSE CAST(:active_before AS timestamptz) END"
        " RETURNING id, workspace_id",
        now=now,
        paused_before=paused_before,
        active_before=active_before,
    )


def waiting_for(tx: Tx, account: UUID) -> str:
    """Why nothing can leave by this account now; empty when it can."""
    paused = "SELECT pause_reason FROM provider_accounts WHERE id = :account AND state <> 'ACTIVE'"
    return str(tx.value(paused, account=account) or "")


def first_active(tx: Tx) -> Row[Any] | None:
    """The account this workspace sends with: by priority, then by age."""
    return tx.row("SELECT * FROM provider_accounts WHERE provider <> 'rehearsal' ORDER BY priority, created_at LIMIT 1")

"""Queries about provider accounts: pausing, resuming, balances."""

from collections.abc import Mapping, Sequence
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
    "FORGED": "통신사가 발신번호를 변작된 번호로 보고했습니다. 발송사에 소명한 뒤 계정을 다시 시작해 주세요.",
    "BLOCKED": "발송사가 이 계정의 발송을 차단했습니다. 발송사에 문의한 뒤 계정을 다시 시작해 주세요.",
    "REPORTED": "KISA에 스팸으로 신고되어 차단되었습니다. 원인을 확인한 뒤 계정을 다시 시작해 주세요.",
}
# What only a person may end: the provider answers all the while (R-SND-3).
_FOR_A_PERSON = [PAUSE_REASONS[cause] for cause in ("FORGED", "BLOCKED", "REPORTED")]


def pause(tx: Tx, account: UUID, cause: str) -> None:
    """Stop using an account until it is resumed; what a person has to look at is not forgotten over something lesser."""
    tx.run(
        "UPDATE provider_accounts SET state = 'PAUSED', pause_reason = :reason WHERE id = :account AND state <> 'DISABLED'"
        " AND pause_reason <> ALL(:for_a_person)",
        account=account,
        reason=PAUSE_REASONS.get(cause, cause),
        for_a_person=_FOR_A_PERSON,
    )


def resume(tx: Tx, account: UUID) -> None:
    """Use a paused account again; what a person switched off, or has to look at, stays off."""
    tx.run(
        "UPDATE provider_accounts SET state = 'ACTIVE', pause_reason = '' WHERE id = :account AND state = 'PAUSED'"
        " AND pause_reason <> ALL(:for_a_person)",
        account=account,
        for_a_person=_FOR_A_PERSON,
    )


def disable(tx: Tx, account: UUID) -> None:
    """A person switches the account off."""
    tx.run("UPDATE provider_accounts SET state = 'DISABLED', pause_reason = '' WHERE id = :account", account=account)


def enable(tx: Tx, account: UUID) -> None:
    """A person says that it can be used: whatever stood in its way is forgotten, and if it is still true comes back."""
    tx.run(
        "UPDATE provider_accounts SET state = 'ACTIVE', pause_reason = '', breaker = 'CLOSED', breaker_until = NULL,"
        " busy_count = 0 WHERE id = :account",
        account=account,
    )
    accept_senders(tx, account)


def refuse_sender(tx: Tx, account: UUID, number: str, now: datetime) -> None:
    """The provider says that it does not know this sender number: it is not used there any more."""
    tx.run(
        "UPDATE provider_senders s SET refused_at = :now FROM sender_numbers n WHERE n.id = s.sender_number_id"
        " AND s.provider_account_id = :account AND n.number = :number AND s.refused_at IS NULL",
        account=account,
        number=number,
        now=now,
    )


def accept_senders(tx: Tx, account: UUID) -> None:
    """Trust every registered sender number of the account again."""
    tx.run("UPDATE provider_senders SET refused_at = NULL WHERE provider_account_id = :account", account=account)


# --- the breaker --------------------------------------------------------------------------------------------------


def begin_probe(tx: Tx, account: UUID, now: datetime, until: datetime) -> bool:
    """Let one call through an open breaker whose time is over; False when another one goes already."""
    return bool(
        tx.run(
            "UPDATE provider_accounts SET breaker = 'HALF_OPEN', breaker_until = :until"
            " WHERE id = :account AND breaker <> 'CLOSED' AND breaker_until <= :now",
            account=account,
            now=now,
            until=until,
        )
    )


def count_trouble(tx: Tx, account: UUID) -> int:
    """One more call in a row that got no answer; how many it are.

    0 when the breaker is open: the calls that were under way when it opened tell nothing new about the account.
    """
    counted = tx.value("UPDATE provider_accounts SET busy_count = busy_count + 1 WHERE id = :account AND breaker <> 'OPEN'"
                       " RETURNING busy_count", account=account)  # fmt: skip
    return int(counted or 0)


def open_breaker(tx: Tx, account: UUID, until: datetime) -> None:
    """Call it no more until then."""
    tx.run(
        "UPDATE provider_accounts SET breaker = 'OPEN', breaker_until = :until WHERE id = :account", account=account, until=until
    )


def close_breaker(tx: Tx, account: UUID) -> None:
    """It answers."""
    tx.run("UPDATE provider_accounts SET breaker = 'CLOSED', breaker_until = NULL, busy_count = 0 WHERE id = :account",
           account=account)  # fmt: skip


def breakers(tx: Tx) -> Sequence[Row[Any]]:
    """How many accounts of each provider are held back by their breaker; across workspaces."""
    return tx.rows(
        "SELECT provider, count(*) FILTER (WHERE breaker <> 'CLOSED') AS held_back FROM provider_accounts"
        " WHERE provider <> 'rehearsal' GROUP BY provider"
    )


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


def standing(tx: Tx) -> Sequence[Row[Any]]:
    """Every account of the workspace that reaches a provider, by priority."""
    return tx.rows(
        "SELECT id, provider, state, pause_reason, breaker FROM provider_accounts WHERE provider <> 'rehearsal'"
        " ORDER BY priority, id"
    )


def ways(tx: Tx, campaigns: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The accounts on the routes of running campaigns, in order, with what may keep each from being called."""
    return tx.rows(
        "SELECT c.id AS campaign_id, c.purpose, p.state, p.pause_reason, p.breaker, s.refused_at, p.certificate,"
        " p.certificate_checked_on, p.certificate_until FROM campaigns c"
        " CROSS JOIN jsonb_array_elements(c.routes) WITH ORDINALITY AS r(route, place)"
        " JOIN provider_accounts p ON p.id = CAST(r.route ->> 'account' AS uuid)"
        " LEFT JOIN provider_senders s ON s.provider_account_id = p.id AND s.sender_number_id = c.sender_number_id"
        " WHERE c.id = ANY(:campaigns) AND c.state IN ('PLANNING', 'SENDING') ORDER BY c.id, r.place",
        campaigns=list(campaigns),
    )


def candidates(tx: Tx, sender: UUID | None) -> Sequence[Row[Any]]:
    """The accounts that know this sender number, by priority, then by age."""
    return tx.rows(
        "SELECT p.id, p.provider, p.priority, p.share, p.state, p.pause_reason, p.optout_number, p.certificate,"
        " p.certificate_checked_on, p.certificate_until FROM provider_accounts p"
        " JOIN provider_senders s ON s.provider_account_id = p.id"
        " WHERE s.sender_number_id = :sender AND p.provider <> 'rehearsal' ORDER BY p.priority, p.created_at",
        sender=sender,
    )


def change(tx: Tx, account: UUID, values: Mapping[str, int | str]) -> None:
    """Another order, share, limits or 080 number."""
    names = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"UPDATE provider_accounts SET {names} WHERE id = :account", account=account, **values)  # noqa: S608


def set_routing(tx: Tx, workspace: UUID, policy: str) -> None:
    """What comes first from the next launch on."""
    tx.run("UPDATE workspaces SET routing = :policy WHERE id = :id", id=workspace, policy=policy)


def routing(tx: Tx, workspace: UUID) -> str:
    """PRIORITY or COST."""
    return str(tx.value("SELECT routing FROM workspaces WHERE id = :id", id=workspace))

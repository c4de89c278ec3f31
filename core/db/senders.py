"""Queries about sender numbers: at which accounts each may be used, as the providers said when last asked."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.ids import new_id
from core.db.session import Tx

NOT_LISTED = "발송사에 등록되어 있지 않음"


def registrations(tx: Tx) -> Sequence[Row[Any]]:
    """Every sender number at every account of this workspace."""
    return tx.rows(
        "SELECT s.sender_number_id, s.provider_account_id, p.provider, s.refused_at, s.checked_at, s.words"
        " FROM provider_senders s JOIN provider_accounts p ON p.id = s.provider_account_id"
        " WHERE p.provider <> 'rehearsal' ORDER BY p.priority, p.id"
    )


def learn(tx: Tx, workspace: UUID, number: str, now: datetime) -> None:
    """A number, in digits, that a provider has registered; one that a person switched off stays off."""
    tx.run(
        "INSERT INTO sender_numbers (id, workspace_id, number, created_at) VALUES (:id, :workspace, :number, :now)"
        " ON CONFLICT (workspace_id, number) DO NOTHING",
        id=new_id(),
        workspace=workspace,
        number=number,
        now=now,
    )


def enter(tx: Tx, workspace: UUID, number: str, now: datetime) -> UUID:
    """A number, in digits, that a person says is registered; in use, also when it had been switched off."""
    found = tx.value(
        "INSERT INTO sender_numbers (id, workspace_id, number, created_at) VALUES (:id, :workspace, :number, :now)"
        " ON CONFLICT (workspace_id, number) DO UPDATE SET active = true RETURNING id",
        id=new_id(),
        workspace=workspace,
        number=number,
        now=now,
    )
    return UUID(str(found))


def disable(tx: Tx, number: UUID) -> bool:
    """Nothing leaves from it any more, at any account; False when there is no such number."""
    tx.run("DELETE FROM provider_senders WHERE sender_number_id = :number", number=number)
    return bool(tx.run("UPDATE sender_numbers SET active = false WHERE id = :number", number=number))


def sync(tx: Tx, workspace: UUID, account: UUID, listed: Iterable[tuple[str, bool, str]], now: datetime) -> None:
    """Write down what the provider says of each number (digits, may be used, its words).

    A number that may be used is known from now on; one that the provider does not list is not used there any more.
    """
    said = {number: (usable, words) for number, usable, words in listed}
    for number, (usable, _) in said.items():
        if usable:
            learn(tx, workspace, number, now)
    in_use = [number for number, (may, _) in said.items() if may]
    tx.run(
        "INSERT INTO provider_senders (provider_account_id, sender_number_id, workspace_id, created_at)"
        " SELECT :account, id, workspace_id, :now FROM sender_numbers WHERE active AND number = ANY(:numbers)"
        " ON CONFLICT DO NOTHING",
        account=account,
        numbers=in_use,
        now=now,
    )
    tx.run(
        "UPDATE provider_senders s SET checked_at = :now, words = coalesce(g.words, :missing),"
        " refused_at = CASE WHEN coalesce(g.usable, false) THEN NULL ELSE coalesce(s.refused_at, :now) END"
        " FROM sender_numbers n LEFT JOIN unnest(CAST(:numbers AS text[]), CAST(:may AS boolean[]), CAST(:words AS text[]))"
        " AS g(number, usable, words) ON g.number = n.number"
        " WHERE n.id = s.sender_number_id AND s.provider_account_id = :account",
        account=account,
        missing=NOT_LISTED,
        numbers=list(said),
        may=[may for may, _ in said.values()],
        words=[words for _, words in said.values()],
        now=now,
    )


def ask(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """Mark every account of this workspace as being asked; those accounts."""
    return tx.rows(
        "UPDATE provider_accounts SET senders_checked_at = :now WHERE provider <> 'rehearsal' RETURNING id, workspace_id", now=now
    )


def take_to_check(tx: Tx, now: datetime, before: datetime) -> Sequence[Row[Any]]:
    """Accounts that were not asked since then, across workspaces; marked as asked. What stands still now may go on later."""
    return tx.rows(
        "UPDATE provider_accounts SET senders_checked_at = :now WHERE provider <> 'rehearsal' AND state <> 'DISABLED'"
        " AND coalesce(senders_checked_at, '-infinity') < :before RETURNING id, workspace_id",
        now=now,
        before=before,
    )


def check_again(tx: Tx, account: UUID, at: datetime) -> None:
    """The provider did not say: as if it had been asked at that time."""
    tx.run("UPDATE provider_accounts SET senders_checked_at = :at WHERE id = :account", account=account, at=at)


def dead(tx: Tx) -> Sequence[Row[Any]]:
    """Numbers in use that their provider does not accept any more: account, number (an id), words; across workspaces."""
    return tx.rows(
        "SELECT s.provider_account_id, s.sender_number_id, s.workspace_id, p.provider, s.words FROM provider_senders s"
        " JOIN provider_accounts p ON p.id = s.provider_account_id AND p.state <> 'DISABLED'"
        " JOIN sender_numbers n ON n.id = s.sender_number_id AND n.active WHERE s.refused_at IS NOT NULL"
    )

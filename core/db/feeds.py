"""Queries about the providers' lists of opt-outs: which are to be read, and how long each was out of sight."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx
from core.rules import optout
from core.rules.alerts import Condition, Kind

LISTING = ("solapi",)  # the providers that keep such a list

# An account that was never read counts from the day on which it was connected. Few accounts: asked in every round.
_SEEN = """(SELECT workspace_id, min(coalesce(optouts_read_at, created_at)) AS at FROM provider_accounts
    WHERE provider = ANY (:listing) AND state <> 'DISABLED' GROUP BY workspace_id)"""


def take_due(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """Accounts whose list is to be read now, marked as asked; across workspaces."""
    return tx.rows(
        "UPDATE provider_accounts SET optouts_asked_at = :now WHERE provider = ANY (:listing) AND state <> 'DISABLED'"
        " AND coalesce(optouts_asked_at, '-infinity') < :before RETURNING id, workspace_id",
        now=now,
        before=now - optout.READ_EVERY,
        listing=list(LISTING),
    )


def settle(tx: Tx) -> None:
    """What the claim asks of a workspace is the oldest of its lists; across workspaces, or of the one that is seen."""
    tx.run(
        f"UPDATE workspaces w SET optout_feed_at = f.at FROM workspaces o LEFT JOIN {_SEEN} f ON f.workspace_id = o.id"  # noqa: S608
        " WHERE w.id = o.id AND w.optout_feed_at IS DISTINCT FROM f.at",
        listing=list(LISTING),
    )


def read_at(tx: Tx, account: UUID) -> datetime | None:
    """When the list of an account was last read to its end."""
    moment: datetime | None = tx.value("SELECT optouts_read_at FROM provider_accounts WHERE id = :account", account=account)
    return moment


def of_workspace(tx: Tx, workspace: UUID) -> datetime | None:
    """Since when nobody is missed who said no by a list of this workspace; None: it has none."""
    moment: datetime | None = tx.value("SELECT optout_feed_at FROM workspaces WHERE id = :workspace", workspace=workspace)
    return moment


def save_read(tx: Tx, account: UUID, now: datetime) -> None:
    """It was read to its end, as it was then."""
    tx.run("UPDATE provider_accounts SET optouts_read_at = :now WHERE id = :account", account=account, now=now)
    settle(tx)


def troubles(tx: Tx, now: datetime) -> Iterator[Condition]:
    """Lists that were out of sight for too long."""
    rows = tx.rows(
        "SELECT id, workspace_id, provider, coalesce(optouts_read_at, created_at) AS at FROM provider_accounts"
        " WHERE provider = ANY (:listing) AND state <> 'DISABLED' AND coalesce(optouts_read_at, created_at) < :before",
        listing=list(LISTING),
        before=now - optout.WARN_AFTER,
    )
    for row in rows:
        yield Condition(Kind.OPTOUT_FEED_STALE, str(row.id), row.workspace_id, {"provider": row.provider})
        if optout.missing_long(row.at, now):
            yield Condition(Kind.OPTOUT_FEED_STOPPED, str(row.id), row.workspace_id, {"provider": row.provider})

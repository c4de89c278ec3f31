"""Queries about what providers push to us: kept sealed as it came, looked at when due, dropped after a week."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db import accounts
from core.db.session import Tx

BYTES = "latin-1"  # one character a byte, so that any body comes back as it was


@dataclass(frozen=True, slots=True)
class Push:
    """One push, opened."""

    id: UUID
    account: UUID
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime | None = None


def add(tx: Tx, workspace: UUID, push: Push, now: datetime) -> None:
    """Keep it, once, to be looked at now."""
    seal = accounts.keys(tx, workspace).sealer()
    tx.run(
        "INSERT INTO pushes (id, workspace_id, provider_account_id, headers_sealed, body_sealed, state, due_at, received_at)"
        " VALUES (:id, :workspace, :account, :headers, :body, 'NEW', :now, :now) ON CONFLICT (id) DO NOTHING",
        id=push.id,
        workspace=workspace,
        account=push.account,
        headers=seal(json.dumps(dict(push.headers))),
        body=seal(push.body.decode(BYTES)),
        now=now,
    )


def take(tx: Tx, workspace: UUID, account: UUID, now: datetime, again_at: datetime, limit: int) -> list[Push]:
    """The due pushes of an account, oldest first; they come again at `again_at` unless they are settled before."""
    rows = tx.rows(
        "UPDATE pushes SET due_at = :again_at WHERE id IN (SELECT id FROM pushes WHERE provider_account_id = :account"
        " AND due_at <= :now ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
        " RETURNING id, headers_sealed, body_sealed, received_at",
        account=account,
        now=now,
        again_at=again_at,
        limit=limit,
    )
    unseal = accounts.keys(tx, workspace).opener()
    opened = [
        Push(row.id, account, json.loads(unseal(row.headers_sealed)), unseal(row.body_sealed).encode(BYTES), row.received_at)
        for row in rows
    ]
    return sorted(opened, key=lambda push: push.received_at or now)


def settle(tx: Tx, push: UUID, state: str, due_at: datetime | None) -> None:
    """What came of a look: DONE or FORGED and never again, PARKED or NEW and again when due."""
    tx.run("UPDATE pushes SET state = :state, due_at = :due_at WHERE id = :push", push=push, state=state, due_at=due_at)


def attempts(tx: Tx, account: UUID, references: Sequence[str]) -> Mapping[str, Row[Any]]:
    """The accepted calls behind the provider's ids: id, read_at."""
    rows = tx.rows(
        "SELECT r.reference, a.id, a.read_at FROM provider_references r JOIN attempts a ON a.id = r.attempt_id"
        " WHERE r.provider_account_id = :account AND r.reference = ANY(:references) AND a.outcome = 'ACCEPTED'",
        account=account,
        references=list(references),
    )
    return {row.reference: row for row in rows}


def claim_read(tx: Tx, attempt: UUID, now: datetime, before: datetime) -> bool:
    """Whether this call may be read because of a push: not again so soon, and not by two at once."""
    return bool(
        tx.run(
            "UPDATE attempts SET read_at = :now WHERE id = :attempt AND (read_at IS NULL OR read_at <= :before)",
            attempt=attempt,
            now=now,
            before=before,
        )
    )


def poll_soon(tx: Tx, attempt: UUID, at: datetime) -> None:
    """Ask for the results of this call at the latest then."""
    tx.run("UPDATE attempts SET poll_at = least(poll_at, :at) WHERE id = :attempt", attempt=attempt, at=at)


# --- what the sweeper asks, across workspaces ---------------------------------------------------------------------


def due_accounts(tx: Tx, now: datetime, limit: int = 200) -> Sequence[Row[Any]]:
    """Accounts with pushes that wait for a look."""
    return tx.rows(
        "SELECT DISTINCT workspace_id, provider_account_id FROM pushes WHERE due_at <= :now LIMIT :limit", now=now, limit=limit
    )


def forget(tx: Tx, before: datetime) -> int:
    """Drop what came before this moment, read or not; how many."""
    return tx.run("DELETE FROM pushes WHERE received_at < :before", before=before)

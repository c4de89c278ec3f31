"""Answers kept for repeated request_ids: the unique key makes a second, simultaneous request wait for the first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.db.session import Tx

_OURS = "workspace_id = :workspace AND method = :method AND request_id = :request_id"


@dataclass(frozen=True, slots=True)
class Key:
    """What a request is known by."""

    workspace: UUID
    method: str
    request_id: UUID


@dataclass(frozen=True, slots=True)
class Stored:
    """What was asked (its hash) and what was answered."""

    body_hash: bytes
    response: bytes


def claim(tx: Tx, key: Key, body_hash: bytes, now: datetime) -> Stored | None:
    """None: it is ours to answer, in this transaction. Otherwise the answer that was given; waits while one is made."""
    claimed = tx.run(
        "INSERT INTO requests (workspace_id, method, request_id, body_hash, response, created_at)"
        " VALUES (:workspace, :method, :request_id, :body_hash, '', :now) ON CONFLICT DO NOTHING",
        workspace=key.workspace,
        method=key.method,
        request_id=key.request_id,
        body_hash=body_hash,
        now=now,
    )
    if claimed:
        return None
    row = tx.row(
        f"SELECT body_hash, response FROM requests WHERE {_OURS}",  # noqa: S608 - a constant
        workspace=key.workspace,
        method=key.method,
        request_id=key.request_id,
    )
    if row is None:  # swept away between the two statements: old enough to be a new request
        return claim(tx, key, body_hash, now)
    return Stored(bytes(row.body_hash), bytes(row.response))


def answer(tx: Tx, key: Key, response: bytes) -> None:
    """Keep the answer beside what was done, in the same transaction."""
    tx.run(
        f"UPDATE requests SET response = :response WHERE {_OURS}",  # noqa: S608 - a constant
        workspace=key.workspace,
        method=key.method,
        request_id=key.request_id,
        response=response,
    )


def forget(tx: Tx, before: datetime) -> int:
    """Drop the answers given before this moment; how many."""
    return tx.run("DELETE FROM requests WHERE created_at < :before", before=before)

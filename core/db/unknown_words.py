"""Results in words that nobody knows yet: counted by their words, so that somebody can learn them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx

MOST = 200


def add(tx: Tx, workspace: UUID, provider: str, people: Mapping[str, int], now: datetime) -> None:
    """So many more people, by words; always in the same order, so that two transactions never wait for each other."""
    for words in sorted(people):
        tx.run(
            "INSERT INTO unknown_words AS u (workspace_id, provider, words, people, first_seen_at, last_seen_at)"
            " VALUES (:workspace, :provider, :words, :people, :now, :now) ON CONFLICT (workspace_id, provider, words)"
            " DO UPDATE SET people = u.people + excluded.people, last_seen_at = excluded.last_seen_at",
            workspace=workspace,
            provider=provider,
            words=words,
            people=people[words],
            now=now,
        )


def kept(tx: Tx, batch: UUID, attempt: UUID) -> set[tuple[str, int]]:
    """(words, position) of every receipt of a call so far."""
    rows = tx.rows("SELECT words FROM receipts WHERE batch_id = :batch AND attempt_id = :attempt", batch=batch, attempt=attempt)
    return {(words, position) for row in rows for words, positions in row.words.items() for position in positions}


def newest(tx: Tx) -> Sequence[Row[Any]]:
    """What the workspace's providers said, last seen first."""
    return tx.rows(
        "SELECT provider, words, people, first_seen_at, last_seen_at FROM unknown_words"
        " ORDER BY last_seen_at DESC, words LIMIT :most",
        most=MOST,
    )

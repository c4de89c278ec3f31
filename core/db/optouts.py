"""Opt-outs that a provider reports: whoever said no to the carrier gets no ads any more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.ids import new_id
from core.db.session import Tx


def of_contacts(tx: Tx, contacts: Sequence[int]) -> Sequence[Row[Any]]:
    """phone_hash, phone_sealed of customers; whoever is deleted is not among them."""
    return tx.rows("SELECT phone_hash, phone_sealed FROM contacts WHERE id = ANY(:contacts)", contacts=list(contacts))


def of_messages(tx: Tx, batch: UUID, positions: Sequence[int]) -> Sequence[Row[Any]]:
    """The same of single messages."""
    return tx.rows(
        "SELECT phone_hash, phone_sealed FROM direct_messages WHERE batch_id = :batch"
        " AND position = ANY(CAST(:positions AS smallint[]))",
        batch=batch,
        positions=list(positions),
    )


def add(tx: Tx, workspace: UUID, people: Sequence[Row[Any]], now: datetime) -> int:
    """Suppress these numbers; a suppression that was there already stays. How many are new.

    Always in the same order, so that two transactions never wait for each other.
    """
    return sum(
        tx.run(
            "INSERT INTO suppressions (id, workspace_id, phone_hash, phone_sealed, source, created_at)"
            " VALUES (:id, :workspace, :hash, :sealed, 'PROVIDER', :now) ON CONFLICT (workspace_id, phone_hash) DO NOTHING",
            id=new_id(),
            workspace=workspace,
            hash=person.phone_hash,
            sealed=person.phone_sealed,
            now=now,
        )
        for person in sorted(people, key=lambda person: bytes(person.phone_hash))
    )

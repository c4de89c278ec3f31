"""Erasing a person: what other laws keep lies apart (R-PII-11), the no stays as a hash, the rest is gone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db import optouts
from core.db.session import APP_ROLE, Tx
from core.rules import personal

APART_ROLE = "jeondan_apart"
SOURCE = "ERASURE"
TOMBSTONES = "erasures/"

# Only here does anything leave the tables that are append-only for everybody else.
_MOVE = """WITH gone AS (DELETE FROM {table} t WHERE t.workspace_id = :workspace AND t.contact_id = :contact RETURNING t.*)
    INSERT INTO apart.records (workspace_id, contact_id, kind, record, until)
    SELECT :workspace, :contact, '{table}', to_jsonb(gone){without}, {until} FROM gone"""

_MOVES = (
    _MOVE.format(table="consents", without="", until="CAST(:until AS timestamptz)"),
    _MOVE.format(table="notices", without=" - 'phone_sealed'", until="CAST(:until AS timestamptz)"),
    _MOVE.format(table="trades", without="", until="ended_on + interval '5 years'"),
)


@dataclass(frozen=True, slots=True)
class Erased:
    """Whom, and when: all that is remembered outside the database."""

    workspace: UUID
    contact: int
    phone_hash: bytes
    at: datetime

    @property
    def tombstone(self) -> str:
        """The name of the object that remembers it where no backup of the database reaches: a keyed hash, no personal data."""
        return f"{TOMBSTONES}{self.workspace}/{self.contact}-{round(self.at.timestamp() * 1000)}-{self.phone_hash.hex()}"

    @classmethod
    def read(cls, tombstone: str) -> "Erased":
        """What such a name says."""
        workspace, _, rest = tombstone.removeprefix(TOMBSTONES).partition("/")
        contact, at, phone_hash = rest.split("-")
        return cls(UUID(workspace), int(contact), bytes.fromhex(phone_hash), datetime.fromtimestamp(int(at) / 1000, UTC))


def erase(tx: Tx, workspace: UUID, contact: int, actor: str, now: datetime) -> Erased | None:
    """This person is nobody any more; None when they were not there. Their number gets no ads, whoever brings it back."""
    row = tx.row("SELECT phone_hash FROM contacts WHERE id = :contact FOR UPDATE", contact=contact)
    if row is None:
        return None
    erased = Erased(workspace, contact, bytes(row.phone_hash), now)
    _keep_apart(tx, erased)
    _silence(tx, erased, actor, now)
    tx.run("DELETE FROM guests WHERE phone_hash = :hash", hash=erased.phone_hash)
    tx.run("DELETE FROM direct_messages WHERE phone_hash = :hash", hash=erased.phone_hash)
    tx.run("UPDATE notices SET phone_sealed = NULL WHERE phone_hash = :hash", hash=erased.phone_hash)
    tx.run("UPDATE privacy_requests SET note = '' WHERE contact_id = :contact", contact=contact)
    tx.run("DELETE FROM contacts WHERE id = :contact", contact=contact)
    return erased


def _keep_apart(tx: Tx, erased: Erased) -> None:
    with apart(tx):
        tx.run(
            "INSERT INTO apart.people (workspace_id, contact_id, phone_hash, erased_at)"
            " VALUES (:workspace, :contact, :hash, :at) ON CONFLICT DO NOTHING",
            workspace=erased.workspace,
            contact=erased.contact,
            hash=erased.phone_hash,
            at=erased.at,
        )
        until = erased.at + personal.PROOF_LASTS
        for move in _MOVES[:2]:
            tx.run(move, workspace=erased.workspace, contact=erased.contact, until=until)
        tx.run(_MOVES[2], workspace=erased.workspace, contact=erased.contact)


def _silence(tx: Tx, erased: Erased, actor: str, now: datetime) -> None:
    no = optouts.No(erased.phone_hash, b"", f"contact {erased.contact}", now)
    optouts.say_no(tx, optouts.Way(erased.workspace, SOURCE, by=actor), [no], now)
    tx.run("UPDATE suppressions SET phone_sealed = '' WHERE phone_hash = :hash", hash=erased.phone_hash)


@contextmanager
def apart(tx: Tx) -> Iterator[None]:
    """Within, the transaction has the role that alone reads what is kept apart; it still sees one workspace only."""
    tx.run(f"SET LOCAL ROLE {APART_ROLE}")
    yield
    tx.run(f"SET LOCAL ROLE {APP_ROLE}")


def remembered(tx: Tx) -> list[Erased]:
    """Everybody who was erased here."""
    with apart(tx):
        rows = tx.rows("SELECT workspace_id, contact_id, phone_hash, erased_at FROM apart.people ORDER BY erased_at")
    return [Erased(row.workspace_id, row.contact_id, bytes(row.phone_hash), row.erased_at) for row in rows]


def records(tx: Tx, phone_hash: bytes) -> Sequence[Row[Any]]:
    """kind, record of a number that an authority or its owner names: the proof that other laws want kept."""
    with apart(tx):
        return tx.rows(
            "SELECT r.kind, r.record FROM apart.records r JOIN apart.people p USING (workspace_id, contact_id)"
            " WHERE p.phone_hash = :hash ORDER BY r.kind, r.until",
            hash=phone_hash,
        )


def forget(tx: Tx, now: datetime) -> int:
    """Destroy what is past its time, and the link to the person once nothing is left; how many."""
    with apart(tx):
        gone = tx.run("DELETE FROM apart.records WHERE until < :now", now=now)
        return gone + tx.run(
            "DELETE FROM apart.people p WHERE p.erased_at < :before AND NOT EXISTS (SELECT FROM apart.records r"
            " WHERE r.workspace_id = p.workspace_id AND r.contact_id = p.contact_id)",
            before=now - personal.PROOF_LASTS,
        )


def is_back(tx: Tx, erased: Erased) -> bool:
    """Whether the very row that was erased is there again, as after a restore; whoever came anew later is somebody else."""
    return bool(
        tx.value(
            "SELECT count(*) FROM contacts WHERE id = :contact AND phone_hash = :hash AND created_at <= :at",
            contact=erased.contact,
            hash=erased.phone_hash,
            at=erased.at,
        )
    )

"""Queries for an explanation: everything kept about one person, and every time their message was handed over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db import law
from core.db.session import Tx
from core.rules.evidence import Bought, Contact, Evidence, Notice, OptOut, Said

MOST = 200

_CONTACT = """SELECT id, phone_hash, phone_sealed, name, attributes, created_at, ad_consent, night_consent, consent_at,
    consent_source, confirmed_at, birth_year, guardian_proof, adult_at, restricted_at, archived_at FROM contacts"""

_CONSENTS = """SELECT c.channel, c.scope, c.granted, c.given_at, c.source, c.recorded_at, coalesce(w.version, '') AS wording,
    c.proof <> '' OR c.wording_id IS NOT NULL AS proven FROM consents c LEFT JOIN consent_wordings w ON w.id = c.wording_id
    WHERE c.workspace_id = :workspace AND c.contact_id = :contact ORDER BY c.id DESC LIMIT :most"""

_ADS = """SELECT count(*) FROM campaigns k JOIN batches b ON b.campaign_id = k.id
        AND b.first_contact <= :contact AND b.last_contact >= :contact AND :contact = ANY (b.contact_ids)
    WHERE k.workspace_id = :workspace AND k.purpose = 'AD' AND k.kind = 'CAMPAIGN' AND k.id <> :campaign
    AND k.state IN ('PLANNING', 'SENDING', 'PAUSED', 'DONE', 'CANCELLED') AND b.due_at > :since AND b.due_at <= :at
    AND get_byte(b.states, array_position(b.contact_ids, :contact) - 1) IN (2, 3, 4, 5)"""


def contact(tx: Tx, contact: int) -> Row[Any] | None:
    """A customer, also when archived."""
    return tx.row(f"{_CONTACT} WHERE id = :contact", contact=contact)


def contact_by_hash(tx: Tx, workspace: UUID, phone_hash: bytes) -> Row[Any] | None:
    """The same by number."""
    return tx.row(f"{_CONTACT} WHERE workspace_id = :workspace AND phone_hash = :hash", workspace=workspace, hash=phone_hash)


def of_person(tx: Tx, workspace: UUID, known: Row[Any] | None, phone_hash: bytes | None) -> Evidence:
    """All that is kept, the newest of each kind: of a customer, or of a number that is none's."""
    consents = tx.rows(_CONSENTS, workspace=workspace, contact=known.id, most=MOST) if known else ()
    trades = tx.rows(
        "SELECT order_id, kind, ended_on, created_at AS recorded_at FROM trades"
        " WHERE workspace_id = :workspace AND contact_id = :contact ORDER BY ended_on DESC LIMIT :most",
        workspace=workspace,
        contact=known.id if known else 0,
        most=MOST,
    )
    by_number = {"workspace": workspace, "hash": phone_hash, "most": MOST}
    optouts = tx.rows(
        "SELECT channel, source, said_at, recorded_at FROM optouts WHERE workspace_id = :workspace AND phone_hash = :hash"
        " ORDER BY id DESC LIMIT :most",
        **by_number,
    )
    notices = tx.rows(
        "SELECT kind, state, deadline_at, created_at AS recorded_at, ended_at FROM notices"
        " WHERE workspace_id = :workspace AND phone_hash = :hash ORDER BY id DESC LIMIT :most",
        **by_number,
    )
    standing = _standing(tx, workspace, phone_hash)
    return Evidence(
        contact=Contact(**{name: known._mapping[name] for name in Contact.__dataclass_fields__}) if known else Contact(),
        consents=tuple(Said(**row._mapping) for row in reversed(consents)),
        optouts=tuple(OptOut(**row._mapping) for row in reversed(optouts)),
        notices=tuple(Notice(**row._mapping) for row in reversed(notices)),
        trades=tuple(Bought(**row._mapping) for row in trades),
        suppressed_from=standing.created_at,
        suppressed_until=standing.lifted_at,
        optout_channels=frozenset(standing.channels),
        guest_since=standing.guest_since,
    )


def _standing(tx: Tx, workspace: UUID, phone_hash: bytes | None) -> Row[Any]:
    row = tx.row(
        "SELECT s.created_at, s.lifted_at, coalesce(s.channels, w.optout_channels) AS channels,"
        " (SELECT g.created_at FROM guests g WHERE g.workspace_id = w.id AND g.phone_hash = :hash) AS guest_since"
        " FROM workspaces w LEFT JOIN suppressions s ON s.workspace_id = w.id AND s.phone_hash = :hash WHERE w.id = :workspace",
        workspace=workspace,
        hash=phone_hash,
    )
    assert row is not None
    return row


def house(tx: Tx, workspace: UUID) -> Row[Any]:
    """What the merchant decided within the law, as it is now."""
    row = tx.row(f"SELECT {law.WORKSPACE} FROM workspaces w WHERE w.id = :id", id=workspace)  # noqa: S608 - a constant
    assert row is not None
    return row


def recent_ads(tx: Tx, campaign: Row[Any], contact: int, days: int, at: datetime) -> int:
    """What this person was being sent as advertising by other campaigns, within the days of the cap before an instant."""
    since = at - timedelta(days=days)
    values = {"workspace": campaign.workspace_id, "campaign": campaign.id, "contact": contact}
    return int(tx.value(_ADS, since=since, at=at, **values) or 0)


def handovers(tx: Tx, batch: UUID, position: int) -> Sequence[Row[Any]]:
    """Every attempt that held this message, oldest first; `text_hash` of this one."""
    return tx.rows(
        "SELECT id, provider, channel, sender, started_at, finished_at, outcome, code, words, reference, poll_at,"
        " substring(text_hashes FROM (array_position(positions, CAST(:position AS smallint)) - 1) * 8 + 1 FOR 8) AS text_hash"
        " FROM attempts WHERE batch_id = :batch AND CAST(:position AS smallint) = ANY (positions) ORDER BY id",
        batch=batch,
        position=position,
    )


def results(tx: Tx, batch: UUID, position: int) -> Sequence[Row[Any]]:
    """What came back about this message, oldest first: attempt_id, received_at, state, words."""
    return tx.rows(
        "SELECT attempt_id, received_at, get_byte(states, array_position(positions, CAST(:position AS smallint)) - 1) AS state,"
        " coalesce((SELECT s.key FROM jsonb_each(words) s WHERE s.value @> to_jsonb(CAST(:position AS int)) LIMIT 1), '')"
        " AS words"
        " FROM receipts WHERE batch_id = :batch AND CAST(:position AS smallint) = ANY (positions) ORDER BY id",
        batch=batch,
        position=position,
    )

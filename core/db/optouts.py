"""Every no, by whichever way it came: one function keeps the event and stops the advertising, in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import accounts, listing, notices
from core.db.ids import new_id
from core.db.law_tables import optouts
from core.db.notices import Said
from core.db.session import Tx
from core.db.tables import suppressions
from core.rules import phone
from core.rules.notice import Kind
from core.rules.optout import Code

_PEOPLE = """unnest(CAST(:hashes AS bytea[]), CAST(:sealed AS bytea[]), CAST(:events AS text[]), CAST(:said AS timestamptz[]),
    CAST(:ids AS uuid[]), CAST(:suppressions AS uuid[])) AS p (phone_hash, phone_sealed, event, said_at, id, suppression)"""

# An event that is known changes nothing. A no that is older than the yes which lifted the last one is kept, and past.
# Always in the same order, so that two transactions never wait for each other.
_SAY_NO = f"""
    WITH heard AS (
        INSERT INTO optouts (id, workspace_id, phone_hash, channel, source, source_event_id, said_at, recorded_by, recorded_at)
        SELECT p.id, :workspace, p.phone_hash, :channel, :source, p.event, p.said_at, :by, :now
        FROM {_PEOPLE} ORDER BY p.phone_hash, p.event
        ON CONFLICT (workspace_id, phone_hash, channel, source, source_event_id) DO NOTHING
        RETURNING id
    )
    INSERT INTO suppressions AS s (id, workspace_id, phone_hash, phone_sealed, source, channels, created_at)
    SELECT DISTINCT ON (p.phone_hash) p.suppression, w.id, p.phone_hash, p.phone_sealed, :source,
        CASE WHEN :channel = ANY (w.optout_channels) THEN w.optout_channels ELSE ARRAY[CAST(:channel AS text)] END, p.said_at
    FROM heard JOIN {_PEOPLE} ON p.id = heard.id JOIN workspaces w ON w.id = :workspace
    ORDER BY p.phone_hash, p.said_at DESC
    ON CONFLICT (workspace_id, phone_hash) DO UPDATE SET
        source = CASE WHEN s.lifted_at IS NULL THEN s.source ELSE excluded.source END,
        created_at = CASE WHEN s.lifted_at IS NULL THEN s.created_at ELSE excluded.created_at END,
        phone_sealed = CASE WHEN s.lifted_at IS NULL THEN s.phone_sealed ELSE excluded.phone_sealed END,
        channels = CASE WHEN s.lifted_at IS NULL
            THEN s.channels || ARRAY(SELECT unnest(excluded.channels) EXCEPT SELECT unnest(s.channels))
            ELSE excluded.channels END,
        lifted_at = NULL
    WHERE CASE WHEN s.lifted_at IS NULL THEN NOT s.channels @> excluded.channels
        ELSE NOT EXISTS (SELECT FROM contacts c WHERE c.workspace_id = s.workspace_id AND c.phone_hash = s.phone_hash
            AND c.ad_consent AND c.consent_at > excluded.created_at) END
    RETURNING s.phone_hash, s.phone_sealed, s.created_at
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Way:
    """How a no came in: by MANUAL entry, OPTOUT_CALL, PROVIDER, LINK or ERASURE; about which channel; through whose hands."""

    workspace: UUID
    source: str
    channel: str = "TEXT"
    by: str = ""


@dataclass(frozen=True, slots=True)
class No:
    """One person's no; `event` makes it one, however often it is heard."""

    phone_hash: bytes = field(repr=False)
    phone_sealed: bytes = field(repr=False)
    event: str
    said_at: datetime


def say_no(tx: Tx, way: Way, said: Sequence[No], now: datetime) -> int:
    """Keep what these people said and send them no ads any more, on every channel of the 080 number.

    It counts from the commit on: whoever waits in a batch is checked again when it leaves. Who is stopped now will be told
    (R-NTC-1). How many they are.
    """
    if not said:
        return 0
    stopped = tx.rows(
        _SAY_NO,
        workspace=way.workspace,
        source=way.source,
        channel=way.channel,
        by=way.by,
        now=now,
        hashes=[no.phone_hash for no in said],
        sealed=[no.phone_sealed for no in said],
        events=[no.event for no in said],
        said=[min(no.said_at, now) for no in said],
        ids=[new_id() for _ in said],
        suppressions=[new_id() for _ in said],
    )
    notices.add_result(
        tx, way.workspace, [Said(one.phone_hash, one.phone_sealed, Kind.REFUSED, one.created_at) for one in stopped], now
    )
    return len(stopped)


def of_number(tx: Tx, workspace: UUID, number: str, event: str, said_at: datetime) -> No:
    """The no of somebody who is known by a normalised number only."""
    keys = accounts.keys(tx, workspace)
    return No(keys.lookup(number), keys.sealer()(number), event, said_at)


def of_contacts(tx: Tx, contacts: Sequence[int], event: str, said_at: datetime) -> list[No]:
    """The nos of customers; whoever is deleted is not among them."""
    rows = tx.rows("SELECT phone_hash, phone_sealed FROM contacts WHERE id = ANY(:contacts)", contacts=list(contacts))
    return [No(row.phone_hash, row.phone_sealed, event, said_at) for row in rows]


def of_messages(tx: Tx, batch: UUID, positions: Sequence[int], event: str, said_at: datetime) -> list[No]:
    """The same of the receivers of single messages."""
    rows = tx.rows(
        "SELECT phone_hash, phone_sealed FROM direct_messages WHERE batch_id = :batch"
        " AND position = ANY(CAST(:positions AS smallint[]))",
        batch=batch,
        positions=list(positions),
    )
    return [No(row.phone_hash, row.phone_sealed, event, said_at) for row in rows]


def batches_of(tx: Tx, code: Code) -> Sequence[Row[Any]]:
    """id, workspace_id of the batches made in the millisecond that a code names; across workspaces."""
    first, following = code.bounds
    return tx.rows(
        "SELECT id, workspace_id FROM batches WHERE id >= :first AND id < :following", first=first, following=following
    )


def receiver(tx: Tx, batch: UUID, position: int) -> Row[Any] | None:
    """phone_hash, phone_sealed of whom a message went to; None when they are erased."""
    return tx.row(
        "SELECT c.phone_hash, c.phone_sealed FROM batches b JOIN contacts c ON c.id = b.contact_ids[CAST(:position AS int) + 1]"
        " WHERE b.id = :batch UNION ALL SELECT phone_hash, phone_sealed FROM direct_messages"
        " WHERE batch_id = :batch AND position = :position",
        batch=batch,
        position=position,
    )


def refused_since(tx: Tx, workspace: UUID, phone_hash: bytes, channel: str = "TEXT") -> datetime | None:
    """Since when this number gets no ads on a channel; None while it may."""
    since: datetime | None = tx.value(
        "SELECT created_at FROM suppressions WHERE workspace_id = :workspace AND phone_hash = :hash AND lifted_at IS NULL"
        " AND :channel = ANY (channels)",
        workspace=workspace,
        hash=phone_hash,
        channel=channel,
    )
    return since


def page(tx: Tx, workspace: UUID, wanted: listing.Page) -> listing.Rows:
    """Every no, with the sealed number where somebody is known still. Filter: source, phone. Order: create_time."""
    known = (suppressions.c.workspace_id == optouts.c.workspace_id) & (suppressions.c.phone_hash == optouts.c.phone_hash)
    query = sa.select(optouts, suppressions.c.phone_sealed).join(suppressions, known, isouter=True)
    return listing.fetch(
        tx,
        query,
        wanted,
        key=optouts.c.id,
        filters={
            "source": lambda value: optouts.c.source == value,
            "phone": lambda value: optouts.c.phone_hash == accounts.keys(tx, workspace).lookup(phone.normalise(value)),
        },
        orders={"create_time": optouts.c.id},
    )

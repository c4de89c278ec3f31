"""Queries about whom a campaign selected: where everybody is and why; first those whom planning left out, then the batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.listing import Page
from core.db.session import Tx
from core.rules.states import MessageState

_LEFT_OUT, _BATCH = "x", "b"
_BEGINNING = (_LEFT_OUT, "0", "0")
_ROWS = 8  # of exclusions at once: a chunk of a plan makes one a reason
_BATCH_ROWS = 5

_EXCLUDED = """SELECT x.id, c.place, x.reason, c.contact_id FROM (
        SELECT id, reason, contact_ids FROM exclusions WHERE campaign_id = :campaign AND id >= :row
        AND (CAST(:reason AS text) IS NULL OR reason = :reason) ORDER BY id LIMIT :rows
    ) x CROSS JOIN LATERAL unnest(x.contact_ids) WITH ORDINALITY AS c (contact_id, place)
    WHERE (x.id, c.place) > (:row, :place) ORDER BY x.id, c.place"""

_BATCHES = """SELECT id, states, reasons, contact_ids FROM batches WHERE campaign_id = :campaign AND id >= :batch
    AND (CAST(:state AS int) IS NULL OR position(set_byte('\\x00'::bytea, 0, :state) IN states) > 0)
    AND (CAST(:reason AS text) IS NULL OR EXISTS (SELECT FROM jsonb_each_text(reasons) r WHERE r.value = :reason))
    ORDER BY id LIMIT :rows"""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where one person of a campaign is; without a batch, planning left them out."""

    contact: int
    state: MessageState
    reason: str = ""
    batch: UUID | None = None
    position: int = 0
    place: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """Which of them; None: all."""

    state: MessageState | None = None
    reason: str | None = None

    def meets(self, state: MessageState, reason: str) -> bool:
        """Whether somebody who is there, for this reason, is asked for."""
        return self.state in (None, state) and self.reason in (None, reason)


@dataclass(frozen=True, slots=True)
class Found:
    """One page, and the place to go on from; None at the end."""

    people: Sequence[Recipient] = ()
    next: tuple[str, ...] | None = None


def page(tx: Tx, campaign: UUID, wish: Wish, wanted: Page) -> Found:
    """One page: only the rows that it needs are looked at."""
    found: list[Recipient] = []
    for one in everybody(tx, campaign, wish, wanted.after or _BEGINNING):
        if len(found) == wanted.limit:
            return Found(found, found[-1].place)
        found.append(one)
    return Found(found)


def everybody(tx: Tx, campaign: UUID, wish: Wish, after: tuple[str, ...] = _BEGINNING) -> Iterator[Recipient]:
    """All who are wished for, from a place on, in flat memory."""
    if after[0] == _LEFT_OUT:
        if wish.state in (None, MessageState.EXCLUDED):
            yield from _left_out(tx, campaign, wish, int(after[1]), int(after[2]))
        after = (_BATCH, str(UUID(int=0)), "-1")
    yield from _in_batches(tx, campaign, wish, UUID(after[1]), int(after[2]))


def _left_out(tx: Tx, campaign: UUID, wish: Wish, row: int, place: int) -> Iterator[Recipient]:
    while True:
        found = tx.rows(_EXCLUDED, campaign=campaign, row=row, place=place, reason=wish.reason, rows=_ROWS)
        for one in found:
            here = (_LEFT_OUT, str(one.id), str(one.place))
            yield Recipient(one.contact_id, MessageState.EXCLUDED, one.reason, place=here)
        if not found:
            return
        row, place = found[-1].id, found[-1].place


def _in_batches(tx: Tx, campaign: UUID, wish: Wish, batch: UUID, position: int) -> Iterator[Recipient]:
    state = None if wish.state is None else int(wish.state)
    while True:
        found = tx.rows(_BATCHES, campaign=campaign, batch=batch, state=state, reason=wish.reason, rows=_BATCH_ROWS)
        for row in found:
            yield from (one for one in _of_batch(row, wish) if (row.id, one.position) > (batch, position))
        if len(found) < _BATCH_ROWS:
            return
        batch, position = found[-1].id, len(found[-1].states)


def _of_batch(row: Row[Any], wish: Wish) -> Iterator[Recipient]:
    for position, (value, contact) in enumerate(zip(bytes(row.states), row.contact_ids, strict=True)):
        state, reason = MessageState(value), row.reasons.get(str(position), "")
        if wish.meets(state, reason):
            yield Recipient(contact, state, reason, row.id, position, (_BATCH, str(row.id), str(position)))


def people(tx: Tx, contacts: Sequence[int]) -> dict[int, Row[Any]]:
    """id, name, phone_sealed of these customers; whoever is deleted is not among them."""
    rows = tx.rows("SELECT id, name, phone_sealed FROM contacts WHERE id = ANY(:contacts)", contacts=list(contacts))
    return {row.id: row for row in rows}


@dataclass(frozen=True, slots=True)
class Sent:
    """The last time that a message was handed over; `silent` when nobody will be asked about it any more."""

    provider: str
    channel: str
    at: datetime | None
    silent: bool


Place = tuple[UUID, int]


def sent(tx: Tx, batches: Sequence[UUID]) -> dict[Place, Sent]:
    """Everybody of these batches who was handed over, with the last attempt that came to something."""
    found: dict[Place, Sent] = {}
    for row in tx.rows(
        "SELECT batch_id, positions, provider, channel, finished_at, outcome = 'ACCEPTED' AND poll_at IS NULL AS silent"
        " FROM attempts WHERE batch_id = ANY(:batches) AND outcome IN ('ACCEPTED', 'REFUSED', 'UNKNOWN') ORDER BY id",
        batches=list(batches),
    ):
        last = Sent(row.provider, row.channel, row.finished_at, row.silent)
        found.update(((row.batch_id, position), last) for position in row.positions)
    return found


def words(tx: Tx, batches: Sequence[UUID]) -> dict[Place, str]:
    """What the provider last said about each of them, in its own words; nothing about whoever was reached."""
    found: dict[Place, str] = {}
    for row in tx.rows(
        "SELECT batch_id, positions, states, words FROM receipts WHERE batch_id = ANY(:batches) ORDER BY id",
        batches=list(batches),
    ):
        said = {position: words for words, positions in row.words.items() for position in positions}
        for position, state in zip(row.positions, bytes(row.states), strict=True):
            if state > MessageState.ACCEPTED:  # words that nobody knows settle nothing
                found[row.batch_id, position] = said.get(position, "")
    return found


def place_of(tx: Tx, campaign: UUID, contact: int) -> Row[Any] | None:
    """Where one person stands in a campaign: batch_id, position, state, reason, decided_at; None: nowhere (yet)."""
    return tx.row(
        "SELECT b.id AS batch_id, p.position, get_byte(b.states, p.position) AS state, b.decided_at,"
        " coalesce(b.reasons ->> p.position::text, '') AS reason FROM batches b"
        " CROSS JOIN LATERAL (SELECT array_position(b.contact_ids, CAST(:contact AS bigint)) - 1 AS position) p"
        " WHERE b.campaign_id = :campaign AND b.first_contact <= :contact AND b.last_contact >= :contact"
        " AND p.position IS NOT NULL"
        " UNION ALL SELECT NULL, NULL, :excluded, decided_at, reason FROM exclusions"
        " WHERE campaign_id = :campaign AND contact_ids @> ARRAY[CAST(:contact AS bigint)] LIMIT 1",
        campaign=campaign,
        contact=contact,
        excluded=int(MessageState.EXCLUDED),
    )


def forget(tx: Tx, before: datetime) -> None:
    """Whom planning left out is kept as long as the batches of everybody else; across workspaces."""
    tx.run("DELETE FROM exclusions WHERE decided_at < :before", before=before)

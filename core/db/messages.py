"""Queries about single messages: places (batch, position) are found in the state bytes of the ledger, then shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.ids import first_id
from core.db.listing import Page, Rows
from core.db.session import Tx
from core.rules.states import MessageState

LAST = 32_767  # beyond every position of a batch
SCAN, ROUNDS = 1_000, 10  # batches looked through at once, and how often for one page

_FIRST_BATCH, _LAST_BATCH = UUID(int=0), UUID(int=2**128 - 1)

Place = tuple[UUID, int]

_SHOWN = """SELECT b.id AS batch_id, w.position, b.campaign_id, nullif(b.contact_ids[w.position + 1], 0) AS contact_id,
        get_byte(b.states, w.position) AS state,
        coalesce(b.reasons ->> (w.position::text), CASE WHEN get_byte(b.states, w.position) = 4 AND a.outcome = 'ACCEPTED'
            AND a.poll_at IS NULL THEN 'NO_RESULT' END) AS reason,  -- the last look is over
        k.kind, k.test, k.routes, k.template_id, k.expires_at,
        a.channel, a.provider, a.reference, a.finished_at AS sent_at, a.outcome, a.unit_price,
        coalesce(d.phone_sealed, c.phone_sealed) AS phone_sealed, d.text_sealed, d.client_reference,
        r.received_at AS result_at, r.words
    FROM unnest(CAST(:batches AS uuid[]), CAST(:positions AS int[])) WITH ORDINALITY AS w(batch_id, position, place)
    JOIN batches b ON b.id = w.batch_id AND w.position < length(b.states)
    JOIN campaigns k ON k.id = b.campaign_id
    LEFT JOIN contacts c ON c.id = b.contact_ids[w.position + 1]
    LEFT JOIN direct_messages d ON d.batch_id = w.batch_id AND d.position = w.position
    LEFT JOIN LATERAL (
        SELECT channel, provider, reference, finished_at, outcome, unit_price, poll_at FROM attempts
        WHERE batch_id = b.id AND w.position::smallint = ANY (positions) AND outcome IN ('ACCEPTED', 'REFUSED', 'UNKNOWN')
        ORDER BY id DESC LIMIT 1
    ) a ON true
    LEFT JOIN LATERAL (
        SELECT received_at, (SELECT s.key FROM jsonb_each(words) s WHERE s.value @> to_jsonb(w.position) LIMIT 1) AS words
        FROM receipts WHERE batch_id = b.id AND w.position::smallint = ANY (positions)
            AND get_byte(states, array_position(positions, w.position::smallint) - 1) > 4 -- not words that nobody knows
        ORDER BY id DESC LIMIT 1
    ) r ON true
    ORDER BY w.place"""

# Newest first; what a filter asks of the call as a whole is answered row by row, so that a page looks at so many and no more.
_NEWEST = """SELECT b.id, b.states, (CAST(:kind AS text) IS NULL OR k.kind = :kind)
        AND (CAST(:test AS boolean) IS NULL OR k.test = :test) AS fits
    FROM batches b JOIN campaigns k ON k.id = b.campaign_id
    WHERE b.workspace_id = (SELECT nullif(current_setting('jeondan.workspace', true), '')::uuid)
    AND b.id >= :first AND b.id <= :batch ORDER BY b.id DESC LIMIT :limit"""

_REFERRED = """SELECT d.batch_id, d.position FROM direct_messages d
    JOIN batches b ON b.id = d.batch_id JOIN campaigns k ON k.id = b.campaign_id
    WHERE d.workspace_id = (SELECT nullif(current_setting('jeondan.workspace', true), '')::uuid)
    AND d.client_reference = :reference AND d.client_reference <> '' AND d.batch_id >= :first
    AND (d.batch_id, d.position) < (CAST(:batch AS uuid), CAST(:position AS smallint))
    AND (CAST(:kind AS text) IS NULL OR k.kind = :kind) AND (CAST(:test AS boolean) IS NULL OR k.test = :test)
    AND (CAST(:state AS int) IS NULL OR get_byte(b.states, d.position) = :state)
    ORDER BY d.batch_id DESC, d.position DESC LIMIT :limit"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a workspace's messages is asked for; made at `since` or later and before `until`."""

    state: MessageState | None = None
    reference: str | None = None
    kind: str | None = None
    test: bool | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def states(self) -> Sequence[MessageState]:
        """The states that are asked for; empty: any."""
        return () if self.state is None else (self.state,)


def get(tx: Tx, batch: UUID, position: int) -> Row[Any] | None:
    """One message."""
    return next(iter(at(tx, [(batch, position)])), None) if 0 <= position < LAST else None


def page(tx: Tx, campaign: UUID, wanted: Page) -> Rows:
    """One page of a campaign's messages by batch and position: only the batches the page needs are looked at."""
    batch, position = _after(wanted) or (_FIRST_BATCH, LAST)
    states = [MessageState[text] for text in dict(wanted.where).values()]
    if len({text for _, text in wanted.where}) > 1:
        return Rows()  # nobody is in two states at once
    found: list[Place] = []
    while len(found) <= wanted.limit:
        batches = _next_batches(tx, campaign, batch, states, inclusive=position < LAST)
        if not batches:
            break
        for row in batches:
            places = [(row.id, at) for at in _positions(row.states, states)]
            found += [place for place in places if place > (batch, position)]
        batch, position = batches[-1].id, LAST
    return _cut(tx, found, wanted.limit)


def newest(tx: Tx, wish: Wish, wanted: Page) -> Rows:
    """One page of all messages of the workspace, the newest first; shorter than asked for when there was much to look through."""
    beyond = first_id(wish.until) if wish.until else _LAST_BATCH
    batch, position = min(_after(wanted) or (beyond, LAST), (beyond, 0 if wish.until else LAST))
    first = first_id(wish.since) if wish.since else _FIRST_BATCH
    filters = {"kind": wish.kind, "test": wish.test, "first": first}
    if wish.reference is not None:
        more = {"reference": wish.reference, "state": wish.state, "position": position, "limit": wanted.limit + 1}
        rows = tx.rows(_REFERRED, batch=batch, **filters, **more)
        return _cut(tx, [(row.batch_id, row.position) for row in rows], wanted.limit)
    found: list[Place] = []
    for _ in range(ROUNDS):
        rows = tx.rows(_NEWEST, batch=batch, limit=SCAN, **filters)
        for row in rows:
            places = [(row.id, at) for at in reversed(_positions(row.states, wish.states))] if row.fits else []
            found += [place for place in places if place < (batch, position)]
            if len(found) > wanted.limit:
                return _cut(tx, found, wanted.limit)
        if len(rows) < SCAN:
            return _cut(tx, found, wanted.limit)
        batch, position = rows[-1].id, 0
    return Rows(at(tx, found), (str(batch), str(position)))


def _cut(tx: Tx, found: Sequence[Place], limit: int) -> Rows:
    shown = found[:limit]
    after = (str(shown[-1][0]), str(shown[-1][1])) if len(found) > limit else None
    return Rows(at(tx, shown), after)


def at(tx: Tx, places: Sequence[Place]) -> Sequence[Row[Any]]:
    """The messages at these places, in this order."""
    if not places:
        return ()
    return tx.rows(_SHOWN, batches=[batch for batch, _ in places], positions=[position for _, position in places])


def _after(wanted: Page) -> Place | None:
    return (UUID(wanted.after[0]), int(wanted.after[1])) if wanted.after else None


def _positions(states: bytes, wanted: Sequence[MessageState]) -> list[int]:
    """The positions in one of the states; all of them when none is asked for."""
    return [at for at, state in enumerate(bytes(states)) if not wanted or state in wanted]


def _next_batches(tx: Tx, campaign: UUID, after: UUID, states: Sequence[MessageState], *, inclusive: bool) -> Sequence[Row[Any]]:
    """The next few batches that hold a message in one of the states (any, when none is asked for)."""
    return tx.rows(
        "SELECT id, states FROM batches WHERE campaign_id = :campaign AND (id > :after OR id = :after AND :inclusive) AND"
        " (CAST(:states AS int[]) = '{}' OR EXISTS (SELECT 1 FROM unnest(CAST(:states AS int[])) s WHERE"
        " position(set_byte('\\x00'::bytea, 0, s) IN batches.states) > 0)) ORDER BY id LIMIT 5",
        campaign=campaign,
        after=after,
        inclusive=inclusive,
        states=[int(state) for state in states],
    )

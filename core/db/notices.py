"""Queries about notices of the law: made with the yes or no that they are about, taken to be sent, and ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import law, listing
from core.db.columns import every
from core.db.ids import first_id, new_id
from core.db.law_tables import notices
from core.db.session import Tx
from core.rules import notice
from core.rules.notice import Kind, Scope, Shop, State

# A notice that waits already, with the same words, is enough. A yes that does not count against a no is no news.
_ADD = """
    INSERT INTO notices (id, workspace_id, contact_id, phone_hash, phone_sealed, kind, scope, said_at, state, due_at,
                         deadline_at, created_at)
    SELECT g.id, :workspace, g.contact, g.hash, g.sealed, g.kind, g.scope, g.said_at, 'DUE', g.due_at, g.deadline_at, :now
    FROM unnest(CAST(:id AS uuid[]), CAST(:contact AS bigint[]), CAST(:hash AS bytea[]), CAST(:sealed AS bytea[]),
                CAST(:kind AS text[]), CAST(:scope AS text[]), CAST(:said_at AS timestamptz[]),
                CAST(:due_at AS timestamptz[]), CAST(:deadline_at AS timestamptz[]))
         AS g(id, contact, hash, sealed, kind, scope, said_at, due_at, deadline_at)
    WHERE NOT EXISTS (SELECT FROM notices n WHERE n.workspace_id = :workspace AND n.phone_hash = g.hash
                      AND n.kind = g.kind AND n.scope = g.scope AND n.state = 'DUE')
        AND (g.kind <> 'GRANTED' OR NOT EXISTS (SELECT FROM suppressions s WHERE s.workspace_id = :workspace
                      AND s.phone_hash = g.hash AND s.lifted_at IS NULL AND 'TEXT' = ANY (s.channels)))
"""

# Of a consent that ended, was renewed or refused meanwhile there is nothing to confirm.
_TAKE = f"""
    SELECT n.id, n.kind, n.scope, n.said_at, n.deadline_at, n.phone_sealed, n.kind = 'RECONFIRM' AND NOT EXISTS (
        SELECT FROM contacts c {law.SUPPRESSED} WHERE c.id = n.contact_id AND c.ad_consent AND c.archived_at IS NULL
        AND c.restricted_at IS NULL AND s.phone_hash IS NULL
        AND timezone('Asia/Seoul', ({law.CONSENT_UNTIL} + 1)::timestamp) = n.deadline_at) AS moot
    FROM notices n WHERE n.workspace_id = :workspace AND n.state = 'DUE' AND n.due_at <= :now
    ORDER BY n.deadline_at, n.said_at, n.id LIMIT :limit FOR UPDATE OF n SKIP LOCKED
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Said:
    """A yes or no of a person, as it was recorded: `kind` is GRANTED, WITHDRAWN or REFUSED."""

    phone_hash: bytes = field(repr=False)
    phone_sealed: bytes | None = field(repr=False)
    kind: Kind
    at: datetime
    scope: Scope = Scope.ADS
    contact: int | None = None


def add_result(tx: Tx, workspace: UUID, said: Sequence[Said], now: datetime) -> int:
    """These people will be told what was recorded (R-NTC-1); how many notices are new.

    To be called in the transaction that records it. What was said so long ago that the term is over is not told any more:
    whoever took it then had to.
    """
    told = {(one.phone_hash, one.kind, one.scope): one for one in said}
    fresh = [one for one in told.values() if one.phone_sealed and notice.deadline(one.at) > now]
    if not fresh:
        return 0
    return tx.run(
        _ADD,
        workspace=workspace,
        now=now,
        id=[new_id() for _ in fresh],
        contact=[one.contact for one in fresh],
        hash=[one.phone_hash for one in fresh],
        sealed=[one.phone_sealed for one in fresh],
        kind=[one.kind.value for one in fresh],
        scope=[one.scope.value for one in fresh],
        said_at=[one.at for one in fresh],
        due_at=[notice.due(one.at, now) for one in fresh],
        deadline_at=[notice.deadline(one.at) for one in fresh],
    )


def add(tx: Tx, values: Sequence[Mapping[str, Any]]) -> None:
    """Notices as they are, in state DUE."""
    if values:
        tx.connection.execute(notices.insert(), [{"state": State.DUE, **one} for one in values])


def waiting(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """workspace_id of merchants who have people to tell, and a number to tell them from; across workspaces."""
    return tx.rows(
        "SELECT w.id AS workspace_id FROM workspaces w WHERE w.notice_sender_id IS NOT NULL AND EXISTS ("
        "SELECT FROM notices n WHERE n.workspace_id = w.id AND n.state = 'DUE' AND n.due_at <= :now) LIMIT 100",
        now=now,
    )


def sender(tx: Tx, workspace: UUID) -> tuple[UUID | None, Shop]:
    """The sender number of notices, and who tells; None: the merchant has chosen none, or it is out of use."""
    row = tx.row(
        "SELECT w.name, w.optout_number, w.consent_lapses, n.id, n.number FROM workspaces w"
        " LEFT JOIN sender_numbers n ON n.id = w.notice_sender_id AND n.active WHERE w.id = :id",
        id=workspace,
    )
    assert row is not None
    return row.id, Shop(row.name, row.optout_number, row.number or "", row.consent_lapses)


def take(tx: Tx, workspace: UUID, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """What is due, locked, the most urgent first; `moot` when there is nothing to tell any more."""
    return tx.rows(_TAKE, workspace=workspace, now=now, limit=limit)


def give_up(tx: Tx, ids: Sequence[UUID], state: State, now: datetime) -> None:
    """Nobody is told: DROPPED or FAILED."""
    tx.run("UPDATE notices SET state = :state, ended_at = :now WHERE id = ANY (:ids)", ids=list(ids), state=state.value, now=now)


def send(tx: Tx, places: Mapping[UUID, tuple[UUID, int]]) -> None:
    """They are on their way, as these messages."""
    tx.run_many(
        "UPDATE notices SET state = 'SENDING', batch_id = :batch, position = :position, tries = tries + 1 WHERE id = :id",
        [{"id": each, "batch": batch, "position": position} for each, (batch, position) in places.items()],
    )


def heard_of(tx: Tx, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """What is on its way and whose message is in a state that may end it; across workspaces."""
    return tx.rows(
        f"SELECT {every(notices, 'n')}, get_byte(b.states, n.position) AS message_state,"  # noqa: S608 - constants
        " b.id < :long_ago AS long_ago FROM notices n"
        " JOIN batches b ON b.id = n.batch_id WHERE n.state = 'SENDING' AND (get_byte(b.states, n.position) > 4"
        " OR (get_byte(b.states, n.position) = 4 AND b.id < :long_ago)) ORDER BY n.batch_id LIMIT :limit"
        " FOR UPDATE OF n SKIP LOCKED",
        long_ago=first_id(now - notice.PATIENCE),
        limit=limit,
    )


def end(tx: Tx, moves: Sequence[Mapping[str, Any]]) -> None:
    """Their new states: id, state, due (the next try of what is DUE again), ended."""
    tx.run_many("UPDATE notices SET state = :state, due_at = :due, ended_at = :ended WHERE id = :id", moves)


def outlook(tx: Tx, workspace: UUID, now: datetime) -> Sequence[Row[Any]]:
    """What waits by kind and scope: people, how many of them are late, and the first due."""
    return tx.rows(
        "SELECT kind, scope, count(*) AS people, count(*) FILTER (WHERE deadline_at <= :alarm) AS late,"
        " min(due_at) AS due_at, min(said_at) AS said_at, min(deadline_at) AS deadline_at"
        " FROM notices WHERE workspace_id = :workspace AND state = 'DUE' GROUP BY kind, scope ORDER BY kind, scope",
        workspace=workspace,
        alarm=now + notice.ALARM,
    )


def page(tx: Tx, wanted: listing.Page) -> listing.Rows:
    """Filter: state, kind. Order: create_time."""
    key = notices.c.id
    filters = {"state": lambda value: notices.c.state == value, "kind": lambda value: notices.c.kind == value}
    return listing.fetch(tx, sa.select(notices), wanted, key=key, filters=filters, orders={"create_time": key})

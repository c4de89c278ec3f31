"""Three shapes of a ledger, each as the least that is needed around the sealed floor: planned, claimed, recorded.

row     a row per message, inserted at plan, updated at claim and at record
append  a row per batch with its contacts as an array; a row per message COPYed at record
batch   a row per batch with contacts and states as arrays; a row per call (ours)

No counters, no checks, no text hashes in any of them. Where a message has a row of its own it can be found by its contact.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from core.db.ids import new_id
from core.rules.personalise import parse
from tests.bench import floors
from tests.bench.ground import BODY
from tests.bench.hands import SIZE, Task, Turn

ROLE = "jeondan_app"
_PRICE = Decimal("8.40")

SCHEMA = f"""
CREATE SCHEMA bench;
CREATE TABLE bench.messages_row (
    id bigint PRIMARY KEY, workspace_id uuid NOT NULL, campaign_id uuid NOT NULL, contact_id bigint NOT NULL,
    state smallint NOT NULL, attempt_id uuid, lease_until timestamptz, channel text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '', cost numeric(10, 2), sent_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX ON bench.messages_row (contact_id);
CREATE TABLE bench.batches_append (
    number int PRIMARY KEY, workspace_id uuid NOT NULL, campaign_id uuid NOT NULL, contact_ids bigint[] NOT NULL,
    state smallint NOT NULL, attempt_id uuid, lease_until timestamptz, reference text NOT NULL DEFAULT ''
);
CREATE TABLE bench.messages_append (
    batch int NOT NULL, position smallint NOT NULL, workspace_id uuid NOT NULL, contact_id bigint NOT NULL,
    state smallint NOT NULL, channel text NOT NULL, cost numeric(10, 2), sent_at timestamptz NOT NULL,
    PRIMARY KEY (batch, position)
);
CREATE INDEX ON bench.messages_append (contact_id);
CREATE TABLE bench.batches_batch (
    number int PRIMARY KEY, workspace_id uuid NOT NULL, campaign_id uuid NOT NULL, contact_ids bigint[] NOT NULL,
    states bytea NOT NULL, state smallint NOT NULL, lease_until timestamptz
);
CREATE TABLE bench.attempts_batch (
    id uuid PRIMARY KEY, workspace_id uuid NOT NULL, batch int NOT NULL, positions smallint[] NOT NULL, outcome text NOT NULL,
    channel text NOT NULL, reference text NOT NULL DEFAULT '', cost numeric(10, 2), sent_at timestamptz
);
GRANT USAGE ON SCHEMA bench TO {ROLE};
GRANT ALL ON ALL TABLES IN SCHEMA bench TO {ROLE};
"""

_PLAN_ARRAYS = f"""SELECT (id - %(first)s) / {SIZE}, %(workspace)s, gen_random_uuid(), array_agg(id ORDER BY id)"""
_FROM = f"FROM contacts WHERE id BETWEEN %(first)s AND %(last)s GROUP BY (id - %(first)s) / {SIZE}"

PLANS = {
    "row": "INSERT INTO bench.messages_row (id, workspace_id, campaign_id, contact_id, state)"
    " SELECT id - %(first)s, %(workspace)s, '00000000-0000-0000-0000-000000000001', id, 0"
    " FROM contacts WHERE id BETWEEN %(first)s AND %(last)s ORDER BY id",
    "append": "INSERT INTO bench.batches_append (number, workspace_id, campaign_id, contact_ids, state)"
    f" {_PLAN_ARRAYS}, 0 {_FROM}",
    "batch": "INSERT INTO bench.batches_batch (number, workspace_id, campaign_id, contact_ids, states, state)"
    f" {_PLAN_ARRAYS}, decode(repeat('00', count(*)::int), 'hex'), 0 {_FROM}",
}
TABLES = {
    "row": ("messages_row",),
    "append": ("batches_append", "messages_append"),
    "batch": ("batches_batch", "attempts_batch"),
}
DONE = {
    "row": "SELECT count(*) FROM bench.messages_row WHERE state = 4 AND reference <> ''",
    "append": "SELECT count(*) FROM bench.messages_append WHERE state = 4",
    "batch": "SELECT coalesce(sum(cardinality(positions)), 0) FROM bench.attempts_batch WHERE outcome = 'ACCEPTED'",
}

_CLAIM_ROWS = """WITH taken AS (
    UPDATE bench.messages_row SET state = 2, attempt_id = %s, lease_until = now() + interval '150 s'
    WHERE id BETWEEN %s AND %s AND state = 0 RETURNING contact_id)
SELECT c.phone_sealed, c.name FROM taken JOIN contacts c ON c.id = taken.contact_id"""
_RECORD_ROWS = """UPDATE bench.messages_row SET state = 4, channel = 'SMS', reference = %s, cost = 8.40, sent_at = now()
    WHERE id BETWEEN %s AND %s AND attempt_id = %s"""

_CLAIM = """UPDATE bench.batches_{shape} SET state = 1, attempt_id = %s, lease_until = now() + interval '150 s'
    WHERE number = %s AND state = 0 RETURNING contact_ids"""
_PEOPLE = "SELECT phone_sealed, name FROM contacts WHERE id = ANY(%s)"
_COPY = """COPY bench.messages_append (batch, position, workspace_id, contact_id, state, channel, cost, sent_at)
    FROM STDIN (FORMAT binary)"""
_COPY_TYPES = ("int4", "int2", "uuid", "int8", "int2", "text", "numeric", "timestamptz")


def row(task: Task) -> Callable[[], Turn]:
    """Claim and record by a range of the primary key: the cheapest update there is."""

    def handle(connection: psycopg.Connection[Any], batch: int, deliver: Callable[[Any], str]) -> None:
        ids, attempt = task.ids(batch), new_id()
        first, last = ids[0] - task.first, ids[-1] - task.first
        people = connection.execute(_CLAIM_ROWS, (attempt, first, last), prepare=True, binary=True).fetchall()
        connection.execute(_RECORD_ROWS, (deliver(people), first, last, attempt), prepare=True)

    return _loop(task, handle)


def append(task: Task) -> Callable[[], Turn]:
    """Claim the batch row, COPY the messages when they are accepted."""
    claim = _CLAIM.format(shape="append")

    def handle(connection: psycopg.Connection[Any], batch: int, deliver: Callable[[Any], str]) -> None:
        with connection.transaction():
            ids = _one(connection.execute(claim, (new_id(), batch), prepare=True, binary=True))
            people = connection.execute(_PEOPLE, (ids,), prepare=True, binary=True).fetchall()
        reference = deliver(people)
        with connection.transaction(), connection.cursor() as cursor:
            now = datetime.now(UTC)
            with cursor.copy(_COPY) as copy:
                copy.set_types(_COPY_TYPES)
                for position, contact in enumerate(ids):
                    copy.write_row((batch, position, task.workspace, contact, 4, "SMS", _PRICE, now))
            cursor.execute(
                "UPDATE bench.batches_append SET state = 3, reference = %s, lease_until = NULL WHERE number = %s",
                (reference, batch),
            )

    return _loop(task, handle)


def batch(task: Task) -> Callable[[], Turn]:
    """Claim the batch row and write the call down; when it is accepted, both once more."""
    claim = """UPDATE bench.batches_batch SET state = 1, states = decode(repeat('02', cardinality(contact_ids)), 'hex'),
        lease_until = now() + interval '150 s' WHERE number = %s AND state = 0 RETURNING contact_ids"""
    begin = """INSERT INTO bench.attempts_batch (id, workspace_id, batch, positions, outcome, channel)
        VALUES (%s, %s, %s, %s, 'OPEN', 'SMS')"""
    end = "UPDATE bench.attempts_batch SET outcome = 'ACCEPTED', reference = %s, cost = 8.40, sent_at = now() WHERE id = %s"
    finish = "UPDATE bench.batches_batch SET state = 3, states = %s, lease_until = NULL WHERE number = %s"

    def handle(connection: psycopg.Connection[Any], number: int, deliver: Callable[[Any], str]) -> None:
        attempt: UUID = new_id()
        with connection.transaction():
            ids = _one(connection.execute(claim, (number,), prepare=True, binary=True))
            people = connection.execute(_PEOPLE, (ids,), prepare=True, binary=True).fetchall()
            positions = list(range(len(ids)))
            connection.execute(begin, (attempt, task.workspace, number, positions), prepare=True)
        reference = deliver(people)
        with connection.transaction():
            connection.execute(end, (reference, attempt), prepare=True)
            connection.execute(finish, (bytes([4]) * len(ids), number), prepare=True)

    return _loop(task, handle)


def _loop(task: Task, handle: Callable[[psycopg.Connection[Any], int, Callable[[Any], str]], None]) -> Callable[[], Turn]:
    """The sealed floor with a ledger around the call."""
    body, unseal = parse(BODY), floors.opener(task.workspace)

    def deliver(people: Any) -> str:
        return floors.post(floors.encode(body, floors.opened(people, unseal)))

    def make() -> Turn:
        connection = floors.connect(task.workspace)
        return lambda number: handle(connection, number, deliver)

    return make


def _one(cursor: psycopg.Cursor[Any]) -> Any:
    found = cursor.fetchone()
    if found is None:
        raise RuntimeError("somebody else has this batch")
    return found[0]


LOOPS = {"row": row, "append": append, "batch": batch}

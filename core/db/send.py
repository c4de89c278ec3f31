"""Queries about the ledger: batches are claimed, attempts recorded, receipts appended; the state of a message is one byte."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db import certificates, driver, events, law, ledger_tables
from core.db.campaigns import SHARDS
from core.db.columns import every
from core.db.session import Tx
from core.rules.letter import GONE, Person
from core.rules.states import BatchState

# All but the contacts: 500 numbers that few look at, and the driver takes its time to read.
_BATCH = "b.id, b.workspace_id, b.campaign_id, b.states, b.reasons, b.state, b.due_at, b.attempt, b.lease_owner, b.fallen"

_CAMPAIGN = f"""c.purpose, c.purpose_agreed_by, c.goods, c.adult, {law.WORKSPACE},
    c.frozen_body, c.frozen_subject, c.sender, c.image_object, c.routes, c.expires_at,
    c.state AS campaign_state, c.kind, c.test, c.pace_people, c.pace_seconds, c.pace_free_at, c.batch_size, c.budget_krw,
    c.template_id, c.frozen_fallback"""

# Since when somebody waits for it.
_ASKED_AT = "coalesce(c.scheduled_at, c.launched_at) AS asked_at"
_ASKED = f"c.kind, c.test, {_ASKED_AT}"

# The accounts that may be called now: in use, sure of the sender number, certified for advertising, and not held back by
# their breaker. None in a database that was restored, until a person has compared it with the providers.
_USABLE = f"""FROM provider_accounts p JOIN provider_senders s ON s.provider_account_id = p.id
    WHERE s.sender_number_id = c.sender_number_id AND s.refused_at IS NULL AND p.state = 'ACTIVE'
    AND (p.breaker = 'CLOSED' OR p.breaker_until <= :now) AND (c.purpose <> 'AD' OR {certificates.CERTIFIED})
    AND to_regclass('public.restored') IS NULL"""

_ACCOUNTS = f"""(SELECT jsonb_object_agg(p.id, jsonb_build_object('breaker', p.breaker, 'most_calls', p.most_calls,
    'calls_per_second', p.calls_per_second, 'settle_seconds', p.settle_seconds, 'poll_seconds', p.poll_seconds))
    {_USABLE}) AS accounts"""

_ATTRIBUTES = """ARRAY(SELECT coalesce(c.attributes ->> k.name, '')
    FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY k(name, place) ORDER BY k.place)"""

_JOINED = "FROM batches b JOIN campaigns c ON c.id = b.campaign_id JOIN workspaces w ON w.id = b.workspace_id"

_ATTEMPT = f"""SELECT {every(ledger_tables.attempts, "a")}, p.settle_seconds, p.poll_seconds
    FROM attempts a JOIN provider_accounts p ON p.id = a.provider_account_id"""  # noqa: S608 - constants

_ADD_ATTEMPT = """INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel,
        sender, positions, text_hashes, unit_price, started_at)
    VALUES (:id, :workspace_id, :batch_id, :campaign_id, :number, :provider_account_id, :provider, :channel,
        :sender, CAST(:positions AS smallint[]), :text_hashes, :unit_price, :started_at)"""


def lock_batch(tx: Tx, batch: UUID, now: datetime) -> Row[Any] | None:
    """The batch with what its campaign froze and who may carry it now, locked; None when somebody else has it.

    `accounts` by id.
    """
    found: Row[Any] | None = driver.row(
        tx,
        f"SELECT {_BATCH}, b.number, b.first_contact, b.last_contact, {_CAMPAIGN}, {_ACCOUNTS} {_JOINED}"
        " WHERE b.id = :batch FOR UPDATE OF b SKIP LOCKED",
        batch=batch,
        now=now,
        **certificates.binds(now),
    )
    return found


def wait_for_batch(tx: Tx, batch: UUID) -> Row[Any] | None:
    """The same without accounts, but waits for whoever has it: news about a batch must not be dropped."""
    return tx.row(
        f"SELECT {every(ledger_tables.batches, 'b')}, {_CAMPAIGN}, {_ASKED_AT} {_JOINED} WHERE b.id = :batch FOR UPDATE OF b",
        batch=batch,
    )


def hold_batch(tx: Tx, batch: UUID) -> Row[Any] | None:
    """The batch with the breaker of the account that has it and the cap of its campaign, for whoever records."""
    found: Row[Any] | None = driver.row(
        tx,
        f"SELECT {_BATCH}, p.busy_count, p.breaker, c.budget_krw, {_ASKED} FROM batches b"  # noqa: S608 - constants
        " JOIN campaigns c ON c.id = b.campaign_id"
        " LEFT JOIN provider_accounts p ON p.id = b.provider_account_id WHERE b.id = :batch FOR UPDATE OF b",
        batch=batch,
    )
    return found


def get_batch(tx: Tx, batch: UUID) -> Row[Any] | None:
    """The batch with what its campaign froze, only to look."""
    return tx.row(f"SELECT {every(ledger_tables.batches, 'b')}, {_CAMPAIGN} {_JOINED} WHERE b.id = :batch", batch=batch)


def recipients(tx: Tx, batch: Row[Any], people: int, keys: Sequence[str], now: datetime) -> list[Person]:
    """The people of a batch by position, as they are at this instant; whoever is gone is GONE."""
    attributes = _ATTRIBUTES if keys else "''"  # no values: cheaper to read than an empty array
    found: list[Person] = driver.tuples(
        tx,
        f"SELECT c.name, {attributes}, {law.REASON}, {law.NIGHT}, c.phone_sealed, c.id"  # noqa: S608
        f" FROM contacts c {law.JOINED}"
        " WHERE c.id = ANY((SELECT contact_ids FROM batches WHERE id = :batch)::bigint[]) ORDER BY c.id",
        batch=batch.id,
        **law.binds(batch, batch.campaign_id, batch, now, (batch.first_contact, batch.last_contact)),
        **({"keys": list(keys)} if keys else {}),
    )
    if len(found) == people:  # the contacts of a batch are in ascending order, too
        return found
    present = {person[-1]: person for person in found}
    wanted = tx.value("SELECT contact_ids FROM batches WHERE id = :batch", batch=batch.id)
    return [present.get(contact, GONE) for contact in wanted]


def phones(tx: Tx, ids: Sequence[int]) -> dict[int, bytes]:
    """The sealed numbers of contacts, to compare with what a provider lists."""
    return {
        row.id: row.phone_sealed for row in tx.rows("SELECT id, phone_sealed FROM contacts WHERE id = ANY(:ids)", ids=list(ids))
    }


def add_attempts(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """One row per provider call about to be made; committed before the call. `positions` as the text of an array."""
    for row in rows:
        driver.later(tx, _ADD_ATTEMPT, **row)


def save_batch(tx: Tx, batch: UUID, values: Mapping[str, Any]) -> None:
    """Write what changed of a locked batch."""
    tx.run(f"UPDATE batches SET {_assigned(values)} WHERE id = :batch", batch=batch, **values)  # noqa: S608


def postpone(tx: Tx, batch: UUID, due_at: datetime) -> None:
    """A batch in nobody's hands waits until then."""
    tx.run("UPDATE batches SET due_at = :due_at WHERE id = :batch AND state = 0 AND due_at < :due_at", batch=batch, due_at=due_at)


def move_batch(
    tx: Tx, batch: UUID, values: Mapping[str, Any], deltas: Mapping[str, int], cost: Decimal, told: Mapping[str, Any]
) -> None:
    """The same, and in the same statement `deltas` people between the buckets of its campaign, as `campaigns.count` does.

    `told` are the events that go with it (events.told).
    """
    names = (*deltas, "cost")
    driver.later(
        tx,
        f"WITH moved AS (UPDATE batches SET {_assigned(values)} WHERE id = :batch RETURNING campaign_id, workspace_id)"  # noqa: S608
        f"{events.TOLD if told else ''} INSERT INTO campaign_counters (campaign_id, shard, workspace_id, {', '.join(names)})"
        f" SELECT campaign_id, pg_backend_pid() % :shards, workspace_id, {', '.join(f':{name}' for name in names)} FROM moved"
        " ON CONFLICT (campaign_id, shard) DO UPDATE"
        f" SET {', '.join(f'{name} = campaign_counters.{name} + excluded.{name}' for name in names)}",
        batch=batch,
        shards=SHARDS,
        cost=cost,
        **values,
        **deltas,
        **told,
    )


def finish_attempt(tx: Tx, attempt: UUID, values: Mapping[str, Any]) -> None:
    """How the call ended."""
    tx.run(f"UPDATE attempts SET {_assigned(values)} WHERE id = :attempt", attempt=attempt, **values)  # noqa: S608


def accept_attempt(tx: Tx, attempt: UUID, values: Mapping[str, Any], day: date, cost: Decimal) -> bool:
    """The call was accepted: tie the provider's reference to it, and count it for its workspace and (Korean) day.

    False, and nothing is written, when that reference belongs to another attempt already.
    """
    owned = driver.run(
        tx,
        f"""WITH owned AS (
            INSERT INTO provider_references (provider_account_id, reference, workspace_id, attempt_id)
            SELECT provider_account_id, :reference, workspace_id, id FROM attempts WHERE id = :attempt
            ON CONFLICT (provider_account_id, reference) DO UPDATE SET reference = excluded.reference
            WHERE provider_references.attempt_id = excluded.attempt_id RETURNING workspace_id
        ), ended AS (
            UPDATE attempts SET {_assigned(values)} WHERE id = :attempt AND EXISTS (SELECT FROM owned)
        ), counted AS (
            INSERT INTO workspace_days (workspace_id, day, channel, shard, accepted, cost)
            SELECT workspace_id, :day, :channel, pg_backend_pid() % :shards, :accepted, :cost FROM owned
            WHERE EXISTS (SELECT FROM attempts WHERE id = :attempt AND provider <> 'rehearsal')
            ON CONFLICT (workspace_id, day, channel, shard) DO UPDATE
            SET accepted = workspace_days.accepted + excluded.accepted, cost = workspace_days.cost + excluded.cost
        ) SELECT FROM owned""",  # noqa: S608
        attempt=attempt,
        day=day,
        cost=cost,
        shards=SHARDS,
        **values,
    )
    return bool(owned)


def _assigned(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = CAST(:{name} AS jsonb)" if name == "reasons" else f"{name} = :{name}" for name in values)


def owned_references(tx: Tx, account: UUID, references: Sequence[str]) -> set[str]:
    """Which of the provider's ids belong to an attempt already."""
    rows = tx.rows(
        "SELECT reference FROM provider_references WHERE provider_account_id = :account AND reference = ANY(:references)",
        account=account,
        references=list(references),
    )
    return {row.reference for row in rows}


def attempts(tx: Tx, batch: UUID) -> Sequence[Row[Any]]:
    """Every attempt of a batch with the rhythm of its account, oldest first."""
    return tx.rows(f"{_ATTEMPT} WHERE a.batch_id = :batch ORDER BY a.id", batch=batch)


def get_attempt(tx: Tx, attempt: UUID) -> Row[Any] | None:
    """One attempt with the rhythm of its account."""
    return tx.row(f"{_ATTEMPT} WHERE a.id = :attempt", attempt=attempt)


def note_reference(tx: Tx, attempt: UUID, owner: UUID, number: int, reference: str) -> bool:
    """Write down what the provider calls this attempt, before anything can leave; False when its lease is lost."""
    return bool(
        driver.run(
            tx,
            "UPDATE attempts a SET reference = :reference WHERE id = :attempt AND outcome = 'OPEN' AND EXISTS"
            " (SELECT FROM batches b WHERE b.id = a.batch_id AND b.lease_owner = :owner AND b.attempt = :number FOR UPDATE)",
            attempt=attempt,
            owner=owner,
            number=number,
            reference=reference,
        )
    )


def superseded(tx: Tx, batch: UUID, number: int) -> set[int]:
    """The positions that an attempt later than `number` has taken up."""
    rows = tx.rows(
        "SELECT DISTINCT unnest(positions) AS position FROM attempts WHERE batch_id = :batch AND number > :number"
        " AND outcome IN ('OPEN', 'UNKNOWN', 'ACCEPTED')",
        batch=batch,
        number=number,
    )
    return {row.position for row in rows}


def add_receipt(tx: Tx, values: Mapping[str, Any]) -> None:
    """What the provider reported, as it came; never changed afterwards."""
    tx.run(
        "INSERT INTO receipts (id, workspace_id, batch_id, attempt_id, positions, states, words, received_at)"
        " VALUES (:id, :workspace_id, :batch_id, :attempt_id, :positions, :states, CAST(:words AS jsonb), :received_at)",
        **values,
    )


# --- what the sweeper asks, across workspaces ---------------------------------------------------------------------


def due_batches(tx: Tx, due: datetime, now: datetime, limit: int, kind: str = "CAMPAIGN") -> Sequence[Row[Any]]:
    """Batches of this kind that could be handed over and are in nobody's hands, oldest first; least-busy workspace first."""
    return tx.rows(
        "WITH open AS MATERIALIZED (SELECT c.id FROM campaigns c WHERE c.state IN ('PLANNING', 'SENDING') AND c.kind = :kind"  # noqa: S608 - constants
        f" AND EXISTS (SELECT {_USABLE} AND c.routes @> jsonb_build_array(jsonb_build_object('account', p.id::text))))"
        " SELECT id, workspace_id FROM (SELECT b.id, b.workspace_id, b.due_at,"
        " row_number() OVER (PARTITION BY b.workspace_id ORDER BY b.due_at, b.id) AS turn"
        " FROM batches b JOIN open ON open.id = b.campaign_id WHERE b.state = 0 AND b.due_at <= :due) waiting"
        " ORDER BY turn, due_at LIMIT :limit",
        due=due,
        now=now,
        **certificates.binds(now),
        kind=kind,
        limit=limit,
    )


def abandoned_batches(tx: Tx, now: datetime, alive_since: datetime, limit: int = 200) -> Sequence[Row[Any]]:
    """Batches whose worker is gone or has held them too long."""
    return tx.rows(
        "SELECT b.id, b.workspace_id, b.attempt FROM batches b LEFT JOIN worker_processes w ON w.id = b.lease_owner"
        " WHERE b.state = 1 AND (b.lease_until < :now OR w.seen_at IS NULL OR w.seen_at < :alive_since) LIMIT :limit",
        now=now,
        alive_since=alive_since,
        limit=limit,
    )


def take_unknown_batches(tx: Tx, now: datetime, again_at: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Batches whose fate the provider has to be asked about now; the next look is set before this one is queued."""
    return tx.rows(
        "UPDATE batches SET due_at = :again_at WHERE id IN (SELECT id FROM batches WHERE state = 2 AND due_at <= :now"
        " ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING id, workspace_id",
        now=now,
        again_at=again_at,
        limit=limit,
    )


def take_due_polls(tx: Tx, now: datetime, again_at: datetime, limit: int = 500) -> Sequence[Row[Any]]:
    """Accepted calls whose results are to be read now."""
    return tx.rows(
        "UPDATE attempts SET poll_at = :again_at WHERE id IN (SELECT id FROM attempts WHERE poll_at <= :now"
        " ORDER BY poll_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING id, workspace_id",
        now=now,
        again_at=again_at,
        limit=limit,
    )


def unknown_messages(tx: Tx) -> int:
    """How many messages wait for the provider's word on whether they were accepted."""
    return int(tx.value("SELECT coalesce(sum(unknown), 0) FROM campaign_counters k JOIN campaigns c ON c.id = k.campaign_id"
                        " WHERE c.state IN ('PLANNING', 'SENDING', 'PAUSED')") or 0)  # fmt: skip


def open_batches(tx: Tx, campaign: UUID, limit: int) -> Sequence[Row[Any]]:
    """Batches of an ended campaign that still hold people who were not handed over, locked."""
    return tx.rows(
        "SELECT id, campaign_id, states, reasons FROM batches WHERE campaign_id = :campaign AND state = :ready"
        " ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED",
        campaign=campaign,
        ready=int(BatchState.READY),
        limit=limit,
    )


def beat(tx: Tx, worker: UUID, lanes: str, now: datetime, skew_seconds: int = 0) -> datetime:
    """This worker process is alive; what time it is for the database."""
    told: datetime = tx.value(
        "INSERT INTO worker_processes (id, lanes, seen_at, skew_seconds) VALUES (:worker, :lanes, :now, :skew_seconds)"
        " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, skew_seconds = excluded.skew_seconds"
        " RETURNING clock_timestamp()",
        worker=worker,
        lanes=lanes,
        now=now,
        skew_seconds=skew_seconds,
    )
    return told


def forget_workers(tx: Tx, before: datetime) -> None:
    """Processes that have been silent for long."""
    tx.run("DELETE FROM worker_processes WHERE seen_at < :before", before=before)


def leave(tx: Tx, worker: UUID) -> None:
    """This worker process ends in order."""
    tx.run("DELETE FROM worker_processes WHERE id = :worker", worker=worker)

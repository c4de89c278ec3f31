"""The ledger's promises as questions to the database: every answer is a list of sentences, empty when all is well.

For any test that has a superuser's (or the owner's) connection and something that ran; nothing here knows how it was sent.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from core.db.tables import BUCKETS
from core.rules.states import BatchState, MessageState

Connection = psycopg.Connection[Any]
Found = list[str]

_OVER = {MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.FAILED}
_BUCKET = {MessageState.EXCLUDED: "excluded", MessageState.FAILED: "failed"}


class Ledger:
    """Everything the database says about one campaign, read in one transaction."""

    def __init__(self, connection: Connection, campaign: UUID | str) -> None:
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

            def rows(statement: str) -> list[dict[str, Any]]:
                return cursor.execute(statement, {"campaign": campaign}).fetchall()

            self.campaign = rows("SELECT * FROM campaigns WHERE id = %(campaign)s")[0]
            self.batches = rows("SELECT * FROM batches WHERE campaign_id = %(campaign)s ORDER BY id")
            self.attempts = rows("SELECT * FROM attempts WHERE campaign_id = %(campaign)s ORDER BY id")
            self.exclusions = rows("SELECT * FROM exclusions WHERE campaign_id = %(campaign)s")
            self.reasons = rows("SELECT * FROM campaign_reasons WHERE campaign_id = %(campaign)s AND people <> 0")
            self.owned = rows("SELECT r.* FROM provider_references r JOIN attempts a ON a.id = r.attempt_id"
                              " WHERE a.campaign_id = %(campaign)s")  # fmt: skip
            sums = ", ".join(f"coalesce(sum({name}), 0)::int AS {name}" for name in BUCKETS)
            self.counters = rows(f"SELECT {sums}, coalesce(sum(cost), 0) AS cost FROM campaign_counters"
                                 " WHERE campaign_id = %(campaign)s")[0]  # fmt: skip

    @property
    def accepted(self) -> list[dict[str, Any]]:
        """The attempts that the provider took."""
        return [attempt for attempt in self.attempts if attempt["outcome"] == "ACCEPTED"]

    def states(self) -> Counter[MessageState]:
        """People by the state their byte has."""
        return Counter(MessageState(byte) for batch in self.batches for byte in batch["states"])

    def holders(self) -> dict[tuple[UUID, int], list[UUID]]:
        """By batch and position: the accepted attempts that hold it."""
        held: dict[tuple[UUID, int], list[UUID]] = {}
        for attempt in self.accepted:
            for position in attempt["positions"]:
                held.setdefault((attempt["batch_id"], position), []).append(attempt["id"])
        return held

    def cost(self) -> Decimal:
        """What was accepted, at its price."""
        return sum((one["accepted"] * one["unit_price"] for one in self.accepted), Decimal(0))


def violations(connection: Connection, campaign: UUID | str, *, at_rest: bool = True, retried: bool = False) -> Found:
    """Everything that does not hold. `at_rest`: nobody is working any more; `retried`: who failed may have gone again."""
    ledger = Ledger(connection, campaign)
    found = [*complete(ledger), *counted(ledger), *paid(ledger), *owned(ledger), *explained(ledger)]
    found += held_once(ledger) if not retried else []
    found += resting(ledger) if at_rest else []
    return found


def complete(ledger: Ledger) -> Found:
    """I1: a person is in exactly one bucket, and in at most one batch."""
    found, counters = [], ledger.counters
    buckets = sum(counters[name] for name in BUCKETS if name != "selected")
    if counters["selected"] != buckets:
        found.append(f"selected {counters['selected']} is not the sum of the buckets, {buckets}")
    found += [f"{name} is {counters[name]}" for name in BUCKETS if counters[name] < 0]
    for batch in ledger.batches:
        if len(batch["states"]) != len(batch["contact_ids"]):
            found.append(f"batch {batch['id']} has {len(batch['contact_ids'])} people and {len(batch['states'])} states")
    if ledger.campaign["kind"] == "CAMPAIGN":
        people = Counter(contact for batch in ledger.batches for contact in batch["contact_ids"])
        people.update(contact for row in ledger.exclusions for contact in row["contact_ids"])
        found += [f"contact {contact} stands in the plan {times} times" for contact, times in people.items() if times > 1]
    return found


def counted(ledger: Ledger) -> Found:
    """I1: the counters are the sums of the bytes (and of those whom the plan left out)."""
    truth = Counter({state.name.lower(): people for state, people in ledger.states().items()})
    truth["excluded"] += sum(len(row["contact_ids"]) for row in ledger.exclusions)
    return [
        f"counter {name} says {ledger.counters[name]}, the batches say {truth[name]}"
        for name in BUCKETS
        if name != "selected" and ledger.counters[name] != truth[name]
    ]


def paid(ledger: Ledger) -> Found:
    """I7: the cost is what was accepted, at its price."""
    counted, truth = ledger.counters["cost"], ledger.cost()
    return [] if counted == truth else [f"cost is {counted}, what was accepted comes to {truth}"]


def owned(ledger: Ledger) -> Found:
    """Each accepted attempt owns the provider's reference it names, and no other attempt owns any."""
    named = {attempt["id"]: attempt["reference"] for attempt in ledger.accepted}
    owns = {row["attempt_id"]: row["reference"] for row in ledger.owned}
    noted = {attempt["id"]: attempt["reference"] for attempt in ledger.attempts if attempt["reference"]}
    found = [f"attempt {one} was accepted as {reference!r} and owns {owns.get(one)!r}"
             for one, reference in named.items() if not reference or owns.get(one) != reference]  # fmt: skip
    return found + [f"attempt {one} owns {reference!r} and was not given it"
                    for one, reference in owns.items() if noted.get(one) != reference]  # fmt: skip


def explained(ledger: Ledger) -> Found:
    """Whoever was left out or failed has a reason, and reasons are counted right."""
    truth: Counter[tuple[str, str]] = Counter()
    found = []
    for row in ledger.exclusions:
        truth["excluded", row["reason"]] += len(row["contact_ids"])
    for batch in ledger.batches:
        for position, byte in enumerate(batch["states"]):
            bucket, reason = _BUCKET.get(MessageState(byte)), batch["reasons"].get(str(position))
            if bucket and reason:
                truth[bucket, reason] += 1
            elif bool(bucket) != bool(reason):
                found.append(f"batch {batch['id']} position {position}: {MessageState(byte).name} with reason {reason}")
    counted = {(row["bucket"], row["reason"]): row["people"] for row in ledger.reasons}
    if counted != dict(truth):
        found.append(f"reasons are counted as {counted}, and are {dict(truth)}")
    return found


def held_once(ledger: Ledger) -> Found:
    """I2: no person stands in two accepted calls; who stands in one is accepted or further, and the other way round."""
    held, found = ledger.holders(), []
    for batch in ledger.batches:
        for position, byte in enumerate(batch["states"]):
            calls, state = held.get((batch["id"], position), []), MessageState(byte)
            if len(calls) > 1:
                found.append(f"batch {batch['id']} position {position} stands in {len(calls)} accepted calls")
            if calls and state not in _OVER:
                found.append(f"batch {batch['id']} position {position} stands in an accepted call and is {state.name}")
            if not calls and state in (MessageState.ACCEPTED, MessageState.DELIVERED):
                found.append(f"batch {batch['id']} position {position} is {state.name} and stands in no accepted call")
    return found


def resting(ledger: Ledger) -> Found:
    """I3: in the end nothing is in anybody's hands and nothing is unknown."""
    found = [f"{ledger.counters[name]} people are {name}" for name in ("claimed", "unknown") if ledger.counters[name]]
    for attempt in ledger.attempts:
        if attempt["outcome"] in ("OPEN", "UNKNOWN"):
            found.append(f"attempt {attempt['id']} is {attempt['outcome']}")
    for batch in ledger.batches:
        if BatchState(batch["state"]) in (BatchState.LEASED, BatchState.UNKNOWN) or batch["lease_owner"]:
            found.append(f"batch {batch['id']} is {BatchState(batch['state']).name}, held by {batch['lease_owner']}")
    return found


def days(connection: Connection, workspace: UUID | str) -> Found:
    """I7: what a workspace is told about its days is what its attempts came to, per channel."""
    counted = _by_channel(connection, "SELECT channel, sum(accepted), sum(cost) FROM workspace_days", workspace)
    truth = _by_channel(
        connection,
        "SELECT channel, sum(accepted), sum(accepted * unit_price) FROM attempts",
        workspace,
        " AND outcome = 'ACCEPTED'",
    )
    return [] if counted == truth else [f"the days of {workspace} say {counted}, its attempts {truth}"]


def _by_channel(
    connection: Connection, question: str, workspace: UUID | str, more: str = ""
) -> Mapping[str, tuple[int, Decimal]]:
    statement = f"{question} WHERE workspace_id = %s{more} GROUP BY channel"
    return {channel: (int(people), cost) for channel, people, cost in connection.execute(statement, [workspace]) if people}

"""Queries about campaigns: drafts, the audience they select, the plan, the counters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core import clock
from core.db import events, law, selection
from core.db.ids import new_id
from core.db.listing import Page, Rows, contains, fetch
from core.db.selection import Selection
from core.db.session import Tx
from core.db.tables import BUCKETS, campaigns
from core.rules.events import DONE, PAUSED
from core.rules.states import CampaignState

SHARDS = 32
RUNNING = (CampaignState.PLANNING, CampaignState.SENDING)


def add(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> UUID:
    """A new draft."""
    campaign = new_id()
    draft = {"id": campaign, "workspace_id": workspace, "state": CampaignState.DRAFT, "created_at": now, **values}
    tx.run(campaigns.insert().values(draft))
    return campaign


def get(tx: Tx, campaign: UUID, *, lock: bool = False) -> Row[Any] | None:
    """One campaign of this workspace. The lock lets others refer to it: their counters are first rows that do.

    What SendService made is none.
    """
    query = sa.select(campaigns).where(campaigns.c.id == campaign, campaigns.c.kind == "CAMPAIGN")
    return tx.row(query.with_for_update(key_share=True) if lock else query)


def update(tx: Tx, campaign: UUID, values: Mapping[str, Any]) -> None:
    """Change a campaign; its version goes up."""
    query = campaigns.update().where(campaigns.c.id == campaign)
    tx.run(query.values({**values, "version": campaigns.c.version + 1}))


def page(tx: Tx, wanted: Page) -> Rows:
    """One page of campaigns."""
    query = sa.select(campaigns).where(campaigns.c.kind == "CAMPAIGN")
    if not wanted.archived:
        query = query.where(campaigns.c.archived_at.is_(None))
    filters = {
        "state": lambda text: campaigns.c.state == text,
        "purpose": lambda text: campaigns.c.purpose == text,
        "name": lambda text: contains(campaigns.c.name, text),
    }
    orders = {"create_time": campaigns.c.id, "name": campaigns.c.name}
    return fetch(tx, query, wanted, key=campaigns.c.id, filters=filters, orders=orders)


def counters(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Where everybody is, per campaign: the buckets, and `cost` in won (decimal)."""
    sums = ", ".join(f"sum({name})::int AS {name}" for name in BUCKETS)
    rows = tx.rows(
        f"SELECT campaign_id, {sums}, sum(cost) AS cost FROM campaign_counters"  # noqa: S608
        " WHERE campaign_id = ANY(:ids) GROUP BY campaign_id",
        ids=list(ids),
    )
    return {row.campaign_id: dict(row._mapping) for row in rows}


def reasons(tx: Tx, ids: Sequence[UUID]) -> list[Row[Any]]:
    """(campaign_id, bucket, reason, people) of everybody excluded or failed."""
    return list(
        tx.rows(
            "SELECT campaign_id, bucket, reason, people FROM campaign_reasons"
            " WHERE campaign_id = ANY(:ids) AND people > 0 ORDER BY people DESC, reason",
            ids=list(ids),
        )
    )


def count(tx: Tx, campaign: UUID, deltas: Mapping[str, int], cost: Decimal = Decimal(0)) -> None:
    """Move people between buckets: `deltas` are signed and, but for a plan, sum to zero.

    The shard follows from the connection, so that one transaction holds one shard however often it counts: two that
    count several batches each can never wait for each other.
    """
    changed = {name: delta for name, delta in deltas.items() if delta}
    if not changed and not cost:
        return
    names = ", ".join((*changed, "cost"))
    values = ", ".join((*(f":{name}" for name in changed), ":cost"))
    sums = ", ".join(f"{name} = campaign_counters.{name} + excluded.{name}" for name in (*changed, "cost"))
    tx.run(
        f"INSERT INTO campaign_counters (campaign_id, shard, workspace_id, {names})"  # noqa: S608
        f" SELECT id, pg_backend_pid() % :shards, workspace_id, {values} FROM campaigns WHERE id = :campaign"
        f" ON CONFLICT (campaign_id, shard) DO UPDATE SET {sums}",
        campaign=campaign,
        shards=SHARDS,
        cost=cost,
        **changed,
    )


def count_reasons(tx: Tx, campaign: UUID, bucket: str, people: Mapping[str, int]) -> None:
    """Add people to the reasons of a bucket, in a fixed order so that two transactions never wait for each other."""
    if people:
        names = sorted(people)
        tx.run(
            "INSERT INTO campaign_reasons (campaign_id, bucket, reason, workspace_id, people)"
            " SELECT c.id, :bucket, r.reason, c.workspace_id, r.people FROM campaigns c,"
            " unnest(CAST(:names AS text[]), CAST(:numbers AS int[])) AS r(reason, people) WHERE c.id = :campaign"
            " ORDER BY r.reason ON CONFLICT (campaign_id, bucket, reason)"
            " DO UPDATE SET people = campaign_reasons.people + excluded.people",
            campaign=campaign,
            bucket=bucket,
            names=names,
            numbers=[people[name] for name in names],
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step of planning did."""

    selected: int
    last: int | None
    batches: tuple[tuple[UUID, int, datetime], ...]  # id, people, when it is due
    excluded: dict[str, int]


def audience_end(tx: Tx, campaign: Row[Any]) -> tuple[int, int]:
    """(the last contact there is now, how many contacts the audience selects up to it)."""
    chosen = selection.of_campaign(tx, campaign)
    row = tx.row(
        f"SELECT coalesce(max(c.id), 0) AS last, count(*) AS people FROM contacts c {chosen.joins} WHERE {chosen.where}",  # noqa: S608
        **chosen.values,
    )
    return (row.last, row.people) if row else (0, 0)


def reaches_anybody(tx: Tx, campaign: Row[Any]) -> bool:
    """Whether the audience holds somebody who may get this campaign."""
    chosen = selection.of_campaign(tx, campaign)
    return bool(
        tx.value(
            f"SELECT EXISTS (SELECT 1 FROM contacts c {law.JOINED} {chosen.joins}"  # noqa: S608
            f" WHERE {chosen.where} AND {law.REASON} IS NULL)",
            **chosen.values,
            **law.of_campaign(tx, campaign, clock.now()),
        )
    )


def reached(tx: Tx, campaign: Row[Any]) -> int:
    """How many of the audience may get this campaign."""
    chosen = selection.of_campaign(tx, campaign)
    found = tx.value(
        f"SELECT count(*) FROM contacts c {law.JOINED} {chosen.joins}"  # noqa: S608
        f" WHERE {chosen.where} AND {law.REASON} IS NULL",
        **chosen.values,
        **law.of_campaign(tx, campaign, clock.now()),
    )
    return int(found or 0)


def due_schedules(tx: Tx, now: datetime, limit: int = 100) -> Sequence[Row[Any]]:
    """Campaigns that were to start by now, in every workspace."""
    return tx.rows(
        "SELECT id, workspace_id FROM campaigns WHERE state = 'SCHEDULED' AND scheduled_at <= :now"
        " ORDER BY scheduled_at LIMIT :limit",
        now=now,
        limit=limit,
    )


def plan_chunk(tx: Tx, campaign: Row[Any], *, people: int, size: int, slots: Sequence[datetime]) -> Chunk:
    """Move the next `people` contacts of the audience into batches of `size`, each due at its slot, or into exclusions.

    One statement; there are at least people / size + 1 slots.
    """
    ids, now = [new_id() for _ in slots], clock.now()
    chosen = selection.of_campaign(tx, campaign, after=campaign.plan_cursor, until=campaign.plan_until)
    row = tx.row(
        f"""WITH picked AS MATERIALIZED (
            SELECT c.id, {law.REASON} AS reason FROM (
                SELECT c.* FROM contacts c {chosen.joins}
                WHERE {chosen.where} AND c.id > :after AND c.id <= :until
                ORDER BY c.id LIMIT :people) c {law.JOINED}
        ), good AS (
            SELECT coalesce(array_agg(id ORDER BY id), '{{}}') AS ids FROM picked WHERE reason IS NULL
        ), cut AS (
            SELECT number, ids[(number - 1) * :size + 1 : number * :size] AS contact_ids
            FROM good, generate_series(1, (cardinality(ids) + :size - 1) / :size) number
        ), made AS (
            INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, state, due_at)
            SELECT (CAST(:ids AS uuid[]))[number], :workspace, :campaign, contact_ids[1],
                   contact_ids[cardinality(contact_ids)], contact_ids,
                   decode(repeat('00', cardinality(contact_ids)), 'hex'), 0, (CAST(:slots AS timestamptz[]))[number]
            FROM cut ORDER BY number RETURNING id, cardinality(contact_ids) AS people
        ), left_out AS (
            INSERT INTO exclusions (workspace_id, campaign_id, reason, contact_ids, decided_at)
            SELECT :workspace, :campaign, reason, array_agg(id ORDER BY id), :decided_at
            FROM picked WHERE reason IS NOT NULL GROUP BY reason
            RETURNING reason, cardinality(contact_ids) AS people
        )
        SELECT (SELECT count(*) FROM picked) AS selected, (SELECT max(id) FROM picked) AS last,
               (SELECT json_agg(json_build_array(id, people) ORDER BY id) FROM made) AS batches,
               (SELECT json_object_agg(reason, people) FROM left_out) AS excluded""",  # noqa: S608
        **chosen.values,
        after=campaign.plan_cursor,
        until=campaign.plan_until,
        **_asked(tx, campaign, chosen, now, people, (campaign.plan_cursor, campaign.plan_until)),
        decided_at=now,
        people=people,
        size=size,
        ids=ids,
        slots=list(slots),
    )
    if row is None:
        raise RuntimeError("planning returned no row")
    due = dict(zip(ids, slots, strict=True))
    batches = tuple((UUID(batch), int(size), due[UUID(batch)]) for batch, size in row.batches or ())
    return Chunk(row.selected, row.last, batches, row.excluded or {})


def advance_plan(tx: Tx, campaign: UUID, *, cursor: int, finished: bool, last_slot: datetime | None = None) -> None:
    """Remember how far the plan has come; when it is finished, sending is all that is left."""
    tx.run(
        "UPDATE campaigns SET plan_cursor = :cursor, planned = :finished, pace_end_at = coalesce(:last_slot, pace_end_at),"
        " state = CASE WHEN :finished AND state = 'PLANNING' THEN 'SENDING' ELSE state END WHERE id = :campaign",
        campaign=campaign,
        cursor=cursor,
        finished=finished,
        last_slot=last_slot,
    )


def audience(tx: Tx, campaign: Row[Any], *, after: int, people: int, keys: Iterable[str]) -> Sequence[Row[Any]]:
    """The next contacts an audience selects, with the reason that leaves them out (or NULL) and the values of variables."""
    chosen = selection.of_campaign(tx, campaign, after=after)
    return tx.rows(
        f"""SELECT c.id, c.name, c.phone_sealed, {law.REASON} AS reason, {law.NIGHT} AS night,
            ARRAY(SELECT coalesce(c.attributes ->> k.name, '') FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY k(name, place)
                  ORDER BY k.place) AS attributes
        FROM contacts c {law.JOINED} {chosen.joins}
        WHERE {chosen.where} AND c.id > :after ORDER BY c.id LIMIT :people""",  # noqa: S608
        **chosen.values,
        after=after,
        people=people,
        keys=list(keys),
        **_asked(tx, campaign, chosen, clock.now(), people, (after, law.ALL[1])),
    )


def _asked(
    tx: Tx, campaign: Row[Any], chosen: Selection, now: datetime, people: int, contacts: tuple[int, int]
) -> dict[str, Any]:
    """What the law asks about the next `people` of an audience. With a cap, only the batches that hold them are opened."""
    values = law.of_campaign(tx, campaign, now, contacts)
    if values["ad"] and values["ad_cap"] and not chosen.joins:
        values["last_contact"] = tx.value(
            f"SELECT coalesce(max(id), 0) FROM (SELECT c.id FROM contacts c WHERE {chosen.where}"  # noqa: S608
            " AND c.id > :after AND c.id <= :until ORDER BY c.id LIMIT :people) next",
            **chosen.values,
            after=contacts[0],
            until=contacts[1],
            people=people,
        )
    return values


def finish_done(tx: Tx, now: datetime) -> list[UUID]:
    """Running campaigns, planned to the end, of which nobody is left to be handed over, become DONE."""
    rows = tx.rows(
        "UPDATE campaigns c SET state = 'DONE', ended_at = :now, waiting_for = ''"
        " WHERE c.planned AND c.state IN ('PLANNING', 'SENDING') AND (SELECT coalesce(sum(planned + held + claimed + unknown), 0)"
        " FROM campaign_counters k WHERE k.campaign_id = c.id) = 0"
        " RETURNING c.id",
        now=now,
    )
    events.tell(tx, DONE, done := [row.id for row in rows], now)
    return done


def reopen(tx: Tx, campaign: UUID) -> None:
    """Somebody of a campaign that was done waits to be handed over again."""
    tx.run("UPDATE campaigns SET state = 'SENDING', ended_at = NULL WHERE id = :campaign AND state = 'DONE'", campaign=campaign)


def stalled_plans(tx: Tx) -> Sequence[Row[Any]]:
    """Campaigns whose plan is not finished: planning them again is harmless."""
    return tx.rows("SELECT id, workspace_id FROM campaigns WHERE state IN ('PLANNING', 'SENDING') AND NOT planned")


def pause(tx: Tx, campaign: UUID, waiting_for: str = "") -> None:
    """Stop handing over; takes effect at the next claim."""
    if tx.run(
        "UPDATE campaigns SET state = 'PAUSED', waiting_for = :waiting_for, paused_at = :now, version = version + 1"
        " WHERE id = :campaign AND state IN ('PLANNING', 'SENDING')",
        campaign=campaign,
        now=clock.now(),
        waiting_for=waiting_for,
    ):
        events.tell(tx, PAUSED, [campaign], clock.now())


def ended_with_open_batches(tx: Tx, now: datetime) -> Sequence[Row[Any]]:
    """Campaigns that are cancelled or past their time and still have people waiting."""
    return tx.rows(
        "SELECT DISTINCT c.id, c.workspace_id, c.state FROM campaigns c JOIN batches b ON b.campaign_id = c.id AND b.state = 0"
        " WHERE c.state = 'CANCELLED' OR c.expires_at <= :now",
        now=now,
    )

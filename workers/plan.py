"""Plan: turn a campaign's audience into batches and exclusions, in bounded chunks, as often as it takes."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import dramatiq

from core import clock, jobs
from core.db import accounts, campaigns
from core.db.session import Row, database
from core.rules.pace import Pace, agreed
from core.rules.states import CampaignState
from workers.ledger import as_ids

CHUNK = 20_000
FIRST = 4_000  # so that workers have something to do while the rest is planned
LONG_LANE = 400  # batches; several seconds of work for any number of workers
RUNNING = (CampaignState.PLANNING, CampaignState.SENDING)


@dramatiq.actor(actor_name="plan_campaign", queue_name=jobs.PLAN, max_retries=0)
def plan_campaign(workspace: str, campaign: str) -> None:
    """Job: plan to the end. Running it again, or twice at once, plans nobody twice."""
    plan(*as_ids(workspace, campaign))


def plan(workspace: UUID, campaign: UUID, *, chunk: int = CHUNK) -> None:
    """Chunk by chunk; each is one transaction that also remembers how far it came."""
    if plan_step(workspace, campaign, chunk=min(FIRST, chunk)):
        while plan_step(workspace, campaign, chunk=chunk):
            pass


def plan_step(workspace: UUID, campaign_id: UUID, *, chunk: int = CHUNK) -> bool:
    """One chunk; whether there is more."""
    with database().write(workspace) as tx:
        campaign = campaigns.get(tx, campaign_id, lock=True)
        if campaign is None or campaign.planned or campaign.state not in RUNNING:
            return False
        now = clock.now()
        rests = accounts.quiet_hours(tx, workspace) if campaign.purpose == "AD" else None
        pace = agreed(campaign.pace_people, campaign.pace_seconds, most=campaign.batch_size, rests=rests)
        size = pace.size if pace else campaign.batch_size
        done = campaigns.plan_chunk(tx, campaign, people=chunk, size=size, slots=_slots(pace, campaign, chunk // size + 1, now))
        finished = done.selected < chunk
        people = sum(size for _, size, _ in done.batches)
        left_out = sum(done.excluded.values())
        # reasons before counters, as everywhere: transactions that take both never wait for each other
        campaigns.count_reasons(tx, campaign_id, "excluded", done.excluded)
        campaigns.count(tx, campaign_id, {"selected": done.selected, "planned": people, "excluded": left_out})
        last_slot = max((due_at for _, _, due_at in done.batches), default=None) if pace else None
        cursor = done.last or campaign.plan_cursor
        campaigns.advance_plan(tx, campaign_id, cursor=cursor, finished=finished, last_slot=last_slot)
        tx.after_commit(lambda: _queue(workspace, [batch for batch, _, due_at in done.batches if due_at <= now]))
    return not finished


def _queue(workspace: UUID, batches: Sequence[UUID]) -> None:
    """What is due, while the lane is short: behind a long one the sweeper lets the least busy workspaces go first.

    What is due later is no job yet: the sweeper finds it when its time comes.
    """
    jobs.deliver_batches(workspace, batches[: max(0, LONG_LANE - jobs.depth(jobs.BULK))])


def _slots(pace: Pace | None, campaign: Row[Any], count: int, now: datetime) -> list[datetime]:
    if pace is None:
        return [now] * count
    return list(islice(pace.following(pace.first(now, campaign.pace_end_at)), count))

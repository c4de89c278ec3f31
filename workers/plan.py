"""Plan: turn a campaign's audience into batches and exclusions, in bounded chunks, as often as it takes."""

from uuid import UUID

import dramatiq

from core import clock, jobs
from core.db import campaigns
from core.db.session import database
from core.rules.states import CampaignState
from workers.ledger import as_ids

CHUNK = 20_000
RUNNING = (CampaignState.PLANNING, CampaignState.SENDING)


@dramatiq.actor(actor_name="plan_campaign", queue_name=jobs.PLAN, max_retries=0)
def plan_campaign(workspace: str, campaign: str) -> None:
    """Job: plan to the end. Running it again, or twice at once, plans nobody twice."""
    plan(*as_ids(workspace, campaign))


def plan(workspace: UUID, campaign: UUID, *, chunk: int = CHUNK) -> None:
    """Chunk by chunk; each is one transaction that also remembers how far it came."""
    while plan_step(workspace, campaign, chunk=chunk):
        pass


def plan_step(workspace: UUID, campaign_id: UUID, *, chunk: int = CHUNK) -> bool:
    """One chunk; whether there is more."""
    with database().write(workspace) as tx:
        campaign = campaigns.get(tx, campaign_id, lock=True)
        if campaign is None or campaign.planned or campaign.state not in RUNNING:
            return False
        done = campaigns.plan_chunk(tx, campaign, people=chunk, now=clock.now())
        finished = done.selected < chunk
        people = sum(size for _, size in done.batches)
        left_out = sum(done.excluded.values())
        # reasons before counters, as everywhere: transactions that take both never wait for each other
        campaigns.count_reasons(tx, campaign_id, "excluded", done.excluded)
        campaigns.count(tx, campaign_id, {"selected": done.selected, "planned": people, "excluded": left_out})
        campaigns.advance_plan(tx, campaign_id, cursor=done.last or campaign.plan_cursor, finished=finished)
        tx.after_commit(lambda: jobs.deliver_batches(workspace, (batch for batch, _ in done.batches)))
    return not finished

"""Single: messages of SendService, on a lane of their own; delivered as every batch is."""

import dramatiq

from core import jobs
from workers.deliver import deliver
from workers.ledger import as_ids


@dramatiq.actor(actor_name="deliver_single", queue_name=jobs.SINGLE, max_retries=0)
def deliver_single(workspace: str, batch: str) -> None:
    """Job: hand the messages of one call over. Running it twice, or in two places, sends nothing twice."""
    deliver(*as_ids(workspace, batch))

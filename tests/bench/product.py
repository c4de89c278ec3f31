"""The product itself on the same ground: a campaign through the real queues and worker processes, checked to the won."""

import time
from decimal import Decimal
from unittest import mock
from uuid import UUID

import psycopg

from core import clock, jobs
from core.db import campaigns
from core.db.session import database
from core.rules.channel import Channel
from core.rules.routing import Route
from tests.bench.ground import BODY, PRICE, SENDER, Ground
from workers import clock as scheduler
from workers import plan, sweep

LONGEST = 600.0  # only so that a defect does not hang
_ACCEPTED = "SELECT coalesce(sum(accepted), 0) FROM campaign_counters WHERE campaign_id = %s"


class Run:
    """One campaign: made before the clock starts, then driven to the last acceptance."""

    def __init__(self, ground: Ground, *, planned: bool) -> None:
        self._ground = ground
        self._batches: list[UUID] = []
        self.campaign = _campaign(ground)
        self._planned = planned
        if planned:
            self._plan()

    def __call__(self) -> None:
        """Queue its plan (or, when that is done, its batches) and wait."""
        workspace = self._ground.workspace
        with psycopg.connect(self._ground.superuser_url, autocommit=True) as looking:
            if self._planned:
                jobs.deliver_batches(workspace, self._batches)
            else:
                jobs.plan_campaign(workspace, self.campaign)
            self._wait(looking)

    def complete(self, seen: dict[str, int]) -> bool:
        """Everybody in one bucket, everybody at the provider once, the cost right."""
        ground = self._ground
        with database().read(ground.workspace) as tx:
            found = campaigns.counters(tx, [self.campaign])[self.campaign]
        return bool(
            found["selected"] == ground.recipients + ground.left_out
            and found["accepted"] == ground.recipients == seen["different"]
            and found["excluded"] == ground.left_out
            and found["cost"] == Decimal(PRICE) * ground.recipients
        )

    def _plan(self) -> None:
        """Plan here, and keep the batches back from the queue until the clock runs."""
        with mock.patch.object(jobs, "deliver_batches", lambda _, batches: self._batches.extend(batches)):
            plan.plan(self._ground.workspace, self.campaign)

    def _wait(self, looking: psycopg.Connection[tuple[int]]) -> None:
        """Until the last acceptance; this process is the scheduler meanwhile, for what was not queued or was dropped."""
        begun = swept = time.monotonic()
        while not self._all_accepted(looking):
            now = time.monotonic()
            if now - begun > LONGEST:
                raise SystemExit(f"bench: a campaign did not end within {LONGEST:.0f} s")
            if now - swept > scheduler.TICK_SECONDS:
                sweep.sweep()
                swept = time.monotonic()
            time.sleep(0.02)

    def _all_accepted(self, looking: psycopg.Connection[tuple[int]]) -> bool:
        row = looking.execute(_ACCEPTED, [self.campaign]).fetchone()
        return row is not None and row[0] >= self._ground.recipients


def _campaign(ground: Ground) -> UUID:
    """An advertisement with label and opt-out line, one variable, to everybody; launched but not queued."""
    now = clock.now()
    with database().write(ground.workspace) as tx:
        campaign = campaigns.add(tx, ground.workspace, {"name": "bench", "purpose": "AD", "body": BODY}, now)
        until, people = campaigns.audience_end(tx, campaigns.get(tx, campaign))  # type: ignore[arg-type]
        values = {
            "state": "PLANNING",
            "frozen_body": BODY,
            "sender": SENDER,
            "sender_number_id": ground.sender,
            "routes": [Route(ground.account, "aligo", {Channel.SMS: Decimal(PRICE)}).frozen()],
            "plan_until": until,
            "plan_total": people,
            "launched_at": now,
        }
        campaigns.update(tx, campaign, values)
    return campaign

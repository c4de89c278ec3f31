"""The promises of delivery under chance: random steps on real parts, with the provider's own log as the judge."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core import clock
from core.db.session import database
from core.rules.states import MessageState
from tests.workers import test_outbox
from tests.workers.shop import Sandbox, Shop, Time
from workers import balance, deliver, ledger, plan, receipts, reconcile, sweep
from workers.claim import claim
from workers.routing import Hand

PRICES = {"SMS": Decimal("8.40"), "LMS": Decimal("25.90")}
LOST = ("lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty", "error_500")
UNSENT = ("busy", "refuse", "code", "no_balance", "ip_blocked", "html_403", "partial")


@dataclass
class Walk:
    """A shop in which anything may happen next."""

    shop: Shop
    sandbox: Sandbox
    time: Time
    chance: random.Random
    campaigns: list[UUID]
    late: list[tuple[Any, Any, Any]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def step(self) -> None:
        steps: list[tuple[Callable[[], object], int]] = [
            (self.plan, 8), (self.deliver, 14), (self.fail, 6), (self.die_before, 3), (self.die_after, 3), (self.answer_late, 4),
            (self.reconcile, 8), (self.hear, 8), (self.refuse, 2), (self.pause, 1), (self.resume, 4), (self.cancel, 1),
            (self.wait, 8), (self.sweep, 8), (self.probe, 3),
        ]  # fmt: skip
        action = self.chance.choices([one for one, _ in steps], [weight for _, weight in steps])[0]
        self.story.append(action.__name__)
        action()
        self.check()

    def check(self) -> None:
        for campaign in self.campaigns:
            self.shop.counters(campaign)
        test_outbox.agree(self.shop)
        stats = self.sandbox.stats()
        assert stats["duplicates"] == 0

    def batch(self, *states: int) -> UUID | None:
        rows = self.shop.sql("SELECT id FROM batches WHERE state = ANY(:states)", states=list(states))
        return self.chance.choice(rows).id if rows else None

    def plan(self) -> None:
        plan.plan_step(self.shop.workspace, self.chance.choice(self.campaigns), chunk=self.chance.choice([3, 7, 20]))

    def deliver(self) -> None:
        if batch := self.batch(0, 1, 2, 3, 4):
            deliver.deliver(self.shop.workspace, batch)

    def fail(self) -> None:
        """The next call ends badly."""
        kind = self.chance.choice(LOST + UNSENT)
        more = {"receivers": 2} if kind == "partial" else {}
        self.story.append(kind)
        self.sandbox.fault(kind, path="/send*", **more)
        if batch := self.batch(0):
            deliver.deliver(self.shop.workspace, batch)
        self.sandbox.ask("faults", "DELETE")

    def die_before(self) -> None:
        if load := self.claimed():
            self.late += [(load, call, None) for call in load.calls]

    def die_after(self) -> None:
        if load := self.claimed():
            self.late += [(load, call, deliver.hand_over(self.shop.workspace, load, call)) for call in load.calls]

    def claimed(self) -> Any:
        """A batch whose worker is not seen again for a while."""
        batch = self.batch(0)
        if batch is None:
            return None
        with database().write(self.shop.workspace) as tx:
            return claim(tx, batch, Hand())

    def answer_late(self) -> None:
        """A worker that was thought dead goes on where it stood."""
        if self.late:
            load, call, outcome = self.late.pop(self.chance.randrange(len(self.late)))
            deliver._patiently(self.shop.workspace, load, call, outcome or deliver.hand_over(self.shop.workspace, load, call))

    def reconcile(self) -> None:
        if batch := self.batch(2):
            reconcile.reconcile(self.shop.workspace, batch)

    def hear(self) -> None:
        rows = self.shop.sql("SELECT id FROM attempts")
        if rows:
            receipts.read(self.shop.workspace, self.chance.choice(rows).id)

    def refuse(self) -> None:
        person = self.chance.randrange(1, 200)
        if self.chance.random() < 0.5:
            self.shop.opt_out(f"id = {person}")
        else:
            self.shop.sql("UPDATE contacts SET archived_at = now() WHERE id = :id", id=person)

    def pause(self) -> None:
        self.shop.sql("UPDATE campaigns SET state = 'PAUSED' WHERE state IN ('PLANNING', 'SENDING')")

    def resume(self) -> None:
        self.shop.sql(
            "UPDATE campaigns SET waiting_for = '', state = CASE WHEN planned THEN 'SENDING' ELSE 'PLANNING' END"
            " WHERE state = 'PAUSED'"
        )

    def cancel(self) -> None:
        campaign = self.chance.choice(self.campaigns)
        if self.chance.random() < 0.3:
            self.shop.sql("UPDATE campaigns SET state = 'CANCELLED' WHERE id = :c AND state <> 'DONE'", c=campaign)

    def wait(self) -> None:
        self.time.forward(seconds=self.chance.choice([1, 5, 40, 160, 700]))

    def sweep(self) -> None:
        sweep.sweep()

    def probe(self) -> None:
        balance.read(self.shop.workspace, self.shop.account)

    def settle(self) -> None:
        """Nothing bad happens any more: everybody must come to an end."""
        self.sandbox.ask("faults", "DELETE")
        for _ in range(12):
            if not self.open():
                break
            for action in (self.probe, self.resume, self.sweep):
                action()
            self.time.forward(minutes=6)
            for campaign in self.campaigns:
                plan.plan(self.shop.workspace, campaign)
                self.shop.reconcile(campaign)
                self.shop.deliver(campaign)
                self.shop.read_all(campaign)
        for late in list(self.late):
            self.late = [late]
            self.answer_late()
        self.check()

    def open(self) -> bool:
        """Whether anybody waits for anything but results."""
        return bool(
            self.shop.sql(
                "SELECT 1 FROM batches WHERE state < 3 UNION SELECT 1 FROM campaigns WHERE NOT planned AND state <> 'CANCELLED'"
            )
        )


@pytest.mark.parametrize("seed", range(4))
def test_chance_breaks_no_promise(shop: Shop, sandbox: Sandbox, time: Time, seed: int) -> None:
    chance = random.Random(seed)
    shop.sql("UPDATE provider_accounts SET settle_seconds = 300")
    shop.customers(40, first=1000), shop.customers(5, first=9001), shop.customers(4, first=2000, consent=False)
    shop.sql("UPDATE contacts SET name = repeat('가', 40) WHERE id % 3 = 0")  # too long for an SMS
    bodies = (f"(광고)[봄날커피] #{{이름|고객}}님 {number}\n무료거부0801234567" for number in range(3))
    walk = Walk(
        shop, sandbox, time, chance, [shop.campaign(body, batch_size=size) for body, size in zip(bodies, (4, 9, 30), strict=True)]
    )
    try:
        for _ in range(100):
            walk.step()
        walk.settle()
    finally:
        print(seed, " ".join(walk.story))
    total, cost = Counter[str](), Decimal(0)
    for campaign in walk.campaigns:
        found = shop.counters(campaign)
        assert not any(found.get(name) for name in ("planned", "held", "claimed", "unknown")), found
        total.update({name: found[name] for name in found if name not in ("campaign_id", "cost")})
        cost += found.get("cost", 0)
    stats = sandbox.stats()
    taken = shop.value("SELECT coalesce(sum(accepted), 0) FROM attempts WHERE outcome = 'ACCEPTED'")
    assert stats["accepted_messages"] == taken
    assert cost == sum(PRICES[kind] * count for kind, count in stats["by_type"].items())
    assert cost == shop.value("SELECT coalesce(sum(cost), 0) FROM workspace_days")
    assert stats["max_per_receiver"] <= len(walk.campaigns)


def test_moving_nobody_writes_no_counter(shop: Shop) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    before = shop.sql("SELECT * FROM campaign_counters")
    with database().write(shop.workspace) as tx:
        row = tx.row("SELECT * FROM batches WHERE id = :id", id=batch)
        assert row is not None
        ledger.move(tx, row, bytes(row.states))
    assert shop.sql("SELECT * FROM campaign_counters") == before


def test_a_reason_goes_with_the_state_that_it_explains(shop: Shop) -> None:
    shop.customers(2)
    campaign = shop.campaign()
    [batch] = shop.plan(campaign)
    for states, reasons in (
        ([MessageState.FAILED, MessageState.EXCLUDED], {0: "BLOCKED", 1: "GONE"}),
        ([MessageState.DELIVERED, MessageState.FAILED], {1: "POWER_OFF"}),
        ([MessageState.DELIVERED, MessageState.FAILED], {1: "NO_SUBSCRIBER"}),
        ([MessageState.DELIVERED, MessageState.DELIVERED], {}),
    ):
        with database().write(shop.workspace) as tx:
            row = tx.row("SELECT * FROM batches WHERE id = :id", id=batch)
            assert row is not None
            ledger.move(tx, row, bytes(states), reasons=reasons)
        shop.counters(campaign)
    assert shop.reasons(campaign) == {}


@pytest.mark.parametrize(
    ("attempt", "asked", "least", "most"),
    [(0, None, 1, 1.5), (1, None, 2, 3), (3, None, 8, 12), (40, None, 60, 90), (1, 30.0, 30, 45)],
)
def test_waits_grow_to_a_minute_and_are_spread(attempt: int, asked: float | None, least: float, most: float) -> None:
    now = clock.now()
    assert ledger.busy_until(now, attempt, 0.0, asked) == now + timedelta(seconds=least)
    assert ledger.busy_until(now, attempt, 1.0, asked) == now + timedelta(seconds=most)

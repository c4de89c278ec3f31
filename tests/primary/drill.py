"""The drill: a campaign leaves while everybody reads and writes, and the primary is killed, frozen, or replaced."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from core import clock
from core.db import accounts
from core.db.session import database
from core.rules import optout
from core.rules.states import MessageState
from tests.faults.ground import rpc_channel
from tests.faults.judge import Verdict, judge
from tests.faults.shop import Shop, opened
from tests.primary.callers import Callers, Figures, figures
from tests.primary.ground import Ground, until

ON_THE_WIRE = 1.5  # seconds: what the provider accepts so soon after the blow had left before it
PATIENCE = 400.0
BODY = "#{이름}님, 오늘만 20% 할인합니다. #{수신거부링크}"


@dataclass
class Outage:
    """One time without a primary, by our own clock, and what was seen of it."""

    name: str
    begun: float
    ended: float = 0.0
    ads: int = 0  # accepted by the provider after the calls on the wire
    on_the_wire: int = 0
    health: tuple[int, str, str] = (0, "", "")
    optout: tuple[int, int] = (0, 0)  # the page's button: while it lasted, and afterwards
    reads: Figures | None = None
    writes: Figures | None = None
    writes_again: float = 0.0  # seconds from the database's return to the first write that was acknowledged


@dataclass
class Report:
    """What the drill came to."""

    outages: list[Outage]
    reads: Figures
    writes: Figures
    kept: int = 0
    lost: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    campaign: str = ""

    @property
    def wrong(self) -> list[str]:
        """In words; nothing when all promises were kept."""
        found = list(self.verdict.words)
        if not self.verdict.good:
            found.append(f"lost {self.verdict.lost}, doubled {self.verdict.doubled}, unknown {self.verdict.unknown}")
        if self.lost:
            found.append(f"{self.lost} of {self.kept} acknowledged writes are gone")
        if self.campaign != "DONE":
            found.append(f"the campaign is {self.campaign}")
        for outage in self.outages:
            found += [f"{outage.name}: {words}" for words in _wrong(outage)]
        return found


def _wrong(outage: Outage) -> Iterator[str]:
    if outage.ads:
        yield f"{outage.ads} ads left while no opt-out could be recorded"
    if outage.health[1:] != ("degraded", "read-only"):
        yield f"health said {outage.health}"
    if outage.optout != (503, 200):
        yield f"the opt-out page answered {outage.optout}"
    if outage.writes and outage.writes.answered:
        yield f"{outage.writes.answered} writes were acknowledged without a primary"
    if outage.reads and not outage.reads.answered:
        yield "no read was answered"


class Drill:
    """One shop, one campaign, several outages."""

    def __init__(self, ground: Ground, recipients: int, by: int, say: Callable[[str], object]) -> None:
        self.ground, self._say = ground, say
        self.shop: Shop = opened(ground, 1, recipients, settle=5)
        self._by, self._key = by, _lookup_key(self.shop)
        self._http = httpx.Client(base_url=ground.product.gateway_url, timeout=20, trust_env=False)
        self._codes: list[str] = []

    def run(self, blows: list[tuple[str, float, float]]) -> Report:
        """`blows`: (kill | freeze | promote, at which share of the messages, for how many seconds)."""
        self.ground.fault("latency", path="/send*", delay=0.4, probability=0.6, seed=1)
        campaign = self.shop.launch(f"훈련 by {self._by}", BODY)
        with rpc_channel(self.ground) as channel:
            callers = Callers(channel, self.ground.product.gateway_url, self.shop.api_key, campaign)
            begun = time.monotonic()
            with callers:
                outages = [self._outage(callers, campaign, *blow) for blow in blows]
                state = self._finish(campaign)
                time.sleep(1.0)
        ended = time.monotonic()
        kept = len(callers.kept)
        return Report(
            outages,
            figures(callers.readers, begun, ended),
            figures(callers.writers, begun, ended),
            kept,
            kept - self._found(callers.kept),
            judge(self.shop, campaign),
            state,
        )

    def _outage(self, callers: Callers, campaign: UUID, name: str, share: float, seconds: float) -> Outage:
        ground, shop = self.ground, self.shop
        until(lambda: ground.log.people(shop.users) >= share * len(shop.wanted), PATIENCE)
        code = self._code(campaign)
        self._say(f"{name} at {ground.log.people(shop.users):,} of {len(shop.wanted):,}")
        with self._struck(name, seconds) as outage:
            until(lambda: self._health()[2] == "read-only", 30)
            outage.health, said = self._health(), self._press(code)
            left = outage.begun + seconds - time.monotonic()
            time.sleep(max(0.0, left))
            outage.ended = time.monotonic()
        back = time.monotonic()
        outage.reads = figures(callers.readers, outage.begun, outage.ended)
        outage.writes = figures(callers.writers, outage.begun, outage.ended)
        acknowledged = len(callers.kept)
        until(lambda: len(callers.kept) > acknowledged)
        outage.writes_again = time.monotonic() - back
        outage.optout = (said, self._press(code))
        self._count_ads(outage)
        return outage

    @contextmanager
    def _struck(self, name: str, seconds: float) -> Iterator[Outage]:
        ground = self.ground
        if name == "freeze":
            with ground.frozen_primary():
                yield Outage(f"{name} for {seconds:g} s", time.monotonic())
            return
        ground.kill_primary()
        yield Outage(f"{name} for {seconds:g} s", time.monotonic())
        if name == "promote":
            ground.replica.promote()
        else:
            ground.revive_primary()
            until(ground.takes_writes)

    def _count_ads(self, outage: Outage) -> None:
        """By the provider's own log, whose clock is ours."""
        shift = clock.now().timestamp() - time.monotonic()
        begun, ended = outage.begun + shift, outage.ended + shift
        for call in self.ground.log.of(self.shop.users):
            if begun <= call.at < begun + ON_THE_WIRE:
                outage.on_the_wire += len(call.receivers)
            elif begun <= call.at < ended:
                outage.ads += len(call.receivers)

    def _finish(self, campaign: UUID) -> str:
        limit = time.monotonic() + PATIENCE
        while (state := str(self.ground.running(campaign)["state"])) != "DONE" and time.monotonic() < limit:
            time.sleep(0.3)
        return state

    def _found(self, kept: list[str]) -> int:
        return int(self.ground.asked("SELECT count(*) FROM products WHERE id = ANY(%s::uuid[])", kept)[0])

    # a person who got the ad and says no

    def _code(self, campaign: UUID) -> str:
        """Of somebody who has the message already, and whose link was not used."""
        row = self.ground.asked(
            "SELECT id, at - 1 FROM batches, LATERAL (SELECT position(%s::bytea IN states) AS at) AS found"
            " WHERE campaign_id = %s AND at > 0 ORDER BY id OFFSET %s LIMIT 1",
            bytes([MessageState.ACCEPTED]),
            str(campaign),
            len(self._codes),
        )
        self._codes.append(optout.code(row[0], row[1], self._key))
        return self._codes[-1]

    def _press(self, code: str) -> int:
        return self._http.post(f"{optout.PATH}{code}", data={"confirm": "yes"}).status_code

    def _health(self) -> tuple[int, str, str]:
        answer = self._http.get("/health")
        return answer.status_code, answer.json()["status"], answer.json()["checks"]["database"]


def _lookup_key(shop: Shop) -> bytes:
    with database().read(shop.workspace) as tx:
        return bytes(accounts.keys(tx, shop.workspace).lookup_key)

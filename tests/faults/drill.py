"""One drill: a campaign to some people, and while it leaves, what its seed says. The same seed is the same plan."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from tests.faults import night, pictures
from tests.faults.ground import Ground
from tests.faults.judge import Verdict, judge
from tests.faults.kinds import BEFORE, KINDS, NIGHT, TWO, Blow, Kind, two
from tests.faults.named import NAMED
from tests.faults.shop import Shop, opened

PATIENCE = 240.0  # seconds until a campaign that does not end counts as lost
QUIET = 2.0  # seconds the trouble goes on after the last blow, at most
_ALL = {**KINDS, NIGHT.name: NIGHT, **{name: named.kind for name, named in NAMED.items()}}
_CARRIERS = (("aligo",), ("solapi",), ("aligo", "solapi"))
_BODY = "#{{이름}}님, 오늘만 20% 할인합니다. {number}"


@dataclass(frozen=True)
class Drill:
    """Which one. `number` makes its people; kind and seed make its plan."""

    number: int
    kind: str
    seed: int
    recipients: int = 100
    by: int = 10  # people in a batch; 0: as many as the provider takes
    providers: tuple[str, ...] = ()  # none: the seed chooses

    def plan(self) -> tuple[Kind, list[Blow]]:
        """The kind in full and the blows in their order."""
        chance = Random(f"{self.kind}:{self.seed}")
        kind = two(chance) if self.kind == TWO.name else _ALL[self.kind]
        return kind, sorted(kind.blows(chance), key=lambda blow: blow.share)

    def carriers(self) -> tuple[str, ...]:
        """The accounts that its shop has, in their order."""
        return self.providers or Random(f"{self.kind}:{self.seed}:carriers").choices(_CARRIERS, (2, 1, 1))[0]

    def __str__(self) -> str:
        return f"DRILL={self.kind} SEED={self.seed}"


@dataclass
class Result:
    """What became of it."""

    drill: Drill
    plan: list[str]
    verdict: Verdict
    seconds: float  # from the launch until nobody waits any more
    shop: Shop = field(repr=False)
    campaign: UUID | None


class Turn:
    """Only one drill at a time makes trouble; others may still be waiting for its end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def taken(self, ground: Ground) -> Iterator[None]:
        """Everything whole before, and healed after."""
        with self._lock:
            ground.whole()
            try:
                yield
            finally:
                ground.heal()


def run(ground: Ground, drill: Drill, turn: Turn) -> Result:
    """Trouble, then patience, then the judge."""
    kind, blows = drill.plan()
    name = f"drill {drill.number}" + (f" by {drill.by}" if drill.by else "")
    body = _BODY.format(number=drill.number)
    words = [f"by {' and '.join(drill.carriers())}", *map(str, blows)]
    with turn.taken(ground):
        shop = opened(ground, drill.number, drill.recipients, settle=kind.settle, providers=drill.carriers())
        _shape(ground, drill)
        begun = time.monotonic()
        if kind is NIGHT:
            campaign = night.cross(shop, name, body, Random(drill.seed))
        else:
            flyer = pictures.flyer(shop) if kind.pictured else ""
            campaign = _strike(shop, blows, lambda: shop.launch(name, body, flyer))
            _wait(ground, campaign, PATIENCE if kind.holds else QUIET)
    _wait(ground, campaign, PATIENCE)
    seconds = time.monotonic() - begun
    running = ground.running(campaign)
    verdict = judge(shop, campaign)
    if running["state"] != "DONE":
        verdict.words.insert(0, f"not done after {seconds:.0f} s: {running}")
    return Result(drill, words, verdict, seconds, shop, campaign)


def _shape(ground: Ground, drill: Drill) -> None:
    """The provider takes its time before and after it accepts, so that blows fall on calls in every phase."""
    ground.fault("latency", path="/send*,/messages/v4/*", delay=0.4, probability=0.6, seed=drill.seed % 1000)
    ground.fault("slow_answer", path="/send*,/messages/v4/*", delay=0.4, probability=0.6, seed=drill.seed % 997)


def _strike(shop: Shop, blows: list[Blow], launch: Callable[[], UUID]) -> UUID:
    ground = shop.ground
    for blow in blows:
        if blow.share == BEFORE:
            blow.strike(ground)
    campaign = launch()
    for blow in blows:
        if blow.share != BEFORE:
            _until_share(shop, blow)
            blow.strike(ground)
    return campaign


def _until_share(shop: Shop, blow: Blow) -> None:
    limit = time.monotonic() + blow.patience
    while shop.ground.log.people(shop.users) < blow.share * len(shop.wanted) and time.monotonic() < limit:
        time.sleep(0.02)


def _wait(ground: Ground, campaign: UUID, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while ground.running(campaign)["state"] != "DONE" and time.monotonic() < limit:
        time.sleep(0.3)

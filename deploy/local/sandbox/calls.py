"""What a provider sees of a request, and what all providers share."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from deploy.local.sandbox.clock import Clock
from deploy.local.sandbox.faults import Fault
from deploy.local.sandbox.optouts import Optouts
from deploy.local.sandbox.results import CANCELLED, DELIVERED, PENDING, WAITING, outcome
from deploy.local.sandbox.state import Batch, Store
from deploy.local.sandbox.templates import KAKAO, Templates
from deploy.local.sandbox.wire import Reply


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came, with the faults that hit it."""

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    ip: str
    faults: Mapping[str, Fault]
    parts: tuple[str, ...] = ()


Handler = Callable[[Call], Reply]


class Provider(Protocol):
    """A provider as the door knows it."""

    @property
    def paths(self) -> Mapping[str, Handler]:
        """Who answers where. `{}` is one part of a path, handed on in `parts`; a final slash matters only where given."""
        ...

    def busy(self, status: int) -> Reply:
        """The answer of somebody who does not process the request now."""
        ...


@dataclass(slots=True)
class World:
    """The sandbox's truth: what was accepted, what time it is, how results come about."""

    store: Store
    clock: Clock
    ripen: float = 2.0
    failing_percent: int = 3
    list_ints: bool = False
    templates: Templates = field(default_factory=Templates)
    optouts: Optouts = field(default_factory=Optouts)
    _late: float = 0.0

    @contextmanager
    def seen_by(self, call: Call) -> Iterator[None]:
        """The results as this caller sees them: later than others, when a rule says so."""
        self._late = call.faults["results_late"].delay if "results_late" in call.faults else 0.0
        try:
            yield
        finally:
            self._late = 0.0

    def state(self, batch: Batch, receiver: int) -> str:
        """The result of one message at this moment."""
        if not batch.live:
            return CANCELLED
        now = self.clock.now()
        if now < batch.due:
            return WAITING
        ripe = now >= batch.due + self.ripen + self._late
        return (ripe and self._end(batch, receiver)) or PENDING

    def _end(self, batch: Batch, receiver: int) -> str:
        return batch.endings.get(receiver) or outcome(receiver, self.failing_percent, kakao=batch.kind in KAKAO)

    def failures(self, batch: Batch) -> int:
        """How many of a call's messages have failed by now; remembered once that is final."""
        if not batch.live or self.clock.now() < batch.due + self.ripen:
            return 0
        if batch.failures < 0:
            receivers = self.store.receivers[batch.start : batch.start + batch.count]
            ends = [self._end(batch, receiver) for receiver in receivers]
            batch.failures = sum(1 for end in ends if end not in ("", DELIVERED))
        return batch.failures

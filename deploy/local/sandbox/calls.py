"""What a provider sees of a request, and what all providers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from deploy.local.sandbox.clock import Clock
from deploy.local.sandbox.faults import Fault
from deploy.local.sandbox.results import CANCELLED, DELIVERED, PENDING, WAITING, outcome
from deploy.local.sandbox.state import Batch, Store
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

    def state(self, batch: Batch, receiver: int) -> str:
        """The result of one message at this moment."""
        if not batch.live:
            return CANCELLED
        now = self.clock.now()
        if now < batch.due:
            return WAITING
        return (now >= batch.due + self.ripen and outcome(receiver, self.failing_percent)) or PENDING

    def failures(self, batch: Batch) -> int:
        """How many of a call's messages have failed by now; remembered once that is final."""
        if not batch.live or self.clock.now() < batch.due + self.ripen:
            return 0
        if batch.failures < 0:
            receivers = self.store.receivers[batch.start : batch.start + batch.count]
            ends = [outcome(receiver, self.failing_percent) for receiver in receivers]
            batch.failures = sum(1 for end in ends if end not in ("", DELIVERED))
        return batch.failures

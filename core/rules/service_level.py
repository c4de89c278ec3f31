"""Service levels: what is promised of handing over, how it is counted, and how much of the error budget is left."""

from dataclasses import dataclass
from datetime import timedelta

SINGLE_IN = timedelta(seconds=10)  # from the moment it was asked for until a provider has it


@dataclass(frozen=True, slots=True)
class Level:
    """One promise over a span of time: of `total`, `kept` were as promised; `target` is the share that has to be."""

    name: str
    target: float
    kept: int
    total: int

    @property
    def share(self) -> float | None:
        """The share that was as promised; None when there was nothing to keep."""
        return self.kept / self.total if self.total else None

    @property
    def met(self) -> bool:
        """Whether the share reaches the target; of nothing, nothing was broken."""
        return self.share is None or self.share >= self.target

    @property
    def budget_left(self) -> float:
        """The part of the error budget that is not spent: 1 all of it, 0 none, below 0 overdrawn."""
        return 1 - (self.total - self.kept) / ((1 - self.target) * self.total) if self.total else 1.0


def single(kept: int, total: int) -> Level:
    """Single messages that a provider had within SINGLE_IN."""
    return Level("single", 0.99, kept, total)


def campaign(kept: int, total: int) -> Level:
    """Campaigns that were over before their deadline with nobody left out for want of time."""
    return Level("campaign", 0.99, kept, total)

"""When a disk counts as nearly full, and when so full that nothing new may begin: before PostgreSQL has to stop."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

GIB = 1 << 30
# A share of the whole, and no more than so many bytes: 5 % of a large disk is plenty.
LOW_SHARE, LOW_BYTES = 0.15, 20 * GIB
FULL_SHARE, FULL_BYTES = 0.05, 2 * GIB


class Level(IntEnum):
    """How it stands."""

    ENOUGH = 0
    LOW = 1  # people are told
    FULL = 2  # no campaign and no import begins; what has begun goes on


@dataclass(frozen=True, slots=True)
class Space:
    """One place where data lies. `place`: a folder, or `database` for what a managed one may still grow."""

    place: str
    size: int
    free: int

    @property
    def share(self) -> float:
        """Of the whole that is free."""
        return self.free / self.size if self.size else 0.0

    @property
    def level(self) -> Level:
        """How it stands."""
        if self.free < min(self.size * FULL_SHARE, FULL_BYTES):
            return Level.FULL
        return Level.LOW if self.free < min(self.size * LOW_SHARE, LOW_BYTES) else Level.ENOUGH


def worst(spaces: Iterable[Space]) -> Level:
    """Of all."""
    return max((space.level for space in spaces), default=Level.ENOUGH)

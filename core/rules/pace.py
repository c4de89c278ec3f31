"""Pace: at most so many people within so long. Batches are cut to even slots, and no two slots lie closer than that allows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from core.rules import night
from core.rules.night import Window

_PORTION = 60  # a batch carries about a minute's worth
_MOST_PATIENCE = timedelta(seconds=20)
_FARTHEST = timedelta(days=400)  # an end beyond this is no end


def agreed(people: int, seconds: int, *, most: int, rests: Window | None) -> "Pace | None":
    """What was agreed; None: as fast as it goes. `rests`: the quiet hours of advertising, None for information."""
    return Pace(people, seconds, most, rests) if people and seconds else None


@dataclass(frozen=True)
class Pace:
    """`people` within `seconds`, in batches of at most `most`; advertising rests in its quiet hours.

    A window of `seconds` holds `slots` slots of `size` people: never more than `people`, wherever the window lies. A slot may
    be used up to `patience` late, which is why slots lie that much further apart than the window alone would ask for.
    """

    people: int
    seconds: int
    most: int = 500
    rests: Window | None = None

    @cached_property
    def slots(self) -> int:
        """Slots in a window: the number near a minute each that wastes the fewest people."""
        portion = max(1, min(self.most, self.people * _PORTION // self.seconds))
        fewest = -(-self.people // portion)
        return min(range(fewest, min(2 * fewest, self.people) + 1), key=lambda slots: (self.people % slots, slots))

    @cached_property
    def size(self) -> int:
        """People in a slot."""
        return self.people // self.slots

    @cached_property
    def patience(self) -> timedelta:
        """How late a batch may be without costing the others anything: the sweeper looks every few seconds only."""
        return min(_MOST_PATIENCE, timedelta(seconds=self.seconds) / 10)

    @cached_property
    def spacing(self) -> timedelta:
        """Between two slots."""
        return -(-(timedelta(seconds=self.seconds) + self.patience) // self.slots)

    def first(self, now: datetime, last: datetime | None) -> datetime:
        """The slot after the last one that was given away, not before now."""
        return self._open(now if last is None else max(now, last + self.spacing))

    def following(self, slot: datetime) -> Iterator[datetime]:
        """This slot and those after it."""
        while True:
            yield slot
            slot = self._open(slot + self.spacing)

    def used(self, now: datetime, due_at: datetime, free_at: datetime | None) -> datetime:
        """The slot that a batch due at `due_at` uses when it is taken now; later than now: it is too early."""
        return max(due_at, now - self.patience, free_at or due_at)

    def end(self, start: datetime, people: int) -> datetime:
        """When the last of so many people leaves, if the first leaves at `start`."""
        slot, left = self._open(start), max(0, -(-people // self.size) - 1)
        while self.rests and slot - start < _FARTHEST:
            before_night = -(-(night.next_close(slot, self.rests) - slot) // self.spacing)
            if left < before_night:
                break
            slot, left = self._open(slot + before_night * self.spacing), left - before_night
        return slot + min(left, _FARTHEST // self.spacing) * self.spacing

    def _open(self, instant: datetime) -> datetime:
        return night.next_open(instant, self.rests) if self.rests else instant

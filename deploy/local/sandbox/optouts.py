"""Who called an 080 number to say no: made by script, listed by Solapi."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Optout:
    """One call; `sender` is the number whose advertising was refused."""

    key: str
    receiver: str
    sender: str
    at: float

    def shown(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Optouts:
    """All calls, oldest first. A restart forgets them, like templates that were changed by script."""

    known: list[Optout] = field(default_factory=list)

    def add(self, receiver: str, sender: str, at: float) -> Optout:
        """Somebody calls."""
        made = Optout(f"BLK{len(self.known) + 1:09d}", receiver, sender, at)
        self.known.append(made)
        return made

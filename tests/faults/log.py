"""The sandbox's own log, read where it writes it: what a provider took, call by call. It is the judge of every drill."""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.sandbox.solapi_codes import REGISTERED
from deploy.local.sandbox.state import FIRST_REFERENCE


@dataclass(frozen=True)
class Taken:
    """One accepted call (of Solapi: one message type of one group)."""

    provider: str
    user: str
    reference: str
    kind: str
    at: float  # seconds since 1970 on the sandbox's clock
    receivers: tuple[str, ...]
    texts: tuple[str, ...]
    errors: int  # receivers it did not take


class Log:
    """Grows while it is asked; a call is there before its caller can know of it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "accepted.jsonl"
        self._place, self._calls = 0, 0
        self._taken: dict[str, list[Taken]] = {}
        self._filled: dict[str, list[str]] = {}  # the codes of everybody in a group of Solapi
        self._lock = threading.Lock()

    def of(self, users: Iterable[str]) -> list[Taken]:
        """Everything these accounts were given, oldest first."""
        with self._lock:
            self._read()
            return [taken for user in users for taken in self._taken.get(user, [])]

    def people(self, users: Iterable[str]) -> int:
        """How many messages these accounts were given."""
        return sum(len(taken.receivers) for taken in self.of(users))

    def turned_away(self, reference: str) -> int:
        """How many people a group of Solapi had of which the provider took nobody."""
        with self._lock:
            self._read()
            codes = self._filled.get(reference, [])
            return 0 if REGISTERED in codes else len(codes)

    def _read(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._place += len(line)
                self._note(json.loads(line))

    def _note(self, record: dict[str, Any]) -> None:
        if record["e"] == "solapi.add":
            self._filled.setdefault(record["g"], []).extend(entry["code"] for entry in record["m"])
        if record["e"] != "batch":
            return
        number, self._calls = FIRST_REFERENCE + self._calls, self._calls + 1
        texts = record["txt"] * len(record["to"]) if len(record["txt"]) == 1 else record["txt"]
        taken = Taken(
            provider=record["p"],
            user=record["u"],
            reference=record.get("g") or str(number),
            kind=record["k"],
            at=record["at"],
            receivers=tuple(record["to"]),
            texts=tuple(texts),
            errors=record["err"],
        )
        self._taken.setdefault(taken.user, []).append(taken)


def doubled(taken: Sequence[Taken]) -> Counter[str]:
    """Receivers who got more than one message, with how many too many."""
    got = Counter(receiver for call in taken for receiver in call.receivers)
    return Counter({receiver: times - 1 for receiver, times in got.items() if times > 1})

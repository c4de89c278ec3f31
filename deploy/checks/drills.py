"""What a restore drill leaves about itself in the bucket of backups, and the last of them."""

from datetime import datetime
from typing import TYPE_CHECKING

from core.rules.checks.drill import Drill

if TYPE_CHECKING:
    from deploy.backup.store import Store

PREFIX = "drills/"


def record(store: "Store", *, at: datetime, passed: bool, seconds: float, lost_seconds: float) -> None:
    """How one went; a failed one too."""
    told = {"at": at.isoformat(), "passed": passed, "seconds": seconds, "lost_seconds": lost_seconds}
    store.put_json(f"{PREFIX}{at:%Y%m%dT%H%M%SZ}.json", told)


def last(store: "Store") -> Drill | None:
    """The newest."""
    kept = store.list(PREFIX)
    if not kept:
        return None
    told = store.get_json(kept[-1].name)
    return Drill(datetime.fromisoformat(told["at"]), bool(told["passed"]), float(told["seconds"]), float(told["lost_seconds"]))

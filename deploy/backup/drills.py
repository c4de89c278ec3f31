"""What a rehearsal leaves about itself in the bucket of backups: the monthly checklist asks for the last one."""

import re
from datetime import datetime
from typing import Any

from deploy.backup.store import Store

PREFIX = "drills/"


def record(store: Store, *, at: datetime, passed: bool, seconds: float, last_commit: str = "") -> None:
    """How one went; a failed one too. `last_commit` as the recovered cluster's log writes it."""
    told = {"at": at.isoformat(), "passed": passed, "seconds": round(seconds, 1), "lost_seconds": _behind(at, last_commit)}
    store.put_json(f"{PREFIX}{at:%Y%m%dT%H%M%SZ}.json", told)


def last(store: Store) -> dict[str, Any] | None:
    """The newest: at, passed, seconds, lost_seconds (None where that is not known)."""
    kept = store.list(PREFIX)
    return dict(store.get_json(kept[-1].name)) if kept else None


def _behind(at: datetime, last_commit: str) -> float | None:
    try:
        commit = datetime.fromisoformat(re.sub(r" (UTC|GMT)$", "+00:00", last_commit))
    except ValueError:
        return None
    return round((at - commit).total_seconds(), 1) if commit.tzinfo else None

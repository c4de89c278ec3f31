"""The catalogue of backups and of the drills that restored one: from their own bucket, by whoever may read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.rules.checks.backup import Backup
from core.rules.checks.drill import Drill


@dataclass(frozen=True)
class Catalogue:
    """What it holds; `backups` None when it cannot be read. `log_at`: when the last piece of WAL arrived."""

    backups: Sequence[Backup] | None
    log_at: datetime | None = None
    drill: Drill | None = None


def catalogue() -> Catalogue:
    """A manifest is written when its backup was read back and compared: what has one is good."""
    try:
        from deploy.backup import basebackup, drills, settings, store, wal
        from deploy.local.refusal import Refusal
    except ImportError:  # an image without the tools of backups
        return Catalogue(None)
    try:
        place = store.Store(settings.load())
        bases = basebackup.bases(place)
        drill = drills.last(place)
        log = [piece.kept.at for piece in wal.segments(place, bases[-1].system)] if bases else []
    except Refusal:
        return Catalogue(None)
    return Catalogue([Backup(one.ended_at, one.sealed_bytes, True) for one in bases], max(log, default=None), _drill(drill))


def _drill(told: Mapping[str, Any] | None) -> Drill | None:
    return (
        None if told is None else Drill(datetime.fromisoformat(told["at"]), told["passed"], told["seconds"], told["lost_seconds"])
    )

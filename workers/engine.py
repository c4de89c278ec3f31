"""When the law cannot be decided: nothing leaves, people are told, and what was not sent waits instead of being burnt."""

from datetime import timedelta
from uuid import UUID

from core import clock, telemetry
from core.db import control
from core.db.session import database

PATIENCE = timedelta(minutes=1)  # until it is tried again; a repaired engine goes on, an expired campaign ends

_log = telemetry.log("engine")


def deny(workspace: UUID, batch: UUID, error: Exception) -> None:
    """A batch that could not be judged stays where it is. Advertising is denied, information queued: both wait."""
    telemetry.report(error)
    _log.error("engine_error", batch=str(batch), error=type(error).__name__)
    now = clock.now()
    with database().write(workspace) as tx:
        control.not_judged(tx, batch, now, now + PATIENCE)

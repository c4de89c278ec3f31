"""The trouble that cannot be written down: the database itself. Told from memory, kept as an incident once it can be."""

from datetime import datetime, timedelta

from core import clock, telemetry
from core.cache import cache
from core.db import incidents
from core.db.session import database
from core.rules import alerts as words
from core.rules.alerts import RULES, Kind
from workers import alerts

SUBJECT = "primary"
AGAIN_SECONDS = 3600  # another process tells only when whoever told has been gone for so long
_MINE = f"outage:{Kind.DATABASE_DOWN}"

_log = telemetry.log("outage")


class Outage:
    """What one process that watches knows of it. Who is the first to count in Redis tells; without Redis each of them does."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._since: datetime | None = None
        self._told: list[str] = []
        self._tells = False
        self._next = timedelta(0)

    def missed(self) -> None:
        """A look at the database was in vain."""
        now = clock.now()
        self._since = self._since or now
        if now - self._since < max(RULES[Kind.DATABASE_DOWN].hold, self._next):
            return
        if not self._tells and cache().count(_MINE, AGAIN_SECONDS) > 1:
            return
        if not self._tells:
            _log.warning("alert", kind=Kind.DATABASE_DOWN, subject=SUBJECT)
        self._tells = True
        names = [name for name in alerts.channels() if f"open {name}" not in self._told]
        if names:
            alert = words.opening(Kind.DATABASE_DOWN, {}, "", f"{clock.kst(self._since):%Y-%m-%d %H:%M}")
            self._told = alerts.told_by(alert, self._told, names, "open")
        self._next = now - self._since + alerts.SOONEST

    def seen(self) -> None:
        """It answers: the incident is written, and from then on like any other; its end is told to who heard of it."""
        if self._since and self._tells:
            with database().system() as tx:
                incidents.heard(tx, Kind.DATABASE_DOWN, SUBJECT, self._since, self._told, clock.now())
            cache().forget(_MINE)
        self._forget()

"""Tell people, over the channels of ALERT_URLS: once when a trouble begins, once when it is over, whoever is down meanwhile."""

import logging
import sys
import warnings
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from core import clock, telemetry
from core.db import incidents
from core.db.session import Row, database
from core.rules import alerts
from core.rules.alerts import Alert, Kind
from core.settings import load

IN_HAND = timedelta(seconds=120)  # longer than every channel together takes to fail
CHANNEL_SECONDS = 15
SOONEST, LATEST = timedelta(minutes=1), timedelta(hours=1)  # between two tries of a channel that is down
GIVE_UP = timedelta(days=1)  # on telling that something is over

_log = telemetry.log("alerts")


@lru_cache(maxsize=1)
def channels() -> dict[str, Any]:
    """By a name that does not give the address away; loaded only where alerts are sent. ValueError names ALERT_URLS."""
    urls = load().alerts
    if not urls:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its channels are loaded at the first use
        return _opened(urls)


def _opened(urls: Sequence[str]) -> dict[str, Any]:
    import apprise  # 50 MB, for whoever has an address

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it writes addresses, which hold secrets
    asset = apprise.AppriseAsset(secure_logging=True, storage_mode=apprise.PersistentStoreMode.MEMORY)
    found = {}
    for place, url in enumerate(urls, 1):
        channel = apprise.Apprise(asset=asset)
        if not channel.add(url):
            raise ValueError(f"ALERT_URLS: address {place} of {len(urls)} is not one that can be used")
        found[sha256(url.encode()).hexdigest()[:8]] = channel
    return found


def refuse_wrong_addresses() -> None:
    """Stop the process when nobody could be told, without showing the address."""
    try:
        channels()
    except ValueError as error:
        sys.stderr.write(f"jeondan: {error}\n")
        raise SystemExit(2) from None


def tell() -> None:
    """Everything that is due; what a channel did not take is tried again, with that channel only."""
    now = clock.now()
    with database().system() as tx:
        due = incidents.take_due(tx, now, now + IN_HAND)
    for incident in due:
        if incident.closed_at is None:
            _tell_open(incident)
        else:
            _tell_over(incident)


def _tell_open(incident: Row[Any]) -> None:
    alert = alerts.opening(Kind(incident.kind), incident.facts, incident.place or "", _since(incident))
    if not incident.told:
        _log.warning("alert", kind=incident.kind, subject=incident.subject, title=alert.title)
    told = told_by(alert, incident.told, list(channels()), "open")
    with database().system() as tx:
        incidents.told_open(tx, incident.id, told, clock.now(), _next(told, "open", list(channels()), incident.opened_at))


def _tell_over(incident: Row[Any]) -> None:
    """Only who heard that it began hears that it is over."""
    heard = [name for name in channels() if f"open {name}" in incident.told]
    alert = alerts.closing(Kind(incident.kind), incident.facts, incident.place or "", _since(incident))
    if incident.alerted_at or heard:
        _log.info("alert_over", kind=incident.kind, subject=incident.subject, title=alert.title)
    told = told_by(alert, incident.told, heard, "over")
    next_at = _next(told, "over", heard, incident.closed_at)
    with database().system() as tx:
        incidents.told_over(tx, incident.id, told, clock.now(), next_at if _worth(incident) else None)


def _worth(incident: Row[Any]) -> bool:
    return bool(clock.now() - incident.closed_at < GIVE_UP)


def told_by(alert: Alert, told: Sequence[str], names: Sequence[str], stage: str) -> list[str]:
    """Who knows, after a try with everybody who does not yet."""
    missing = [name for name in names if f"{stage} {name}" not in told]
    return [*told, *(f"{stage} {name}" for name in missing if _sent(channels()[name], name, alert))]


def _sent(channel: Any, name: str, alert: Alert) -> bool:
    try:
        sent = bool(channel.notify(body=alert.body, title=alert.title, timeout=CHANNEL_SECONDS))
    except Exception as error:
        _log.warning("channel_broken", channel=name, error=type(error).__name__)
        return False
    if not sent:
        _log.warning("channel_silent", channel=name)
    return sent


def _next(told: Sequence[str], stage: str, names: Sequence[str], since: datetime) -> datetime | None:
    """When to try again with who is missing: first after a minute, later ever more seldom, at least every hour."""
    if all(f"{stage} {name}" in told for name in names):
        return None
    now = clock.now()
    return now + min(LATEST, max(SOONEST, (now - since) / 4))


def _since(incident: Row[Any]) -> str:
    return f"{clock.kst(incident.opened_at):%Y-%m-%d %H:%M}"

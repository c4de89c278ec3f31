"""The drill of the night: a campaign that is caught by the border, waits until morning, and loses nobody."""

import time
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from core import clock
from tests.faults.shop import Shop

_COMING_BACK = 8.0  # seconds that processes need, at most, until they work by the new clock
_MORNING = (8, 0, 2)


def cross(shop: Shop, name: str, body: str, chance: Random) -> UUID:
    """Launch a moment before 20:50, see the border pass, then wake up at eight."""
    ground, ahead = shop.ground, chance.uniform(0.2, 1.5)
    border = _next(20, 50, 0)
    ground.move_clock(border - timedelta(seconds=_COMING_BACK + ahead))
    while clock.now() < border - timedelta(seconds=ahead):
        time.sleep(0.01)
    campaign = shop.launch(name, body)
    limit = time.monotonic() + 60
    while not _asleep(ground.running(campaign)) and time.monotonic() < limit:
        time.sleep(0.2)
    ground.move_clock(_next(*_MORNING))
    return campaign


def _asleep(running: dict[str, object]) -> bool:
    """Whoever may go has gone: the others are held until morning."""
    waits = running["planned"] or running["claimed"] or running["unknown"] or not running["is_planned"]
    return not waits


def _next(hour: int, minute: int, second: int) -> datetime:
    """The next time the Korean clock shows this."""
    now = clock.kst(clock.now())
    found = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return found if found > now else found + timedelta(days=1)

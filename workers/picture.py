"""The picture of a campaign, fetched once a process and kept while its batches leave; and whether it has to be waited for."""

import random
import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from core import images

MMS_BYTES = 300_000  # no provider takes more
_MOST = 4  # campaigns at a time
_WAIT = (3.0, 8.0)  # seconds until a batch looks again whether the storage is back

_kept: OrderedDict[str, bytes] = OrderedDict()
_lock = threading.Lock()


def fetch(name: str) -> bytes:
    """The picture itself; Unavailable while the storage does not answer."""
    with _lock:
        if name in _kept:
            _kept.move_to_end(name)
            return _kept[name]
    data = images.storage().get(name, most=MMS_BYTES)
    with _lock:
        _kept[name] = data
        if len(_kept) > _MOST:
            _kept.popitem(last=False)
    return data


def missing_until(name: str, now: datetime) -> datetime | None:
    """When to look again, if the picture cannot be had now: a batch is not claimed for nothing. None: go on."""
    if not name or name in _kept or not images.storage().resting:
        return None
    return now + timedelta(seconds=random.uniform(*_WAIT))


def forget() -> None:
    """Fetch everything anew."""
    with _lock:
        _kept.clear()

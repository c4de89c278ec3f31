"""How much room is left where the data lies: folders of this machine, and what a managed database may still grow."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from core.db.session import Tx
from core.errors import Unavailable
from core.rules.disk import GIB, Level, Space, worst
from core.settings import load

KEPT_SECONDS = 5.0
_FULL = (
    "저장 공간이 부족해 새 발송과 가져오기를 잠시 받지 않습니다. 이미 시작한 발송은 계속됩니다."
    " 공간을 늘리면 저절로 다시 받습니다. 같은 요청을 나중에 다시 보내 주세요."
)

_lock = threading.Lock()
_known: tuple[float, Sequence[Space]] = (float("-inf"), ())


def spaces(tx: Tx) -> Sequence[Space]:
    """Every place of DISK_PATHS, and the database when DATABASE_DISK_GB says how large it may become."""
    global _known
    with _lock:
        if time.monotonic() - _known[0] >= KEPT_SECONDS:
            _known = (time.monotonic(), tuple(_look(tx)))
        return _known[1]


def refuse_when_full(tx: Tx) -> None:
    """Before something begins that will fill more."""
    if worst(spaces(tx)) is Level.FULL:
        raise Unavailable(_FULL, retry_seconds=60.0, reason="DISK_FULL")


def forget() -> None:
    """Look anew next time."""
    global _known
    _known = (float("-inf"), ())


def _look(tx: Tx) -> list[Space]:
    found = []
    for path in load().disks:
        with suppress(OSError):  # a folder that is gone is another trouble
            disk = os.statvfs(path)
            found.append(Space(path, disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize))
    if most := load().database_disk_gb * GIB:
        used = int(tx.value("SELECT pg_database_size(current_database())"))
        found.append(Space("database", most, max(0, most - used)))
    return found

"""The log of a cluster flows into a bucket, as `make backup-follow` does it, for as long as a test needs it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.backup import wal
from deploy.backup.settings import Settings
from deploy.backup.store import Store


@contextmanager
def archiving(settings: Settings, store: Store, spool: Path, say: Callable[[str], object]) -> Iterator[None]:
    """It flows inside the `with`; all of it is there afterwards."""
    stop = threading.Event()
    thread = threading.Thread(target=wal.Archiver(settings, store, spool, say).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()

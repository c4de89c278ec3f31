"""Waiting for something that must come; the limit only keeps a broken test from hanging."""

import time
from collections.abc import Callable

PATIENCE = 180.0


def until(condition: Callable[[], object]) -> None:
    """Until the condition holds."""
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)

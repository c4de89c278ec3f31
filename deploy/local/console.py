"""What the supervisor prints: one prefix per child, coloured only on a terminal, one line at a time."""

import sys
import threading
from collections.abc import Callable

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_WIDTH = 13


class Console:
    """Lines of many children on one screen."""

    def __init__(self, *, quiet: bool = False, ready: Callable[[str], object] | None = None) -> None:
        self._quiet, self._ready = quiet, ready
        self._colour = not quiet and sys.stdout.isatty()
        self._seen: list[str] = []
        self._lock = threading.Lock()

    @property
    def quiet(self) -> bool:
        """Whether nothing is printed."""
        return self._quiet

    def _prefix(self, name: str) -> str:
        if name not in self._seen:
            self._seen.append(name)
        plain = f"{name:<{_WIDTH}} |"
        if not self._colour:
            return plain
        return f"\033[{_COLOURS[self._seen.index(name) % len(_COLOURS)]}m{plain}\033[0m"

    def ready(self, name: str) -> None:
        """A child is up: who waits for the whole sees that it moves."""
        if self._ready:
            self._ready(name)

    def say(self, name: str, line: str) -> None:
        """Print one line of one child; a closed screen is no reason to stop."""
        if self._quiet:
            return
        with self._lock:
            try:
                print(f"{self._prefix(name)} {line}", flush=True)
            except (OSError, ValueError):
                self._quiet = True

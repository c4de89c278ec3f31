"""A part that did not answer is left alone for a while, and then asked by one for all: its absence slows nobody down."""

import threading
import time
from collections.abc import Callable


class Respite:
    """`seconds` of rest after every silence; a question takes at most `question` seconds to be answered or given up."""

    def __init__(self, seconds: float, question: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._question, self._clock = seconds, question, clock
        self._until = 0.0
        self._lock = threading.Lock()
        self.silent = False  # it did not answer when it was last asked

    @property
    def resting(self) -> bool:
        """It is being left alone."""
        return self.silent and self._clock() < self._until

    def may_ask(self) -> bool:
        """Whether to ask it now. Of many who want to know whether it is back, one may."""
        with self._lock:
            now = self._clock()
            if self.silent and now < self._until:
                return False
            if self.silent:
                self._until = now + self._question + self._seconds
            return True

    def gave_up(self) -> None:
        """It did not answer."""
        with self._lock:
            self.silent, self._until = True, self._clock() + self._seconds

    def answered(self) -> None:
        """It is there."""
        self.silent = False

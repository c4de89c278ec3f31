"""A process that is told to leave (SIGTERM, SIGINT) notices it, also when it is told in the moment before it begins to wait.

Python runs a handler only when the main thread comes to it. A signal that arrives between its last look and its sleep, while
other threads want the interpreter, wakes nobody: 2 of 150 busy processes slept on until they were killed.
"""

import signal
import threading

LOOK_SECONDS = 0.5


def asked() -> threading.Event:
    """Set from the first such signal on. Call it in the main thread."""
    leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leave.set())
    return leave


def wait(leave: threading.Event) -> None:
    """Until it is set; wakes up now and then, so that a handler which is due is run."""
    while not leave.wait(LOOK_SECONDS):
        pass

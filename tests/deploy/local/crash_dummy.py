"""A supervisor to be killed: the real stack, a real dramatiq worker and a child that hides its own child.

Run by test_crash.py as a process of its own: `python crash_dummy.py VAR`. Prints `up` when everything runs.
"""

import sys
import time
from pathlib import Path

from deploy.local.child import Program
from deploy.local.children import python
from deploy.local.guardian import ROOT
from deploy.local.stack import Stack

HIDDEN = "import os, time; os.setsid(); time.sleep(600)"
HIDING = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {HIDDEN!r}]); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def main() -> None:
    """Start everything, say so, and wait to be killed."""
    with Stack(Path(sys.argv[1]), environment={}) as stack:
        worker = python("dramatiq", "tests.deploy.local.crash_actors", "--processes", "2", "--threads", "1")
        stack.supervisor.start(
            [
                Program("hiding", (sys.executable, "-c", HIDING)),
                Program("stubborn", (sys.executable, "-c", STUBBORN)),
                Program("dramatiq", worker, stack.environment(), folder=ROOT),
            ]
        )
        print("up", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main()

"""`python -m tests.faults.wrong_clock MODULE [ARGUMENT ...]`: runs a process whose machine's clock is off.

By as many seconds as the file WRONG_CLOCK says at that moment, so that the clock can go wrong and be set right meanwhile.
Only who hands bulk over stands on such a machine.
"""

import os
import runpy
import sys
from datetime import datetime, timedelta
from pathlib import Path

from core import clock

WHERE = "WRONG_CLOCK"
_right = clock.machine


def machine() -> datetime:
    """The time there."""
    return _right() + timedelta(seconds=float(Path(os.environ[WHERE]).read_text() or 0))


if __name__ == "__main__":
    if "bulk" in sys.argv:
        clock.machine = machine
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

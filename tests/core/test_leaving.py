"""Leaving when told to, whichever thread the kernel tells it."""

import subprocess
import sys

import pytest

from deploy.local.guardian import ROOT

# A signal that another thread takes runs no handler until the main thread looks: so does one that comes just before a sleep.
PROGRAM = """
import signal, threading, time
from core import leaving
leave = leaving.asked()
def told():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.{name})
    time.sleep(3600)
threading.Thread(target=told, daemon=True).start()
leaving.wait(leave)
print("left")
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_it_leaves_also_when_the_signal_woke_nobody(name: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(name=name)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "left\n"

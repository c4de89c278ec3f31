"""`python -m tests.primary`: the primary falls three times under one campaign; exact numbers, to VAR/primary/report.json.

RECIPIENTS (20000) people in batches of PRIMARY_BATCH (50); PRIMARY_SHORT=1 is the form that `make test` runs: one blow.
The exit code is 1 when a promise was broken.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.ground import keep_logs
from tests.primary.callers import Figures
from tests.primary.drill import Drill, Report
from tests.primary.ground import prepared

LONG = [("kill", 0.15, 20.0), ("freeze", 0.4, 20.0), ("promote", 0.65, 20.0)]
SHORT = [("promote", 0.2, 4.0)]


def main() -> int:
    """Drill, print, write."""
    short = bool(os.environ.get("PRIMARY_SHORT"))
    people = int(os.environ.get("RECIPIENTS") or (300 if short else 20_000))
    by = int(os.environ.get("PRIMARY_BATCH") or (10 if short else 50))
    begun = time.monotonic()
    with prepared(say=say) as ground:
        report = Drill(ground, people, by, say).run(SHORT if short else LONG)
        if report.wrong:
            keep_logs(ground, say)
    show(report)
    path = Path(os.environ.get("VAR") or "var") / "primary" / "report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {**asdict(report), "wrong": report.wrong, "seconds": round(time.monotonic() - begun, 1)}
    found["verdict"].pop("evidence", None)
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1, default=str) + "\n")
    say(f"{time.monotonic() - begun:.0f} s, written to {path}")
    return 1 if report.wrong else 0


def show(report: Report) -> None:
    """For people."""
    for one in report.outages:
        say(f"\n{one.name}: health {one.health}; opt-out page {one.optout[0]}, afterwards {one.optout[1]}")
        say(f"  ads after the blow: {one.on_the_wire} on the wire, {one.ads} later")
        say(f"  writes again {one.writes_again:.1f} s after its return")
        _say_figures("reads ", one.reads)
        _say_figures("writes", one.writes)
    say("\nwhole time:")
    _say_figures("reads ", report.reads)
    _say_figures("writes", report.writes)
    verdict: Any = report.verdict
    say(f"acknowledged writes {report.kept:,}, lost {report.lost}")
    say(
        f"campaign {report.campaign}: {verdict.recipients:,} people, lost {verdict.lost}, doubled {verdict.doubled},",
    )
    say(f"  unknown {verdict.unknown}; attempts {verdict.outcomes}")
    for words in report.wrong[:20]:
        say(f"  WRONG {words}")


def _say_figures(name: str, found: Figures | None) -> None:
    if found is not None:
        say(
            f"  {name} {found.answered:,} of {found.calls:,} answered ({found.share:.2%}); longest gap {found.gap:.2f} s,"
            f" slowest {found.slowest:.2f} s; others {dict(found.others)}"
        )


def say(words: str) -> None:
    """At once, also into a pipe."""
    print(words, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""What drills came to: a line each while they run, a table by kind at the end, everything in a file."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.faults.drill import Result
from tests.faults.ground import Outage
from tests.faults.shop import Shop

_HEAD = (
    f"{'kind':<28}{'drills':>7}{'recipients':>11}{'lost':>6}{'doubled':>8}{'unknown':>8}{'other':>6}{'median s':>9}{'worst s':>8}"
)


def line(result: Result, done: int, total: int) -> str:
    """One drill."""
    verdict = result.verdict
    what = f"{result.drill.kind}: {', '.join(result.plan)}"
    mark = "ok  " if verdict.good else "FAIL"
    counts = f"lost {verdict.lost} doubled {verdict.doubled} unknown {verdict.unknown}"
    return f"[{done:>3}/{total}] {mark} {counts} {result.seconds:5.1f} s  seed {result.drill.seed}  {what}"


def around(outage: Outage, shop: Shop) -> str:
    """Who was handed over before, during and after an outage, and how long after it the last one was."""
    over = outage.begun + outage.seconds
    handed = [(call.at, len(call.receivers)) for call in shop.ground.log.of(shop.users)]
    before = sum(people for at, people in handed if at < outage.begun)
    after = sum(people for at, people in handed if at >= over)
    during = sum(people for _, people in handed) - before - after
    first, last = (pick([at for at, _ in handed if at >= over], default=over) - over for pick in (min, max))
    counts = f"{before:,} were handed over before, {during:,} during, {after:,} after"
    return f"{outage.part} away for {outage.seconds:g} s: {counts}; the first {first:.1f} s after its end, the last {last:.1f} s"


def table(results: Sequence[Result]) -> str:
    """By kind, and all."""
    by_kind: dict[str, list[Result]] = {}
    for result in results:
        by_kind.setdefault(result.drill.kind, []).append(result)
    rows = [_row(kind, found) for kind, found in sorted(by_kind.items())]
    return "\n".join([_HEAD, *rows, _row("all", results)])


def _row(kind: str, found: Sequence[Result]) -> str:
    verdicts, seconds = [result.verdict for result in found], [result.seconds for result in found]
    sums = [sum(getattr(one, name) for one in verdicts) for name in ("recipients", "lost", "doubled", "unknown")]
    other = sum(bool(one.words) for one in verdicts)
    return (
        f"{kind:<28}{len(found):>7}{sums[0]:>11,}{sums[1]:>6}{sums[2]:>8}{sums[3]:>8}{other:>6}"
        f"{median(seconds):>9.1f}{max(seconds):>8.1f}"
    )


def write(path: Path, results: Sequence[Result], facts: dict[str, Any]) -> None:
    """Everything, for later comparison."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    drills = [
        {
            "kind": result.drill.kind,
            "seed": result.drill.seed,
            "number": result.drill.number,
            "plan": result.plan,
            "seconds": round(result.seconds, 2),
            **result.verdict.__dict__,
        }
        for result in results
    ]
    path.write_text(json.dumps({**facts, "machine": machine, "drills": drills}, ensure_ascii=False, indent=1) + "\n")

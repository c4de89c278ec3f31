"""`python -m tests.faults`: many seeded drills against one running product; the provider's own log judges each.

FAULT_DRILLS (200) drills of FAULT_PEOPLE (100) recipients each; FAULT_SEED makes the choice of kinds and their seeds;
FAULT_OVERLAP (3) drills may wait for their end at once. DRILL=kind,kind SEED=n TIMES=n repeats kinds (PROVIDERS=solapi,aligo),
DRILL=name runs one drill of tests.faults.named.
The report goes to VAR/faults/report.json; the exit code is 1 when anything was lost, doubled, unknown or wrong.
"""

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.faults import report
from tests.faults.drill import Drill, Result, Turn, run
from tests.faults.ground import Ground, keep_logs, prepared
from tests.faults.judge import ended
from tests.faults.kinds import ALL
from tests.faults.named import NAMED

_LAST_RESULTS = 150.0  # seconds to wait for the last results of the last drill


def main() -> int:
    """Drill, print, write."""
    seed = int(os.environ.get("FAULT_SEED") or random.randrange(10**6))
    drills, name = chosen(_number("FAULT_DRILLS", 200), seed, _number("FAULT_PEOPLE", 100)), os.environ.get("DRILL", "")
    if name in NAMED:
        return named(name)
    if name:
        drills = _repeated(name, drills)
    say(f"faults: {len(drills)} drills, {sum(drill.recipients for drill in drills):,} recipients, FAULT_SEED={seed}")
    begun = time.monotonic()
    with prepared(say=say) as ground:
        results = together(ground, drills)
        settled(ground, results)
        bad = [result for result in results if not result.verdict.good]
        if bad:
            keep_logs(ground, say)
    say(report.table(results))
    for result in bad:
        say(f"\n{result.drill}: {'; '.join(result.plan)}")
        for words in result.verdict.words[:12]:
            say(f"  {words}")
    path = Path(os.environ.get("VAR") or "var") / "faults" / "report.json"
    report.write(path, results, {"seed": seed, "seconds": round(time.monotonic() - begun, 1)})
    say(f"{time.monotonic() - begun:.0f} s, written to {path}")
    return 1 if bad or len(results) < len(drills) else 0


def named(name: str) -> int:
    """One of the named drills, alone on its own product."""
    wanted = NAMED[name]
    drill = Drill(1, name, _number("SEED", 1), wanted.recipients, wanted.by, wanted.providers)
    with prepared(launcher=wanted.launcher, bulk=wanted.bulk, say=say) as ground:
        before = Counter(ground.ask_sandbox("GET", "stats")["by_path"])
        result = run(ground, drill, Turn())
        asked = Counter(ground.ask_sandbox("GET", "stats")["by_path"]) - before
        if ground.outages:
            settled(ground, [result])
        if not result.verdict.good:
            keep_logs(ground, say)
    verdict = result.verdict
    say(report.line(result, 1, 1))
    say(f"  recipients {verdict.recipients:,}; attempts {verdict.outcomes}; carried {verdict.carried}")
    say(f"  asked of the provider: {dict(asked)}")
    for outage in ground.outages:
        say(f"  {report.around(outage, result.shop)}")
    for words in (*verdict.words[:12], *filter(None, [wanted.beside])):
        say(f"  {words}")
    return 0 if verdict.good else 1


def say(words: str) -> None:
    """At once, also into a pipe."""
    print(words, flush=True)


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name) or otherwise)


def chosen(count: int, seed: int, people: int) -> list[Drill]:
    """Every kind by its weight, in an order that the seed makes."""
    chance, total = random.Random(seed), sum(kind.weight for kind in ALL)
    wanted = [kind.name for kind in ALL for _ in range(round(kind.weight * count / total) or 1)]
    chance.shuffle(wanted)
    while len(wanted) < count:
        wanted.append(chance.choices([kind.name for kind in ALL], [kind.weight for kind in ALL])[0])
    return [Drill(number, kind, seed * 1000 + number, people) for number, kind in enumerate(wanted[:count], 1)]


def _repeated(kinds: str, drills: Sequence[Drill]) -> list[Drill]:
    """The kinds that were asked for, with the seed that was given."""
    names, known = kinds.split(","), {kind.name for kind in ALL}
    if unknown := set(names) - known:
        raise SystemExit(
            f"faults: no such drill: {', '.join(sorted(unknown))}; there are: {', '.join(sorted(known | NAMED.keys()))}"
        )
    first = int(os.environ.get("SEED") or drills[0].seed)
    times = _number("TIMES", 1)
    people = drills[0].recipients
    providers = tuple(filter(None, os.environ.get("PROVIDERS", "").split(",")))
    return [Drill(at + 1, name, first + at // len(names), people, providers=providers) for at, name in enumerate(names * times)]


def together(ground: Ground, drills: Sequence[Drill]) -> list[Result]:
    """One after another makes its trouble; meanwhile others may wait for their end."""
    results: list[Result] = []
    turn = Turn()
    pool = ThreadPoolExecutor(_number("FAULT_OVERLAP", 3))
    try:
        for future in as_completed([pool.submit(run, ground, drill, turn) for drill in drills]):
            results.append(future.result())
            say(report.line(results[-1], len(results), len(drills)))
            for words in results[-1].verdict.words[:5]:
                say(f"          {words}")
    finally:
        pool.shutdown(cancel_futures=True)
    return results


def settled(ground: Ground, results: Sequence[Result]) -> None:
    """When the last results are in, everybody has ended as the provider says."""
    say("faults: waiting for the last results ...")
    ground.whole()
    limit = time.monotonic() + _LAST_RESULTS
    while time.monotonic() < limit and int(ground.asked("SELECT count(*) FROM batches WHERE state <> 4")[0]):
        time.sleep(0.5)
    for result in results:
        if result.campaign:
            result.verdict.words += ended(result.shop, result.campaign)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.bench`: one campaign against a fast loopback provider, beside its floors and the ledgers it could have had.

RECIPIENTS (100000), BENCH_ROUNDS (3), BENCH_LATENCY_MS (0, of the provider), BENCH_THREADS (of each worker process, and of
each process of a floor; default as in production), BENCH_ONLY (names, to measure less; `notice` is what a single message
waits for meanwhile). The report goes to VAR/bench/report.json. Nothing here is a test of speed: the exit code says whether
every message of every run was accounted for.
"""

import os
from pathlib import Path

import psycopg

from tests.bench import floors, notice, report, shapes
from tests.bench.ground import Ground, prepared
from tests.bench.hands import Hands, Task
from tests.bench.meter import Figures, Meter
from tests.bench.product import Run


def main() -> None:
    """Measure, print, write."""
    recipients, rounds = _number("RECIPIENTS", 100_000), _number("BENCH_ROUNDS", 3)
    latency = float(os.environ.get("BENCH_LATENCY_MS") or 0)
    var = Path(os.environ.get("VAR") or "var").resolve()
    print(f"bench: {recipients:,} recipients, {rounds} rounds, provider latency {latency:g} ms ...", flush=True)
    names = (os.environ.get("BENCH_ONLY") or " ".join((*report.TITLES, notice.NAME))).split()
    with prepared(recipients, latency) as ground:
        waits = notice.measure(ground) if notice.NAME in names else None
        runs, peak = _measure(ground, rounds, [name for name in names if name != notice.NAME])
    figures = report.summary(runs)
    if figures:
        print(report.table(figures))
    if waits:
        print(waits.line())
    print(f"worker peak RSS {peak:.0f} MB (largest single process)")
    facts = {"recipients": recipients, "rounds": rounds, "latency_ms": latency, "worker_peak_mb": peak}
    facts |= {"notice": waits.written()} if waits else {}
    report.write(var / "bench" / "report.json", runs, facts)
    print(f"written to {var / 'bench' / 'report.json'}")
    if not all(run.complete for run in (*runs, *([waits] if waits else []))):
        raise SystemExit("bench: not every message was accounted for")


def _number(name: str, otherwise: int) -> int:
    return int(os.environ.get(name) or otherwise)


def _measure(ground: Ground, rounds: int, names: list[str]) -> tuple[list[Figures], float]:
    with psycopg.connect(ground.superuser_url, autocommit=True) as connection:
        connection.execute(shapes.SCHEMA)
    hands = Hands(Task(ground.workspace, ground.first, ground.recipients), {**floors.LOOPS, **shapes.LOOPS})
    meter = Meter(ground, hands.pids)
    try:
        runs = [_one(ground, meter, hands, name) for _ in range(rounds) for name in names]
        return runs, meter.peak_mb()
    finally:
        meter.close()
        hands.stop()


def _one(ground: Ground, meter: Meter, hands: Hands, name: str) -> Figures:
    """One loop of one round."""
    if name.startswith("product"):
        run = Run(ground, planned=name == "product")
        figures = meter.measure(name, run, run.complete)
    elif name in floors.LOOPS:
        hands.ready(name)
        figures = meter.measure(name, hands.go, lambda _: True)
    else:
        figures = _shape(ground, meter, hands, name)
    print(f"  {name:<14}{figures.rate:>12,.0f}/s{'' if figures.complete else '  NOT COMPLETE'}", flush=True)
    return figures


def _shape(ground: Ground, meter: Meter, hands: Hands, name: str) -> Figures:
    """A ledger of one shape: planned in one statement, then the loop; the ledger itself must hold everybody."""
    with psycopg.connect(ground.superuser_url, autocommit=True) as connection:
        tables = ", ".join(f"bench.{table}" for table in shapes.TABLES[name])
        connection.execute(f"TRUNCATE {tables}")
        hands.ready(name)
        values = {"first": ground.first, "last": ground.first + ground.recipients - 1, "workspace": ground.workspace}

        def run() -> None:
            connection.execute(shapes.PLANS[name], values)
            hands.go()

        def check(seen: dict[str, int]) -> bool:
            row = connection.execute(shapes.DONE[name]).fetchone()
            return row is not None and row[0] == ground.recipients == seen["different"]

        return meter.measure(name, run, check)


if __name__ == "__main__":
    main()

"""The table a person reads and the JSON a machine keeps."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.meter import Figures

TITLES = {
    "bare": "floor A bare: prepared bodies posted",
    "render": "floor B render: written, posted",
    "sealed": "floor C sealed: read, decrypted, written, posted",
    "row": "shape row: sealed + a row per message, planned, updated twice",
    "append": "shape append: sealed + batch rows, message rows COPYed",
    "batch": "shape batch: sealed + batch rows and call rows with arrays",
    "product": "product, planning excluded",
    "product+plan": "product, planning included",
}
_FLOORS = ("bare", "render", "sealed")


def summary(runs: Sequence[Figures]) -> dict[str, dict[str, Any]]:
    """Medians by name, with the ratios to the floors (medians of the ratios within a round)."""
    by_name: dict[str, list[Figures]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    return {name: _medians(found, by_name) for name, found in by_name.items()}


def _medians(found: Sequence[Figures], by_name: dict[str, list[Figures]]) -> dict[str, Any]:
    middle: dict[str, Any] = {
        "recipients_per_second": median(run.rate for run in found),
        "worker_us": median(run.worker_us for run in found),
        "postgres_us": median(run.postgres_us for run in found),
        "provider_us": median(run.provider_us for run in found),
        "wal_bytes": median(run.wal_bytes for run in found),
        "complete": all(run.complete for run in found),
    }
    trips = [run.round_trips for run in found if run.round_trips is not None]
    middle["round_trips"] = median(trips) if trips else None
    for floor in _FLOORS:
        pairs = zip(found, by_name.get(floor, []), strict=False)
        middle[f"of_{floor}"] = median([run.rate / base.rate for run, base in pairs] or [0.0])
    return middle


def table(figures: dict[str, dict[str, Any]]) -> str:
    """One line per loop."""
    head = f"{'':62}{'recipients/s':>13}{'of A':>7}{'of B':>7}{'of C':>7}{'worker us':>11}{'pg us':>7}{'WAL B':>7}{'trips':>8}"
    lines = [head]
    for name, title in TITLES.items():
        if row := figures.get(name):
            ratios = "".join(f"{row[f'of_{floor}']:>7.2f}" for floor in _FLOORS)
            trips = f"{row['round_trips']:>8.4f}" if row["round_trips"] is not None else ""
            lines.append(
                f"{title:<62}{row['recipients_per_second']:>13,.0f}{ratios}{row['worker_us']:>11.1f}"
                f"{row['postgres_us']:>7.1f}{row['wal_bytes']:>7.0f}{trips}{'' if row['complete'] else '  NOT COMPLETE'}"
            )
    return "\n".join(lines)


def write(path: Path, runs: Sequence[Figures], facts: dict[str, Any]) -> None:
    """Everything, for later comparison."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    found = {**facts, "machine": machine, "median": summary(runs), "runs": [run.written() for run in runs]}
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")

"""Service levels, shown: metrics while it runs, and `python -m workers.levels [days]` for people and for checks."""

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from core import clock, telemetry
from core.db import campaigns, service_levels
from core.db.session import Row, Tx, database
from core.rules.service_level import SINGLE_IN, Level

KOREAN = {"single": "단건 10초 안 접수", "campaign": "캠페인 마감 안 완료"}


def handed_over(batch: Row[Any], channel: str, positions: Sequence[int]) -> None:
    """A provider has taken messages: in time or not, when somebody waits for each of them."""
    if batch.kind != "SEND" or batch.test or (channel != "ALIMTALK" and set(positions) & set(batch.fallen)):
        return
    seconds = (clock.now() - batch.asked_at).total_seconds()
    telemetry.SINGLE_SECONDS.observe(seconds)
    telemetry.SINGLE_MESSAGES.labels(_told(seconds <= SINGLE_IN.total_seconds())).inc(len(positions))


def finish(tx: Tx, now: datetime) -> None:
    """End the campaigns of which nobody is left, and count whether they were in time."""
    if done := campaigns.finish_done(tx, now):
        level = service_levels.of_campaigns(tx, done)
        tx.after_commit(lambda: _count(level))


def waiting(tx: Tx, now: datetime) -> None:
    """How many single messages are late and still here."""
    telemetry.SINGLE_LATE.set(service_levels.waiting(tx, now))


def _count(level: Level) -> None:
    telemetry.CAMPAIGNS.labels(_told(True)).inc(level.kept)
    telemetry.CAMPAIGNS.labels(_told(False)).inc(level.total - level.kept)


def _told(in_time: bool) -> str:
    return "yes" if in_time else "no"


def main() -> None:
    """The levels of the last days (1 without an argument); exit 1 when one is not met."""
    days = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    now = clock.now()
    with database().system() as tx:
        levels = service_levels.measure(tx, now - timedelta(days=days), now)
    for level in levels:
        share = "-" if level.share is None else f"{level.share:.4%}"
        mark = "ok" if level.met else "attention"
        line = f"{mark:10} {level.name:9} {share:>9} (목표 {level.target:.0%}, {level.kept:,}/{level.total:,}"
        sys.stdout.write(f"{line}, 오차 예산 {level.budget_left:.0%} 남음) {KOREAN[level.name]}\n")
    database().dispose()
    raise SystemExit(not all(level.met for level in levels))


if __name__ == "__main__":
    main()

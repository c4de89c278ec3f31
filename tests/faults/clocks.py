"""`python -m tests.faults.clocks`: the clock of the machines that send goes wrong, ahead and behind, and is set right again.

Meanwhile advertising waits, information goes on and arrives once, people are told; afterwards all goes on by itself.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from jeondan.v1 import types_pb2

from core.rules.alerts import Kind
from tests.faults import wrong_clock
from tests.faults.ground import Ground, prepared
from tests.faults.log import doubled
from tests.faults.shop import opened

PEOPLE = 60
WRONG = (-900, 900)  # seconds
PATIENCE = 120.0
_TOLD = "SELECT count(*) FROM incidents WHERE kind = %s AND closed_at IS NULL AND cleared_at IS NULL"
_CALLS = "SELECT count(*) FROM attempts WHERE campaign_id = %s"


def main() -> int:
    """The story for every wrong clock; 0 when nothing is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder) / "clock"
        os.environ[wrong_clock.WHERE] = str(clock)
        _set(clock, 0)
        with prepared(launcher=("tests.faults.wrong_clock",)) as ground:
            return max(story(ground, clock, number, off) for number, off in enumerate(WRONG, 1))


def story(ground: Ground, clock: Path, number: int, off: int) -> int:
    """One wrong clock, from its beginning to its end."""
    shop = opened(ground, number, PEOPLE, settle=5)
    begun = time.monotonic()
    _set(clock, off)
    _until(lambda: ground.asked(_TOLD, Kind.CLOCK_WRONG.value)[0], "nobody was told")
    told = time.monotonic() - begun
    ad = shop.launch("광고 by 10", "#{이름}님, 오늘만 20% 할인합니다.")
    info = shop.launch("안내 by 10", "#{이름}님, 주문하신 원두가 준비되었습니다.", purpose=types_pb2.PURPOSE_INFO)
    _until(lambda: _is_done(ground, info), "information did not go on")
    informed, ads = ground.log.people(shop.users), ground.asked(_CALLS, ad)[0]
    _set(clock, 0)
    right = time.monotonic()
    _until(lambda: not ground.asked(_TOLD, Kind.CLOCK_WRONG.value)[0], "the alert does not end")
    _until(lambda: _is_done(ground, ad), "advertising did not go on")
    back, everything = time.monotonic() - right, ground.log.people(shop.users)
    twice = sum(doubled(ground.log.of(shop.users)).values()) - len(shop.wanted)  # everybody got both
    words = f"clock {off:+} s: told after {told:.1f} s; {informed} of {len(shop.people)} informed, {ads} calls with advertising"
    words += f"; set right: advertising done after {back:.1f} s, {everything - informed} of {len(shop.wanted)}; doubled {twice}"
    print(words, flush=True)
    good = (informed, ads, everything, twice) == (len(shop.people), 0, len(shop.people) + len(shop.wanted), 0)
    return 0 if good else 1


def _is_done(ground: Ground, campaign: UUID) -> bool:
    return bool(ground.running(campaign)["state"] == "DONE")


def _until(condition: Callable[[], object], otherwise: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError(otherwise)
        time.sleep(0.1)


def _set(clock: Path, off: int) -> None:
    draft = clock.with_suffix(".new")
    draft.write_text(str(off))
    draft.replace(clock)


if __name__ == "__main__":
    sys.exit(main())

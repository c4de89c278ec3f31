"""Service levels: what the ledger says of a span, what the metrics count, and that both say the same."""

from datetime import timedelta

import pytest

from core import clock, telemetry
from core.db import service_levels
from core.db.session import database
from core.rules.service_level import Level, campaign, single
from tests.workers.shop import Sandbox, Shop, Time
from tests.workers.test_single import delivered, sent
from workers import levels, sweep

TEXT = "[봄날커피] 주문이 접수되었습니다."


def measured(days: float = 1) -> dict[str, tuple[int, int]]:
    """(kept, total) by level, over the days until now."""
    now = clock.now()
    with database().system() as tx:
        found = service_levels.measure(tx, now - timedelta(days=days), now + timedelta(microseconds=1))
    return {level.name: (level.kept, level.total) for level in found}


class Counted:
    """What the metrics have counted since this was made."""

    def __init__(self) -> None:
        self._before = self._now()

    def __call__(self, name: str) -> tuple[int, int]:
        kept, late = (now - before for now, before in zip(self._now()[name], self._before[name], strict=True))
        return int(kept), int(kept + late)

    @staticmethod
    def _now() -> dict[str, tuple[float, float]]:
        counters = {"single": telemetry.SINGLE_MESSAGES, "campaign": telemetry.CAMPAIGNS}
        return {name: (one.labels("yes")._value.get(), one.labels("no")._value.get()) for name, one in counters.items()}


def late() -> int:
    sweep._unknown(clock.now(), {})
    return int(telemetry.SINGLE_LATE._value.get())


def test_a_message_within_ten_seconds_is_in_time_and_one_after_is_not(shop: Shop, time: Time) -> None:
    counted = Counted()
    delivered(shop, sent(shop, ("01012340001", TEXT), ("01012340002", TEXT)))
    assert measured()["single"] == counted("single") == (2, 2)
    slow = sent(shop, ("01012340003", TEXT))
    assert late() == 0
    time.forward(seconds=11)
    assert late() == 1
    assert measured()["single"] == (2, 3)
    delivered(shop, slow)
    assert late() == 0
    assert measured()["single"] == counted("single") == (2, 3)


def test_time_counts_from_when_it_was_to_leave_and_a_busy_provider_stops_no_clock(
    shop: Shop, time: Time, sandbox: Sandbox
) -> None:
    counted = Counted()
    later = sent(shop, ("01012340001", TEXT), begin=timedelta(hours=1))
    assert late() == 0
    time.forward(hours=1, seconds=1)
    sandbox.fault("busy", path="/send*", status=429)
    delivered(shop, later)
    assert counted("single") == (0, 0)
    time.forward(seconds=20)
    delivered(shop, later)
    assert measured()["single"] == counted("single") == (0, 1)


def test_what_expires_counts_what_is_only_rehearsed_does_not(shop: Shop, time: Time) -> None:
    sent(shop, ("01012340001", TEXT), life=timedelta(minutes=1))
    delivered(shop, sent(shop, ("01012340002", TEXT), test=True))
    time.forward(minutes=2)
    sweep.sweep()
    assert late() == 0
    assert measured()["single"] == (0, 1)


def test_a_campaign_is_in_time_when_nobody_was_left_out_for_want_of_time(shop: Shop, time: Time) -> None:
    counted = Counted()
    shop.customers(2)
    shop.run(shop.campaign())
    sweep._done(clock.now(), {})
    assert measured()["campaign"] == counted("campaign") == (1, 1)
    overdue = shop.campaign(expires_at=clock.now() + timedelta(hours=1))
    shop.plan(overdue)
    time.forward(hours=1, seconds=1)
    assert measured(days=0.03)["campaign"] == (0, 1)
    for _ in range(2):  # the first round lets go of who still waits, the second finds nobody left
        sweep.sweep()
    assert measured()["campaign"] == counted("campaign") == (1, 2)


@pytest.mark.parametrize(
    ("level", "met", "left"),
    [(single(0, 0), True, 1.0), (single(99, 100), True, 0.0), (single(98, 100), False, -1.0), (campaign(995, 1000), True, 0.5)],
)
def test_the_budget_is_what_may_still_go_wrong(level: Level, met: bool, left: float) -> None:
    assert level.met is met
    assert level.budget_left == pytest.approx(left)


def test_the_command_says_so_and_fails_when_a_level_is_not_met(
    shop: Shop, time: Time, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["levels", "7"])
    sent(shop, ("01012340001", TEXT))
    for seconds, code, words in ((0, 0, "ok         single"), (11, 1, "attention  single")):
        time.forward(seconds=seconds)
        with pytest.raises(SystemExit) as ended:
            levels.main()
        assert ended.value.code == code
        assert words in capsys.readouterr().out

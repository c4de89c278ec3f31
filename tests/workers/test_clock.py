"""The scheduler: it goes on after a bad tick, keeps house every hour, and stops when it is told to."""

import signal

import pytest

from core.errors import Unavailable
from tests.workers.shop import Logs
from workers import clock


class Ticks:
    """Runs the program in this process until `ticks` sweeps were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *endings: Exception | None) -> None:
        self.sweeps, self.upkeeps, self._endings = 0, 0, list(endings)
        self._handlers: dict[int, object] = {}
        monkeypatch.setattr(clock, "TICK_SECONDS", 0.0)
        monkeypatch.setattr(signal, "signal", lambda name, handler: self._handlers.update({name: handler}))
        monkeypatch.setattr(clock.telemetry, "start", lambda *_, **__: None)
        monkeypatch.setattr(clock, "sweep", self.sweep)
        monkeypatch.setattr(clock, "upkeep", self.upkeep)

    def sweep(self) -> None:
        self.sweeps += 1
        ending = self._endings.pop(0)
        if not self._endings:
            self._handlers[signal.SIGTERM](signal.SIGTERM, None)  # type: ignore[operator]
        if ending:
            raise ending

    def upkeep(self) -> None:
        self.upkeeps += 1


def test_it_sweeps_until_it_is_told_to_stop(worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks(monkeypatch, None, None, None)
    clock.main()
    assert (ticks.sweeps, ticks.upkeeps) == (3, 1)


def test_a_bad_tick_is_noted_and_the_next_one_comes(worker: None, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    ticks = Ticks(monkeypatch, Unavailable("away"), ZeroDivisionError("x"), None)
    logs.expect("tick_failed")
    clock.main()
    assert ticks.sweeps == 3
    assert [one["reason"] for one in logs.events("tick_missed")] == ["DEPENDENCY_UNAVAILABLE"]
    assert [one["error"] for one in logs.events("tick_failed")] == ["ZeroDivisionError"]


def test_house_is_kept_again_after_an_hour(worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = Ticks(monkeypatch, None, None, None)
    monkeypatch.setattr(clock, "UPKEEP_SECONDS", 0.0)
    clock.main()
    assert ticks.upkeeps == 3


def test_a_house_that_cannot_be_kept_stops_no_sweep(worker: None, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    ticks = Ticks(monkeypatch, None, None)

    def broken() -> None:
        ticks.upkeeps += 1
        raise ZeroDivisionError

    monkeypatch.setattr(clock, "upkeep", broken)
    logs.expect("tick_failed")
    clock.main()
    assert ticks.sweeps == 2

"""Who does not answer has rest, and one asks for all."""

from core.respite import Respite


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_one_of_many_asks_after_a_rest_and_the_others_when_it_answered() -> None:
    clock = Clock()
    respite = Respite(3, 10, clock)
    assert [respite.may_ask() for _ in range(3)] == [True] * 3
    respite.gave_up()
    assert respite.silent and respite.resting
    assert not respite.may_ask()
    clock.now += 3
    assert not respite.resting and respite.silent
    assert [respite.may_ask() for _ in range(3)] == [True, False, False]
    assert respite.resting
    respite.answered()
    assert not respite.silent
    assert [respite.may_ask() for _ in range(3)] == [True] * 3


def test_who_asked_for_all_and_never_came_back_is_replaced() -> None:
    clock = Clock()
    respite = Respite(3, 10, clock)
    respite.gave_up()
    clock.now += 3
    assert respite.may_ask()
    clock.now += 12.9
    assert not respite.may_ask()
    clock.now += 0.1
    assert respite.may_ask()

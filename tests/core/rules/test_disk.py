"""When a disk is nearly full, small or large."""

import pytest

from core.rules.disk import GIB, Level, Space, worst


@pytest.mark.parametrize(
    ("size", "free", "level"),
    [
        (100 * GIB, 16 * GIB, Level.ENOUGH),
        (100 * GIB, 14 * GIB, Level.LOW),
        (100 * GIB, 3 * GIB, Level.LOW),
        (100 * GIB, 1 * GIB, Level.FULL),
        (2000 * GIB, 21 * GIB, Level.ENOUGH),  # a hundredth of a large disk is plenty
        (2000 * GIB, 19 * GIB, Level.LOW),
        (10 * GIB, 2 * GIB, Level.ENOUGH),
        (10 * GIB, GIB // 3, Level.FULL),
        (10 * GIB, 0, Level.FULL),
    ],
)
def test_a_share_counts_and_never_more_than_so_many_bytes(size: int, free: int, level: Level) -> None:
    assert Space("here", size, free).level is level


def test_the_worst_of_all_counts_and_of_nothing_nothing_is_said() -> None:
    assert worst([Space("a", 100, 90), Space("b", 100, 4), Space("c", 100, 10)]) is Level.FULL
    assert worst([]) is Level.ENOUGH
    assert Space("nowhere", 0, 0).share == 0

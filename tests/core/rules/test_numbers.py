"""The numbers of one file: which came before, and runs that only a program makes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.numbers import MOST_IN_A_ROW, Numbers


def numbers(*phones: str) -> Numbers:
    made = Numbers()
    for phone in phones:
        made.add(phone)
    return made


def row(start: int, count: int, prefix: str = "010") -> list[str]:
    return [f"{prefix}{number:08d}" for number in range(start, start + count)]


def test_a_number_is_new_once() -> None:
    made = numbers("01012345678", "0111234567")
    assert not made.add("01012345678") and not made.add("0111234567")
    assert made.add("01012345679") and made.add("01112345678")


@pytest.mark.parametrize("start", [0, 12_345_678, 19_990, 9_960, 99_999_900])
def test_more_than_fifty_numbers_in_a_row_are_a_run_in_any_order(start: int) -> None:
    """R-CON-7: also across the border of ten thousand."""
    phones = row(start, MOST_IN_A_ROW + 1)
    random.Random(1).shuffle(phones)
    assert numbers(*phones).run() == f"010{start:08d}"
    assert numbers(*phones[:-1]).run() == ""


def test_fifty_numbers_in_a_row_are_none() -> None:
    """R-CON-7: the limit is exact, and a gap ends a run."""
    assert numbers(*row(700, MOST_IN_A_ROW)).run() == ""
    assert numbers(*row(700, 40), *row(741, 40)).run() == ""
    assert numbers(*row(700, 40), *row(740, 40)).run() == "01000000700"


def test_numbers_of_other_lengths_and_prefixes_do_not_join() -> None:
    assert numbers(*row(99_999_970, 30, "010"), *row(0, 30, "011")).run() == "01099999970", "digits go on"
    assert numbers(*(f"016{number:07d}" for number in range(9_999_980, 10_000_000)), *row(0, 40, "017")).run() == ""


@given(st.sets(st.integers(0, 30_000), max_size=300), st.integers(1, 60))
def test_a_run_is_found_where_there_is_one(found: set[int], most: int) -> None:
    made = numbers(*(f"010{number:08d}" for number in found))
    runs = [number for number in sorted(found) if all(number + step in found for step in range(most + 1))]
    assert made.run(most) == (f"010{runs[0]:08d}" if runs else "")

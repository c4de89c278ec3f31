"""Pace: whatever the window, never more people than agreed; and smooth, and not at night."""

from datetime import UTC, datetime, time, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import KST
from core.rules import night
from core.rules.pace import Pace

NOON = datetime(2026, 11, 25, 12, tzinfo=KST)
RESTS = (None, night.DEFAULT, night.Window(time(18), time(10, 30)))
paces = st.builds(Pace, st.integers(1, 100_000), st.integers(60, 604_800), st.sampled_from([1, 100, 500]), st.sampled_from(RESTS))


def test_ten_thousand_over_three_hours() -> None:
    pace = Pace(10_000, 3 * 3600)
    assert (pace.size, pace.slots) == (50, 200)
    assert timedelta(hours=2, minutes=55) < pace.end(NOON, 10_000) - NOON < timedelta(hours=3)
    assert pace.end(NOON, 1) == NOON


@pytest.mark.parametrize(
    ("people", "seconds", "size"), [(10, 3600, 1), (1, 60, 1), (60, 60, 60), (100_000, 3600, 500), (7, 60, 7)]
)
def test_a_batch_is_about_a_minutes_worth_and_at_least_one(people: int, seconds: int, size: int) -> None:
    assert Pace(people, seconds).size == size


@given(paces)
def test_a_window_never_holds_more_than_agreed_however_late_its_batches_are(pace: Pace) -> None:
    assert 1 <= pace.size <= pace.most
    assert pace.size * pace.slots <= pace.people
    # taken as late as may be, then on time: the slots of a window and of the patience before it
    assert pace.spacing * pace.slots >= timedelta(seconds=pace.seconds) + pace.patience
    assert pace.size * pace.slots >= pace.people / 2


@given(paces, st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_any_order_of_delays_keeps_the_pace(pace: Pace, delays: list[float]) -> None:
    """Batches are tried after arbitrary delays, as after an outage; who is too early goes to the end of the row."""
    waiting = list(islice(pace.following(pace.first(NOON, None)), 12))
    now, free_at, last, taken = NOON, None, waiting[-1], []
    for delay in delays * 3:
        now += delay * pace.spacing
        for due_at in [one for one in waiting if one <= now]:
            waiting.remove(due_at)
            slot = pace.used(now, due_at, free_at)
            if slot <= now:
                taken.append(now)
                free_at = slot + pace.spacing
            else:
                last = max(last, free_at - pace.spacing) + pace.spacing
                waiting.append(last)
    window = timedelta(seconds=pace.seconds)
    for begin in taken:
        assert sum(begin <= one < begin + window for one in taken) * pace.size <= pace.people


def test_who_is_a_little_late_costs_the_next_one_nothing() -> None:
    pace = Pace(10_000, 3 * 3600)
    late = NOON + timedelta(seconds=4)
    assert pace.used(late, NOON, None) == NOON
    next_due = NOON + pace.spacing
    assert pace.used(next_due, next_due, NOON + pace.spacing) == next_due


def test_who_is_very_late_moves_the_next_one() -> None:
    pace = Pace(10_000, 3 * 3600)
    late = NOON + timedelta(minutes=10)
    slot = pace.used(late, NOON, None)
    assert slot == late - pace.patience
    assert pace.used(late, NOON + pace.spacing, slot + pace.spacing) > late


def test_advertising_rests_at_night_and_information_does_not() -> None:
    evening = NOON.replace(hour=20)
    for ad, end in ((True, (26, 9, 9)), (False, (25, 21, 59))):
        slots = list(islice(Pace(60, 3600, rests=night.DEFAULT if ad else None).following(evening), 120))
        last = slots[-1].astimezone(KST)
        assert (last.day, last.hour) == end[:2]
        assert all(night.may_leave(slot, night_consent=not ad) for slot in slots)


@settings(max_examples=50)
@given(paces, st.integers(1, 3000), st.integers(0, 86_400))
def test_the_expected_end_is_the_slot_of_the_last_one(pace: Pace, people: int, after: int) -> None:
    start = NOON.astimezone(UTC) + timedelta(seconds=after)
    batches = -(-people // pace.size)
    last = next(islice(pace.following(pace.first(start, None)), batches - 1, None))
    if last - start < timedelta(days=300):
        assert abs(pace.end(start, people) - last) < timedelta(seconds=1)


def test_the_next_slot_follows_the_last_and_lies_not_in_the_past() -> None:
    pace = Pace(60, 3600)
    assert pace.first(NOON, None) == NOON
    assert pace.first(NOON, NOON) == NOON + pace.spacing
    assert pace.first(NOON, NOON - timedelta(hours=1)) == NOON


def test_an_end_that_is_none_is_found_quickly() -> None:
    assert Pace(1, 604_800, rests=night.DEFAULT).end(NOON, 1_000_000) > NOON + timedelta(days=300)

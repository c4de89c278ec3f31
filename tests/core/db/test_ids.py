"""Identifiers that sort by time, and the months they fall into."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.db.ids import first_id, month_bounds, new_id, next_month

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))


def test_later_ids_are_larger_and_say_when() -> None:
    made = [new_id() for _ in range(2000)]
    assert made == sorted(made) and len(set(made)) == 2000
    assert {one.version for one in made} == {7}
    seconds = (made[0].int >> 80) / 1000
    assert abs(seconds - datetime.now(UTC).timestamp()) < 60


@given(MOMENTS)
def test_an_id_of_the_month_stands_between_its_bounds(moment: datetime) -> None:
    first, beyond = month_bounds(moment)
    assert first <= first_id(moment) < beyond
    assert first_id(next_month(moment)) == beyond


def test_december_is_followed_by_january() -> None:
    assert next_month(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
    _, beyond = month_bounds(datetime(2026, 12, 15, tzinfo=UTC))
    last = datetime(2027, 1, 1, tzinfo=UTC) - timedelta(milliseconds=1)
    assert first_id(last) < beyond == first_id(datetime(2027, 1, 1, tzinfo=UTC))

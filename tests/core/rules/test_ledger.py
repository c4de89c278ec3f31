"""The bytes of a batch: placing, finding, tallying, and what comes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import ledger
from core.rules.states import BatchState, MessageState

STATES = st.lists(st.sampled_from(MessageState), min_size=1, max_size=40).map(bytes)
S, B = MessageState, BatchState


@given(STATES, st.data())
def test_placing_moves_these_positions_and_no_other(states: bytes, data: st.DataObject) -> None:
    moved = data.draw(st.sets(st.integers(0, len(states) - 1)))
    state = data.draw(st.sampled_from(MessageState))
    after = ledger.place(states, moved, state)
    assert all(after[at] == (state if at in moved else states[at]) for at in range(len(states)))
    assert len(after) == len(states)


@given(STATES, STATES)
def test_a_tally_sums_to_zero_and_says_what_changed(before: bytes, after: bytes) -> None:
    size = min(len(before), len(after))
    before, after = before[:size], after[:size]
    changes = ledger.tally(before, after)
    assert sum(changes.values()) == 0
    assert 0 not in changes.values()
    for state in MessageState:
        assert before.count(state) + changes.get(state.name.lower(), 0) == after.count(state)


@given(STATES)
def test_at_finds_every_position_of_the_wanted(states: bytes) -> None:
    found = ledger.at(states, S.PLANNED, S.HELD)
    assert found == [at for at, state in enumerate(states) if state in (S.PLANNED, S.HELD)]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([S.CLAIMED, S.UNKNOWN, S.PLANNED], B.LEASED),
        ([S.UNKNOWN, S.PLANNED, S.ACCEPTED], B.UNKNOWN),
        ([S.PLANNED, S.ACCEPTED, S.FAILED], B.READY),
        ([S.HELD, S.DELIVERED], B.READY),
        ([S.ACCEPTED, S.DELIVERED, S.EXCLUDED], B.SENT),
        ([S.DELIVERED, S.FAILED, S.CANCELLED, S.EXPIRED, S.EXCLUDED], B.CLOSED),
    ],
)
def test_what_comes_next_is_the_most_urgent(states: list[MessageState], expected: BatchState) -> None:
    assert ledger.batch_state(bytes(states)) is expected
    assert ledger.batch_state(bytes(reversed(states))) is expected


def test_every_state_has_its_bucket() -> None:
    from core.db.tables import BUCKETS

    assert set(ledger.BUCKET.values()) == set(BUCKETS) - {"selected"}

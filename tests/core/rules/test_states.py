"""Moves of a campaign, and news about messages that may come in any order."""

from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import WrongState
from core.rules.states import (
    KOREAN,
    MOVES,
    NO_NEWS,
    BatchState,
    CampaignState,
    FlyerState,
    ImageState,
    ImportState,
    MessageState,
    check_move,
    final,
    merge,
    merge_states,
)

C, M = CampaignState, MessageState
messages = st.sampled_from(list(M))
receipts = st.lists(st.sampled_from([M.UNKNOWN, M.ACCEPTED, M.DELIVERED, M.FAILED, M.EXPIRED]), max_size=6)


@pytest.mark.parametrize(
    "life",
    [
        [C.DRAFT, C.IN_REVIEW, C.APPROVED, C.SCHEDULED, C.PLANNING, C.SENDING, C.DONE],
        [C.APPROVED, C.PLANNING, C.SENDING, C.PAUSED, C.SENDING, C.PAUSED, C.CANCELLED],
        [C.IN_REVIEW, C.DRAFT, C.IN_REVIEW, C.APPROVED, C.DRAFT, C.CANCELLED],
        [C.SCHEDULED, C.DRAFT],
        [C.PLANNING, C.DONE],
        [C.SENDING, C.FAILED],
    ],
)
def test_lives_a_campaign_may_have(life: list[CampaignState]) -> None:
    for old, new in zip(life, life[1:], strict=False):
        check_move(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (C.DRAFT, C.APPROVED),
        (C.DRAFT, C.SENDING),
        (C.IN_REVIEW, C.SCHEDULED),
        (C.SENDING, C.DRAFT),
        (C.DONE, C.PLANNING),
        (C.DONE, C.CANCELLED),
        (C.CANCELLED, C.SENDING),
        (C.FAILED, C.PLANNING),
        (C.SENDING, C.SENDING),
    ],
)
def test_moves_it_may_not_make(old: CampaignState, new: CampaignState) -> None:
    with pytest.raises(WrongState) as caught:
        check_move(old, new)
    assert caught.value.reason == "WRONG_STATE"
    assert caught.value.facts == {"from": old.value, "to": new.value}
    assert KOREAN[old] in caught.value.message
    assert KOREAN[new] in caught.value.message


def test_the_table_is_complete_and_its_ends_are_ends() -> None:
    assert set(MOVES) == set(KOREAN) == set(C)
    assert {state for state, moves in MOVES.items() if not moves} == {C.CANCELLED, C.FAILED}


def test_every_state_can_be_reached_from_a_draft_and_can_end() -> None:
    reached, edge = {C.DRAFT}, {C.DRAFT}
    while edge:
        edge = {new for old in edge for new in MOVES[old]} - reached
        reached |= edge
    assert reached == set(C)
    assert all(C.CANCELLED in MOVES[state] for state in C if MOVES[state] and state is not C.DONE)


def test_what_leads_to_sending() -> None:
    assert {state for state in C if C.APPROVED in MOVES[state]} == {C.IN_REVIEW, C.SCHEDULED}
    # a draft is launched by somebody with the role; whether a second person must approve is the workspace's rule
    assert {state for state in C if C.PLANNING in MOVES[state]} == {C.DRAFT, C.APPROVED, C.SCHEDULED, C.PAUSED}
    assert {state for state in C if C.SENDING in MOVES[state]} == {C.PLANNING, C.PAUSED, C.DONE}


def test_the_stored_numbers_never_change() -> None:
    assert {state.name: int(state) for state in M} == {
        "PLANNED": 0,
        "HELD": 1,
        "CLAIMED": 2,
        "UNKNOWN": 3,
        "ACCEPTED": 4,
        "DELIVERED": 5,
        "FAILED": 6,
        "CANCELLED": 7,
        "EXPIRED": 8,
        "EXCLUDED": 9,
    }
    assert [(state.name, int(state)) for state in BatchState] == [
        ("READY", 0),
        ("LEASED", 1),
        ("UNKNOWN", 2),
        ("SENT", 3),
        ("CLOSED", 4),
    ]


def test_the_stored_names_of_the_smaller_lives() -> None:
    assert [*ImportState] == ["PENDING", "RUNNING", "DONE", "REFUSED", "FAILED"]
    assert [*FlyerState] == ["PENDING", "COMPOSING", "READY", "FAILED"]
    assert [*ImageState] == ["PENDING", "READY", "REFUSED"]


def test_which_messages_are_over() -> None:
    assert {state for state in M if final(state)} == {M.DELIVERED, M.FAILED, M.CANCELLED, M.EXPIRED, M.EXCLUDED}


@pytest.mark.parametrize(
    ("old", "new", "end"),
    [
        (M.CLAIMED, M.ACCEPTED, M.ACCEPTED),
        (M.ACCEPTED, M.DELIVERED, M.DELIVERED),
        (M.ACCEPTED, M.FAILED, M.FAILED),
        (M.DELIVERED, M.ACCEPTED, M.DELIVERED),
        (M.FAILED, M.ACCEPTED, M.FAILED),
        (M.FAILED, M.DELIVERED, M.DELIVERED),
        (M.DELIVERED, M.FAILED, M.DELIVERED),
        (M.UNKNOWN, M.DELIVERED, M.DELIVERED),
        (M.DELIVERED, M.UNKNOWN, M.DELIVERED),
        (M.CLAIMED, M.DELIVERED, M.DELIVERED),
        (M.CANCELLED, M.ACCEPTED, M.CANCELLED),
        (M.CANCELLED, M.DELIVERED, M.DELIVERED),
        (M.EXCLUDED, M.ACCEPTED, M.EXCLUDED),
    ],
)
def test_the_stronger_news_stays(old: MessageState, new: MessageState, end: MessageState) -> None:
    assert merge(old, new) is end


@given(receipts)
def test_every_order_of_receipts_ends_the_same(news: list[MessageState]) -> None:
    ends = {reduce(merge, order, M.CLAIMED) for order in permutations(news)}
    assert len(ends) == 1
    doubled = reduce(merge, news + news, M.CLAIMED)
    assert ends == {doubled}


@given(messages, messages, messages)
def test_merging_is_a_semilattice(one: MessageState, two: MessageState, three: MessageState) -> None:
    assert merge(one, one) is one
    assert merge(one, two) is merge(two, one)
    assert merge(merge(one, two), three) is merge(one, merge(two, three))


@given(messages, messages)
def test_what_is_over_stays_over(old: MessageState, new: MessageState) -> None:
    merged = merge(old, new)
    assert merged in (old, new)
    if final(old):
        assert final(merged)


@given(st.lists(st.tuples(messages, messages | st.none()), max_size=600))
def test_a_batch_is_merged_as_each_of_its_messages(pairs: list[tuple[MessageState, MessageState | None]]) -> None:
    old = bytes(one for one, _ in pairs)
    new = bytes(NO_NEWS if two is None else two for _, two in pairs)
    assert merge_states(old, new) == bytes(one if two is None else merge(one, two) for one, two in pairs)


@given(st.lists(st.binary(min_size=8, max_size=8).map(lambda raw: bytes(b % 10 for b in raw)), max_size=4))
def test_every_order_of_batch_receipts_ends_the_same(news: list[bytes]) -> None:
    start = bytes([M.ACCEPTED] * 8)
    assert len({reduce(merge_states, order, start) for order in permutations(news)}) == 1


def test_no_news_changes_nothing() -> None:
    old = bytes(M)
    assert merge_states(old, bytes([NO_NEWS]) * len(old)) == old
    assert merge_states(b"", b"") == b""


@pytest.mark.parametrize(
    ("old", "new"), [(b"\0\0", b"\0"), (b"", b"\xff"), (b"\x0a", b"\xff"), (b"\0", b"\xfe"), (b"\xff", b"\0")]
)
def test_bytes_that_are_no_states_are_a_mistake(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError):
        merge_states(old, new)

"""The code of an opt-out link: short, of one message, and worth nothing to who has no key."""

import os
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.db.ids import new_id
from core.rules import optout

KEY = b"k" * 32


@given(st.integers(0, 65_535))
def test_a_code_names_its_message(position: int) -> None:
    """R-OPT-5: the link is a token of one message; nobody logs in."""
    batch = new_id()
    written = optout.code(batch, position, KEY)
    said = optout.read(written)
    assert said is not None
    assert (len(written), written.isascii(), written.isalnum()) == (optout.LENGTH, True, True)
    assert said.position == position
    assert said.bounds[0] <= batch < said.bounds[1]
    assert said.names(batch, KEY)
    assert optout.code(batch, position, KEY) == written


def test_a_code_is_of_no_other_batch_place_or_merchant() -> None:
    batch = new_id()
    said = optout.read(optout.code(batch, 3, KEY))
    assert said is not None
    assert not said.names(UUID(int=batch.int ^ 1), KEY)
    assert not said.names(batch, b"x" * 32)
    assert len({optout.code(batch, position, KEY)[8:] for position in range(500)}) == 500


def test_of_a_neighbour_it_tells_nothing() -> None:
    """Every sign that is changed makes it another message's, or nobody's."""
    batch = new_id()
    written = optout.code(batch, 3, KEY)
    for at in range(optout.LENGTH):
        for sign in "0aZ9":
            if sign == written[at]:
                continue
            said = optout.read(written[:at] + sign + written[at + 1 :])
            assert said is None or not said.names(batch, KEY)


@given(st.text(max_size=40))
def test_anything_can_be_read_and_is_mostly_nothing(text: str) -> None:
    said = optout.read(text)
    assert said is None or (len(text) == optout.LENGTH and not said.names(new_id(), os.urandom(32)))


def test_the_first_and_last_codes_are_read_without_harm() -> None:
    for text in ("0" * optout.LENGTH, "z" * optout.LENGTH):
        if said := optout.read(text):
            assert said.bounds[0] < said.bounds[1]


def test_the_sample_is_as_long_as_the_real_one() -> None:
    """R-LBL-7: the preview counts the link."""
    real = optout.address("https://bomnal.kr/", optout.code(new_id(), 0, KEY))
    assert real.startswith("https://bomnal.kr/o/")
    assert len(optout.sample("https://bomnal.kr")) == len(real)

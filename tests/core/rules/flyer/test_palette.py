"""Whatever the accent, every text can be read on its ground."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules.flyer.palette import DEFAULT_ACCENT, READABLE, RGB, build, contrast, parse, to_lch, to_rgb

CHANNEL = st.integers(0, 255)
COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL)


@settings(max_examples=300, deadline=None, database=None)
@given(COLOUR)
def test_every_text_is_readable_on_its_ground(seed: RGB) -> None:
    colours = build(seed)
    pairs = [(colours.paper, text) for text in (colours.ink, colours.soft, colours.accent, colours.spark)]
    pairs += [(colours.deep, text) for text in (colours.on_deep, colours.on_deep_soft, colours.on_deep_spark)]
    pairs += [(colours.spark, colours.on_spark)]
    for ground, text in pairs:
        assert contrast(ground, text) >= READABLE


@settings(deadline=None, database=None)
@given(COLOUR)
def test_oklch_and_back_is_the_same_colour(colour: RGB) -> None:
    assert all(abs(a - b) <= 1 for a, b in zip(to_rgb(to_lch(colour)), colour, strict=True))


@settings(deadline=None, database=None)
@given(st.floats(0, 1), st.floats(0, 0.4), st.floats(0, 360))
def test_no_colour_falls_off_the_screen(lightness: float, chroma: float, hue: float) -> None:
    assert all(0 <= channel <= 255 for channel in to_rgb((lightness, chroma, hue)))


def test_black_on_white_is_twenty_one_to_one() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)


def test_the_panel_keeps_the_hue_of_the_accent() -> None:
    for accent in ("#2B5FA8", "#1F8A70", "#B04E2A"):
        wanted, got = to_lch(parse(accent))[2], to_lch(build(parse(accent)).deep)[2]
        assert min(abs(wanted - got), 360 - abs(wanted - got)) < 12


def test_a_grey_accent_gives_neutral_paper() -> None:
    assert to_lch(build((128, 128, 128)).paper)[1] < 0.004
    assert to_lch(build(DEFAULT_ACCENT).paper)[1] > 0.006


@pytest.mark.parametrize("accent", ["red", "#fff", "#12345G", "123456", "#1234567", " #123456", "#123456\n"])
def test_an_accent_must_be_six_hex_digits(accent: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(accent)
    assert refused.value.reason == "ACCENT_INVALID"

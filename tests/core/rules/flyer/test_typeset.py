"""Text never leaves its box, breaks by word, leaves no syllable alone, and gets smaller before it gets shorter."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageChops

from core.rules.flyer import palette
from core.rules.flyer.box import Box
from core.rules.flyer.face import Weight
from core.rules.flyer.line import advance
from core.rules.flyer.sheet import Sheet, Stance
from core.rules.flyer.typeset import Style, common, fit, write

COLOURS = palette.build(palette.DEFAULT_ACCENT)
NAME = Style(Weight.BOLD, 40, 20, lines=2, leading=1.3, tracking=-0.015)
HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
LETTERS = st.one_of(
    HANGUL, HANGUL, HANGUL, st.characters(min_codepoint=0x20, max_codepoint=0x7E), st.sampled_from("春日韓屋·~…★①ÅÇĝ")
)
TEXTS = st.text(LETTERS, max_size=60)
STYLES = st.builds(
    Style,
    weight=st.sampled_from(list(Weight)),
    size=st.integers(24, 90),
    floor=st.integers(12, 24),
    lines=st.integers(1, 3),
    leading=st.sampled_from([1.15, 1.3, 1.5]),
    tracking=st.sampled_from([-0.03, 0.0, 0.05]),
)
BOXES = st.builds(
    lambda left, top, width, height: Box(left, top, left + width, top + height),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(1, 400),
    st.integers(1, 160),
)
STANCES = st.builds(Stance, across=st.floats(0, 1), down=st.floats(0, 1))


def ink_of(sheet: Sheet) -> Box | None:
    edges = ImageChops.difference(sheet.image, Sheet(sheet.image.size, COLOURS).image).getbbox()
    return Box(*edges) if edges else None


@settings(max_examples=150, deadline=None, database=None)
@given(TEXTS, BOXES, STYLES, STANCES)
def test_no_text_ever_leaves_its_box(text: str, box: Box, style: Style, stance: Stance) -> None:
    sheet = Sheet((540, 300), COLOURS)
    covered = write(sheet, text, box, style, (0, 0, 0), stance)
    ink = ink_of(sheet)
    assert sheet.dropped == 0
    if ink is None:
        return
    assert covered is not None
    assert box.contains(covered)
    assert covered.contains(ink)


@settings(max_examples=100, deadline=None, database=None)
@given(TEXTS.filter(str.strip), STYLES)
def test_a_reasonable_box_always_shows_something(text: str, style: Style) -> None:
    setting = fit(text, (400, 160), style)
    assert setting.rows and style.floor <= setting.size <= style.size
    assert len(setting.rows) <= style.lines


@settings(max_examples=100, deadline=None, database=None)
@given(st.text(HANGUL, min_size=1, max_size=40), st.integers(120, 400))
def test_what_is_not_cut_short_is_complete(text: str, width: int) -> None:
    joined = "".join(fit(text, (width, 200), NAME).rows)
    assert joined == text or (joined.endswith("…") and text.startswith(joined[:-1]))


def test_lines_break_between_words() -> None:
    assert fit("에티오피아 예가체프 드립백 10입", (280, 120), NAME).rows == ("에티오피아 예가체프", "드립백 10입")


def test_lines_come_out_about_equally_long() -> None:
    style = Style(Weight.BOLD, 40, 40, lines=2)
    first, second = fit("따뜻한 봄날에 마시는 우리 동네 커피 한 잔", (560, 120), style).rows
    widths = [advance(row, Weight.BOLD, 40, 0) for row in (first, second)]
    assert min(widths) > 0.7 * max(widths)


def test_one_long_word_is_split_without_leaving_a_syllable_alone() -> None:
    style = Style(Weight.BOLD, 40, 40, lines=3)
    word = "봄날커피시그니처블렌드원두"
    for width in range(90, 420, 10):
        rows = fit(word, (width, 400), style).rows
        assert len(rows) == 1 or len(rows[-1]) > 1, width


def test_numbers_and_their_units_stay_together_when_a_word_is_split() -> None:
    style = Style(Weight.BOLD, 40, 40, lines=3)
    rows = fit("대용량업소용원두1,000g특가", (200, 400), style).rows
    assert any("1,000g" in row for row in rows)


def test_text_gets_smaller_before_it_is_cut() -> None:
    style = Style(Weight.BOLD, 40, 20)
    assert fit("봄날 하우스 블렌드", (340, 60), style).size == 40
    smaller = fit("봄날 하우스 블렌드", (200, 60), style)
    assert smaller.size < 40 and smaller.rows == ("봄날 하우스 블렌드",)
    cut = fit("봄날 하우스 블렌드", (100, 60), style)
    assert cut.size == 20 and cut.rows[0].endswith("…")


def test_neighbours_share_the_size_of_the_longest() -> None:
    texts = ["말차", "에티오피아 예가체프 코체레 내추럴 스페셜티 원두"]
    shared = common(texts, (280, 110), NAME)
    assert shared.size == fit(texts[1], (280, 110), NAME).size < NAME.size


@pytest.mark.parametrize("box", [Box(10, 10, 10, 10), Box(10, 10, 14, 60), Box(10, 10, 200, 13)])
def test_a_box_too_small_for_any_letter_stays_empty(box: Box) -> None:
    sheet = Sheet((300, 100), COLOURS)
    assert write(sheet, "봄날커피", box, NAME, (0, 0, 0)) is None
    assert ink_of(sheet) is None

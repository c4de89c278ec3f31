"""Glyphs: Hanja from the second typeface, refusal of what neither has."""

import unicodedata

import pytest

from core.errors import InvalidInput
from core.rules.flyer.face import Weight, chunks, clean, cut, require_glyphs


def test_hangul_comes_from_the_own_typeface_and_hanja_from_the_other() -> None:
    own, other = cut("봄", Weight.BOLD, 40), cut("春", Weight.BOLD, 40)
    assert "Pretendard" in str(own.font.getname()[0])
    assert "Noto" in str(other.font.getname()[0])


def test_the_regular_fallback_is_thickened_only_beside_bold() -> None:
    assert cut("春", Weight.BOLD, 40).stroke > 0
    assert cut("春", Weight.REGULAR, 40).stroke == 0
    assert cut("봄", Weight.BOLD, 40).stroke == 0


def test_every_hangul_syllable_can_be_drawn() -> None:
    require_glyphs(["".join(chr(code) for code in range(0xAC00, 0xD7A4))])


def test_missing_characters_are_refused_and_named() -> None:
    with pytest.raises(InvalidInput) as refused:
        require_glyphs(["커피 ☕🎉 할인", "🎉 행사"])
    assert refused.value.reason == "MISSING_GLYPH"
    assert "🎉" in refused.value.message
    assert refused.value.facts["characters"].count("🎉") == 1
    assert "커" not in refused.value.message


def test_text_is_composed_and_freed_of_invisible_characters() -> None:
    assert clean(unicodedata.normalize("NFD", "봄날\u200b 커피")) == "봄날 커피"
    assert clean("  두   칸\n\t띄기 ") == "두 칸 띄기"


def test_latin_words_and_numbers_stay_whole_for_kerning() -> None:
    assert chunks("원두 1,000g AVA") == ("원", "두", " ", "1,000g", " ", "AVA")

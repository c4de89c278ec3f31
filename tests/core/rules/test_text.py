"""Byte-exact text: the shared vectors, and properties no list of examples can cover."""

import json
import unicodedata
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules import personalise, text
from core.rules.channel import Channel

VECTORS = json.loads(files("core.rules").joinpath("vectors/text.json").read_text(encoding="utf-8"))
TEXTS = VECTORS["texts"]
CLEAN = [vector for vector in TEXTS if "unsupported" not in vector]
DIRTY = [vector for vector in TEXTS if "unsupported" in vector]

any_text = st.text(max_size=200) | st.text(alphabet="가뷁a1₩•–é\u00a0\u200b\t\r\n\u1100\u1161\u11a8❤\ufe0f🎉ｱ", max_size=60)


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def written_out(vector: dict[str, Any]) -> str:
    return str(vector["text"]) * int(vector.get("repeat", 1))


def naive_length(clean: str) -> int:
    return sum(2 if character == "\n" or ord(character) > 127 else 1 for character in clean)


def test_the_vector_file_names_each_vector_once() -> None:
    names = [vector["name"] for vector in TEXTS]
    assert len(names) == len(set(names)) >= 70
    assert CLEAN and DIRTY


@pytest.mark.parametrize("vector", CLEAN, ids=by_name)
def test_clean_text_has_its_bytes_and_nothing_to_complain_about(vector: dict[str, Any]) -> None:
    written = written_out(vector)
    assert text.byte_length(written) == vector["bytes"]
    assert text.find_unsupported(written) == ()
    assert [one.character for one in text.find_rare(written)] == vector.get("rare", [])
    assert text.repair(written) == text.normalise(written)


@pytest.mark.parametrize("vector", CLEAN, ids=by_name)
def test_the_channel_follows_from_the_bytes(vector: dict[str, Any]) -> None:
    written = written_out(vector)
    if "refused" in vector:
        with pytest.raises(InvalidInput) as caught:
            text.channel_for(written)
        assert caught.value.reason == vector["refused"]
    else:
        assert text.channel_for(written) == vector["channel"]


@pytest.mark.parametrize("vector", DIRTY, ids=by_name)
def test_unsupported_text_is_named_and_repaired(vector: dict[str, Any]) -> None:
    expected = tuple(text.Unsupported(**one) for one in vector["unsupported"])
    assert text.find_unsupported(vector["text"]) == expected
    assert text.repair(vector["text"]) == vector["repaired"]
    assert text.byte_length(vector["repaired"]) == vector["bytes_repaired"]


@pytest.mark.parametrize("vector", VECTORS["personalised"], ids=by_name)
def test_each_person_has_their_own_bytes_and_channel(vector: dict[str, Any]) -> None:
    body = personalise.parse(vector["body"])
    for person in vector["rendered"]:
        rendered = body.render([person["values"][name] for name in body.names])
        assert text.byte_length(rendered) == person["bytes"]
        assert text.channel_for(rendered) == person["channel"]


def test_two_sms_and_one_lms_for_the_three_names() -> None:
    body = personalise.parse(VECTORS["personalised"][0]["body"])
    rendered = [body.render([name]) for name in ("홍길동", "남궁민수", "Christopher Lee")]
    assert [text.byte_length(one) for one in rendered] == [87, 89, 96]
    assert [text.channel_for(one) for one in rendered] == [Channel.SMS, Channel.SMS, Channel.LMS]


def test_counting_unsupported_text_raises_and_says_what_to_write_instead() -> None:
    with pytest.raises(text.UnsupportedText) as caught:
        text.byte_length("니트 ₩10,000 🎉\u200b")
    assert caught.value.reason == "UNSUPPORTED_CHARACTERS"
    assert "‘₩’(U+20A9) → ‘￦’" in caught.value.message
    assert "‘🎉’(U+1F389) → 삭제" in caught.value.message
    assert "U+200B → 삭제" in caught.value.message
    assert caught.value.facts == {"characters": "U+20A9,U+1F389,U+200B"}
    assert [one.index for one in caught.value.found] == [3, 11, 12]


def test_the_message_names_blanks_and_line_breaks_in_words() -> None:
    found = text.find_unsupported("가\u00a0나\u2028다")
    assert [str(one) for one in found] == ["U+00A0 → 빈칸", "U+2028 → 줄바꿈"]


def test_the_message_stays_short_and_never_quotes_the_body() -> None:
    with pytest.raises(text.UnsupportedText) as caught:
        text.byte_length("비밀 세일 🍎🍏🍐🍑🍒🍓🍔🍎🍎")
    assert caught.value.message.endswith("외 2자")
    assert "비밀" not in caught.value.message
    assert len(caught.value.found) == 9


def test_a_lone_surrogate_is_unsupported_and_its_message_can_still_travel() -> None:
    with pytest.raises(text.UnsupportedText) as caught:
        text.byte_length("가\ud83d")
    assert caught.value.message.encode("utf-8")
    assert text.repair("가\ud83d") == "가"


def test_nfkc_is_not_used_on_what_can_be_sent() -> None:
    assert text.normalise("￦①㈜") == text.repair("￦①㈜") == "￦①㈜"


def test_normalise_leaves_trailing_blanks_alone() -> None:
    assert text.normalise("가 \r\n \r") == "가 \n \n"


def test_all_syllables_are_two_bytes_and_2350_of_them_are_usual() -> None:
    syllables = "".join(map(chr, range(0xAC00, 0xD7A4)))
    assert text.byte_length(syllables) == 2 * 11_172
    assert len(text.find_rare(syllables)) == 11_172 - 2_350


def test_every_character_cp949_lacks_has_a_suggestion_that_can_be_sent() -> None:
    plane = "".join(chr(point) for point in range(0x20000) if not 0xD800 <= point < 0xE000)
    found = text.find_unsupported(plane)
    assert len(found) > 30_000
    assert text.find_unsupported("".join(one.suggestion for one in found)) == ()


def test_an_image_makes_it_an_mms_whatever_its_length() -> None:
    assert text.channel_for("가", has_image=True) is Channel.MMS
    assert text.channel_for("가" * 1000, has_image=True) is Channel.MMS
    with pytest.raises(InvalidInput):
        text.channel_for("가" * 1001, has_image=True)


@pytest.mark.parametrize(("count", "channel"), [(0, "SMS"), (90, "SMS"), (91, "LMS"), (2000, "LMS")])
def test_a_known_byte_count_is_believed(count: int, channel: str) -> None:
    assert text.channel_for("", byte_count=count) == channel


def test_too_long_says_how_long_and_how_long_it_may_be() -> None:
    with pytest.raises(InvalidInput) as caught:
        text.channel_for("", byte_count=2001)
    assert caught.value.facts == {"bytes": "2001", "limit": "2000"}
    assert "2,001바이트" in caught.value.message


@given(any_text)
def test_repair_always_gives_text_that_can_be_sent(written: str) -> None:
    repaired = text.repair(written)
    assert text.find_unsupported(repaired) == ()
    assert text.repair(repaired) == text.normalise(repaired) == repaired
    assert text.byte_length(repaired) == naive_length(repaired)


@given(any_text)
def test_counting_raises_exactly_when_something_is_unsupported(written: str) -> None:
    normal = text.normalise(written)
    encodable = [one for one in text.find_unsupported(normal) if unicodedata.category(one.character) not in ("Cc", "Cf")]
    try:
        counted = text.byte_length(normal)
    except text.UnsupportedText as problem:
        assert problem.found == text.find_unsupported(normal) != ()
    else:
        assert encodable == []
        assert counted == naive_length(normal)


@given(any_text)
def test_counting_normalises_by_itself(written: str) -> None:
    clean = text.repair(written)
    decomposed = unicodedata.normalize("NFD", clean).replace("\n", "\r\n")
    assert text.byte_length(decomposed) == text.byte_length(clean)


@given(any_text)
def test_each_finding_points_at_its_character(written: str) -> None:
    normal = text.normalise(written)
    for one in text.find_unsupported(written) + text.find_rare(written):
        assert normal[one.index] == one.character
        assert one.code_point == f"U+{ord(one.character):04X}"

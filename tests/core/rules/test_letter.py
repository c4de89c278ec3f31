"""The letter: one text, many people; who gets what as which channel, and who is left out why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules.channel import Channel
from core.rules.letter import GONE, HASH_BYTES, Letter, Person, hash_at, prepare, text_hash, text_hashes
from core.rules.personalise import MissingValue


def person(name: str, reason: str | None = None, night: bool = False) -> Person:
    return (name, (), reason, night, b"", 1)


def limit(channel: Channel) -> int:
    return {Channel.SMS: 5, Channel.LMS: 3, Channel.MMS: 2}[channel]


def test_a_name_and_attributes_stand_where_they_belong() -> None:
    letter = Letter("#{등급} #{이름|고객}님, #{지점|본점} #{등급}회원")
    assert letter.keys == ("등급", "지점")
    assert letter.write("하나", ("VIP", "강남")) == ("VIP 하나님, 강남 VIP회원", 24, Channel.SMS)
    assert letter.write("", ("VIP", ""))[0] == "VIP 고객님, 본점 VIP회원"
    with pytest.raises(MissingValue):
        letter.write("하나", ("", "강남"))


def test_a_text_without_variables_is_measured_once() -> None:
    letter = Letter("안녕")
    assert letter.text("하나", ()) is letter.text("둘", ())
    assert letter.write("하나", ()) == ("안녕", 4, Channel.SMS)
    assert letter.keys == ()


@pytest.mark.parametrize(
    ("body", "image", "channel"),
    [
        ("가" * 45, False, "SMS"),
        ("가" * 45 + "a", False, "LMS"),
        ("가", True, "MMS"),
        ("가" * 1000, False, "LMS"),
        ("가" * 1000, True, "MMS"),
    ],
)
def test_the_channel_follows_from_bytes_and_picture(body: str, image: bool, channel: str) -> None:
    assert Letter(body, has_image=image).write("", ())[2] == channel


def test_more_than_2000_bytes_go_to_nobody() -> None:
    with pytest.raises(InvalidInput) as refusal:
        Letter("가" * 1000 + "a").write("", ())
    assert refusal.value.reason == "BODY_TOO_LONG"


def test_everybody_is_sent_to_held_or_left_out_with_a_reason() -> None:
    letter = Letter("#{이름} " + "가" * 20)
    people = [
        person("하나"),
        person(""),
        person("둘", reason="OPTED_OUT"),
        person("나" * 40, night=True),
        person("다" * 1000),
        person("셋", night=True),
        GONE,
        person("이미 보냄"),
    ]
    waiting = range(7)
    day = prepare(letter, waiting, people, night=False, limit=limit)
    assert day.excluded == {1: "MISSING_VARIABLE", 2: "OPTED_OUT", 4: "BODY_TOO_LONG", 6: "GONE"}
    assert {part.channel: part.positions for part in day.parts} == {Channel.SMS: (0, 5), Channel.LMS: (3,)}
    night = prepare(letter, waiting, people, night=True, limit=limit)
    assert night.held == (0, 1, 4), "whoever may not be written to now is not judged by a text of tomorrow"
    assert night.excluded == {2: "OPTED_OUT", 6: "GONE"}
    assert sorted(at for part in night.parts for at in part.positions) == [3, 5]


@given(
    st.lists(st.tuples(st.sampled_from(["", "하나", "나" * 60, "다" * 1200]), st.booleans(), st.booleans()), max_size=40),
    st.booleans(),
)
def test_nobody_is_lost_and_no_call_is_too_large(people: list[tuple[str, bool, bool]], night: bool) -> None:
    persons = [person(name, "NO_CONSENT" if refused else None, consent) for name, refused, consent in people]
    found = prepare(Letter("#{이름} 가나다"), range(len(people)), persons, night=night, limit=limit)
    placed = [at for part in found.parts for at in part.positions]
    assert sorted([*placed, *found.excluded, *found.held]) == list(range(len(people)))
    assert all(1 <= len(part.positions) <= limit(part.channel) and len(part.positions) == len(part.texts) for part in found.parts)
    assert all(people[at][0].strip() in text for part in found.parts for at, text in zip(part.positions, part.texts, strict=True))


@given(st.lists(st.text(max_size=20), max_size=12))
def test_hashes_stand_one_after_another(texts: list[str]) -> None:
    hashes = text_hashes(texts)
    assert len(hashes) == HASH_BYTES * len(texts)
    assert [hash_at(hashes, at) for at in range(len(texts))] == [text_hash(text) for text in texts]


def test_the_same_object_for_all_is_hashed_once_and_right() -> None:
    text = "".join(["안", "녕"])
    assert text_hashes([text] * 3) == text_hash("안녕") * 3
    assert text_hashes([]) == b""


@pytest.mark.parametrize("shown", ["가\r\n나", "가 \n나", "가\n나\n", "가\n나  "])
def test_what_a_provider_changes_in_showing_does_not_count(shown: str) -> None:
    assert text_hash(shown) == text_hash("가\n나")
    assert text_hash(shown) != text_hash("가나")


@given(st.text(alphabet="가나a1 \n.,!#½ㅋ", max_size=1200), st.booleans())
def test_the_quick_channel_is_the_counted_one(value: str, image: bool) -> None:
    for body in ("#{이름|고객} " + value, "#{이름|고객}님\n안내"):
        letter = Letter(body, has_image=image)
        try:
            counted = letter.write(value, ())[2]
        except InvalidInput:
            continue
        assert letter.channel(letter.text(value, ())) == counted

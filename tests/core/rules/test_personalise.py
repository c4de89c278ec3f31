"""Variables: found once, filled for each person, and a mistake is named with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules import text
from core.rules.personalise import MAX_NAME, MAX_VARIABLES, Body, MissingValue, clean_value, parse

names = st.text(alphabet="이름상품가격abc ", min_size=1, max_size=10).map(str.strip).filter(bool)
literals = st.text(alphabet="가나다 %s\n{}#|(광고)a", max_size=20).filter(lambda one: "#{" not in one and not one.endswith("#"))


def refused(body: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse(body)
    assert caught.value.reason == "BAD_VARIABLE"
    return caught.value


def test_a_body_without_variables_is_itself() -> None:
    body = parse("100% 할인 %s {중괄호} # | }")
    assert body.names == ()
    assert body.render(()) == "100% 할인 %s {중괄호} # | }"


def test_values_align_with_the_names_in_order_of_first_appearance() -> None:
    body = parse("#{이름}님, #{상품} 20%! #{이름}님만")
    assert body.names == ("이름", "상품")
    assert body.segments == (0, "님, ", 1, " 20%! ", 0, "님만")
    assert body.render(("홍길동", "니트")) == "홍길동님, 니트 20%! 홍길동님만"


def test_adjacent_variables_and_blanks_around_a_name() -> None:
    assert parse("#{ 가 }#{나}").render(["1", "2"]) == "12"


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_value_takes_the_default(value: str | None) -> None:
    assert parse("#{이름|고객}님").render([value]) == "고객님"


def test_an_empty_default_is_a_default() -> None:
    assert parse("안녕하세요#{호칭|}!").render([None]) == "안녕하세요!"


def test_a_default_may_hold_a_bar_and_blanks() -> None:
    assert parse("#{이름| 고객|회원 }").render([None]) == " 고객|회원 "


def test_one_default_serves_every_appearance() -> None:
    for written in ("#{이름}, #{이름|고객}", "#{이름|고객}, #{이름}", "#{이름|고객}, #{이름|고객}"):
        assert parse(written).render([None]) == "고객, 고객"


def test_without_value_and_default_the_variable_is_named() -> None:
    with pytest.raises(MissingValue) as caught:
        parse("#{이름|고객}님 #{쿠폰}").render(["홍길동", ""])
    assert caught.value.reason == "MISSING_VARIABLE"
    assert caught.value.facts == {"variable": "쿠폰"}
    assert "#{쿠폰}" in caught.value.message
    assert "홍길동" not in caught.value.message


@pytest.mark.parametrize("values", [(), ("가",), ("가", "나", "다")])
def test_values_that_do_not_align_are_a_mistake_of_the_caller(values: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="align"):
        parse("#{a}#{b}").render(values)


def test_a_value_is_never_read_as_a_variable_or_a_format() -> None:
    assert parse("#{이름} #{상품}").render(["#{상품}", "%s%d"]) == "#{상품} %s%d"


@pytest.mark.parametrize(
    ("body", "line", "column", "words"),
    [
        ("안녕 #{이름", "1", "4", "닫히지"),
        ("안녕\n하세요 #{이름\n님}", "2", "5", "닫히지"),
        ("#{}", "1", "1", "비어"),
        ("가\n#{  |고객}", "2", "1", "비어"),
        ("#{이름#{상품}}", "1", "1", "다른 변수"),
        ("#{이름|#{상품}}", "1", "1", "다른 변수"),
        ("#{이름|고객} #{이름|회원}", "1", "10", "기본값"),
        ("#{이름|} #{이름|회원}", "1", "8", "기본값"),
    ],
)
def test_a_mistake_is_named_with_its_place(body: str, line: str, column: str, words: str) -> None:
    problem = refused(body)
    assert problem.facts == {"line": line, "column": column}
    assert problem.message.startswith(f"{line}번째 줄 {column}번째 글자: ")
    assert words in problem.message


def test_thirty_characters_are_a_name_and_thirty_one_are_not() -> None:
    assert parse("#{" + "가" * MAX_NAME + "}").names == ("가" * MAX_NAME,)
    assert "30자" in refused("#{" + "가" * (MAX_NAME + 1) + "}").message


def test_twenty_variables_and_no_more_however_often_each_appears() -> None:
    written = "".join(f"#{{v{number}}}" for number in range(MAX_VARIABLES))
    assert len(parse(written * 3).names) == MAX_VARIABLES
    assert "20개" in refused(written + "#{하나더}").message


def test_a_decomposed_name_is_the_composed_one() -> None:
    assert parse("#{\u110b\u1175\u1105\u1173\u11b7} #{이름}").names == ("이름",)


def test_bodies_compare_by_their_text_and_cannot_be_changed() -> None:
    assert parse("#{a}!") == parse("#{ a }!") != parse("#{a|}!")
    with pytest.raises(AttributeError):
        parse("#{a}").names = ()  # type: ignore[misc]


def test_a_body_can_be_built_from_its_parts() -> None:
    assert Body(("a",), ("<", 0, ">"), (None,)).render(["1"]) == "<1>"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  홍길동 ", "홍길동"),
        ("홍\n길동\r\n(VIP)", "홍 길동 (VIP)"),
        ("홍\x07길\x7f동", "홍길동"),
        ("\u1112\u1169\u11bc", "홍"),
        ("José ₩100", "Jose ￦100"),
        ("홍길동\u200b🎉", "홍길동"),
        ("#{쿠폰}", "# {쿠폰}"),
        ("##{{쿠폰}", "## {{쿠폰}"),
        ("#\u200b{쿠폰}", "# {쿠폰}"),
        ("🎉 \u00a0", ""),
        ("", ""),
    ],
)
def test_a_value_is_cleaned(raw: str, clean: str) -> None:
    assert clean_value(raw) == clean


@given(st.text())
def test_a_clean_value_is_harmless_and_stays_as_it_is(raw: str) -> None:
    value = clean_value(raw)
    assert "#{" not in value
    assert "\n" not in value
    assert value == value.strip()
    assert text.find_unsupported(value) == ()
    assert clean_value(value) == value


@given(st.lists(st.tuples(literals, names), max_size=MAX_VARIABLES), literals, st.data())
def test_rendering_each_variable_with_its_own_text_gives_the_body_back(
    parts: list[tuple[str, str]], tail: str, data: st.DataObject
) -> None:
    written = "".join(f"{literal}#{{{name}}}" for literal, name in parts) + tail
    body = parse(written)
    assert body.render([f"#{{{name}}}" for name in body.names]) == written
    values = {name: data.draw(st.text(min_size=1)) for name in body.names}
    expected = "".join(literal + values[name] for literal, name in parts) + tail
    assert body.render([values[name] for name in body.names]) == expected


@given(st.text(alphabet="#{}|이름 \n%s", max_size=80))
def test_any_text_is_either_parsed_or_refused_with_a_place(written: str) -> None:
    try:
        body = parse(written)
    except InvalidInput as problem:
        assert problem.reason == "BAD_VARIABLE"
        assert {"line", "column"} == set(problem.facts)
    else:
        assert not any("#{" in part for part in body.segments if isinstance(part, str))

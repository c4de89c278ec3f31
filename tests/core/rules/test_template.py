"""Alimtalk templates: a text is a template's to the last line break, or it is not."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.rules.personalise import MissingValue
from core.rules.states import TemplateState
from core.rules.template import KOREAN, Button, Template, differs, fill, keeps, names, problems, read, write

LINK = "https://shop.example/o/#{주문번호}"
ORDER = Template(
    code="TX_0412",
    channel_key="ab12",
    content="#{고객명}님,\r\n주문번호 #{주문번호} 접수되었습니다.",
    name="주문접수",
    emphasis_title="#{상태} 알림",
    buttons=(Button("WL", "주문 보기", mobile=LINK, pc=LINK), Button("MD", "문의")),
)
VALUES = {"고객명": "김하나", "주문번호": "A-1007", "상태": "접수"}


def test_the_variables_of_text_title_and_buttons_are_known_in_order() -> None:
    assert names(ORDER) == ("고객명", "주문번호", "상태")


def test_a_template_is_filled_and_keeps_its_own_line_breaks() -> None:
    written = write(ORDER, VALUES)
    assert written.text == "김하나님,\r\n주문번호 A-1007 접수되었습니다."
    assert written.title == "접수 알림"
    assert written.buttons[0].mobile == written.buttons[0].pc == "https://shop.example/o/A-1007"
    assert written.buttons[1] == ORDER.buttons[1]
    assert written.variables == VALUES
    assert keeps(ORDER, written)


@pytest.mark.parametrize("name", VALUES)
def test_without_a_value_nothing_is_written(name: str) -> None:
    for value in ("", "  \n"):
        with pytest.raises(MissingValue, match=name):
            write(ORDER, {**VALUES, name: value})


def test_a_value_never_becomes_a_variable() -> None:
    assert write(ORDER, {**VALUES, "고객명": "#{주문번호}"}).text.startswith("# {주문번호}님")


def test_what_is_longer_than_a_notice_may_be_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1,000자") as caught:
        write(ORDER, {**VALUES, "고객명": "가" * 1000})
    assert caught.value.reason == "BODY_TOO_LONG"
    assert len(write(replace(ORDER, content="#{고객명}"), {**VALUES, "고객명": "😀" * 1000}).text) == 1000


READINGS = [
    ("안녕하세요", "안녕하세요", {}),
    ("안녕하세요", "안녕하세요 ", None),
    ("#{이름}님", "김하나님", {"이름": "김하나"}),
    ("#{이름}님", "님", None),
    ("#{이름}님 안녕", "김님 안녕님 안녕", {"이름": "김님 안녕"}),
    ("가#{나}가", "가가", None),
    ("#{나}#{다}", "12", {"나": "1", "다": "2"}),
    ("#{나}-#{나}", "1-1", {"나": "1"}),
    ("#{나}-#{나}", "1-2", None),
    ("줄\r\n#{나}\r\n끝", "줄\n두\n줄\n끝", {"나": "두\n줄"}),
    ("줄\n#{나}", "줄\r\n값", {"나": "값"}),
    ("줄 #{나}", "줄\n값", None),
    ("한\n\n#{나}", "한\n값", None),
    ("#{나} 원", "1,000원", None),
    ("[#{.*}] \\d", "[x] \\d", {".*": "x"}),
    ("", "", {}),
    ("#{나}", "#{나|고객}", {"나": "#{나|고객}"}),
]


@pytest.mark.parametrize(("content", "text", "values"), READINGS)
def test_a_text_is_read_back_or_is_another_text(content: str, text: str, values: dict[str, str] | None) -> None:
    assert read(content, text) == values


parts = st.text(st.sampled_from("가나 -\n#{}"), max_size=6).filter(lambda text: "#{" not in text)


@given(st.lists(st.tuples(parts, st.sampled_from("가나다")), max_size=5), parts, st.text("12 ", min_size=1, max_size=4))
def test_whatever_was_filled_reads_as_its_template(pieces: list[tuple[str, str]], tail: str, value: str) -> None:
    content = "".join(f"{literal}#{{{name}}}" for literal, name in pieces) + tail
    if content.count("#{") != len(pieces):
        return
    text = fill(content, dict.fromkeys("가나다", value))
    found = read(content, text)
    assert found is None or fill(content, found) == text
    if len({literal for literal, _ in pieces} | {tail}) == len(pieces) + 1 and "" not in {tail, *(one for one, _ in pieces)}:
        assert found is not None


def test_reading_stays_quick_whatever_the_template() -> None:
    content = "".join(f"#{{v{number}}}가" for number in range(20))
    assert read(content, "가" * 999 + "나") is None


DIFFERENT = {
    "another word": lambda one: replace(one, text=one.text.replace("접수되었습니다", "접수됐습니다")),
    "a line break too few": lambda one: replace(one, text=one.text.replace("\r\n", " ")),
    "another title": lambda one: replace(one, title="접수"),
    "no buttons": lambda one: replace(one, buttons=()),
    "buttons in another order": lambda one: replace(one, buttons=one.buttons[::-1]),
    "a button that leads elsewhere": lambda one: replace(
        one, buttons=(replace(one.buttons[0], mobile="https://other.example/A-1007"), one.buttons[1])
    ),
    "a button of another name": lambda one: replace(one, buttons=(replace(one.buttons[0], name="보기"), one.buttons[1])),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_from_the_template_is_noticed(name: str) -> None:
    assert not keeps(ORDER, DIFFERENT[name](write(ORDER, VALUES)))


def test_other_line_breaks_are_no_difference() -> None:
    written = write(ORDER, VALUES)
    assert keeps(ORDER, replace(written, text=written.text.replace("\r\n", "\n")))


def test_advertising_never_goes_by_template() -> None:
    [violation] = problems(ORDER, ad=True)
    assert (violation.field, violation.reason) == ("campaign.purpose", "TEMPLATE_IS_INFO")
    assert violation.message == "알림톡은 정보성 메시지만 보낼 수 있습니다. 광고는 문자(SMS, LMS, MMS)로 보내 주세요."


@pytest.mark.parametrize("state", TemplateState)
def test_only_what_is_approved_can_be_sent_with(state: TemplateState) -> None:
    found = list(problems(replace(ORDER, state=state), ad=False))
    if state is TemplateState.APPROVED:
        assert found == []
    else:
        [violation] = found
        assert violation.reason == "TEMPLATE_NOT_APPROVED"
        assert KOREAN[state] in violation.message


def test_what_the_provider_has_no_more_cannot_be_sent_with() -> None:
    for template, gone in ((None, False), (ORDER, True)):
        assert [one.reason for one in problems(template, ad=False, gone=gone)] == ["TEMPLATE_GONE"]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (replace(ORDER, content="가" * 1001), "1,000자"),
        (replace(ORDER, buttons=ORDER.buttons[:1] * 6), "5개"),
        (replace(ORDER, buttons=(Button("WL", "가" * 15),)), "14자"),
    ],
)
def test_what_kakao_would_not_show_is_refused(template: Template, words: str) -> None:
    [violation] = problems(template, ad=False)
    assert violation.reason == "TEMPLATE_INVALID"
    assert words in violation.message


def test_a_body_is_compared_and_the_line_that_differs_is_named() -> None:
    for body in ("", "  ", "#{이름|고객}님,\n주문번호 A-1 접수되었습니다.", ORDER.content):
        assert differs(ORDER, body) is None
    violation = differs(ORDER, "#{이름}님,\n주문번호 A-1 접수됐습니다.")
    assert violation is not None
    assert (violation.field, violation.reason) == ("campaign.body", "TEMPLATE_MISMATCH")
    assert "2번째 줄" in violation.message
    longer = differs(ORDER, ORDER.content + "\n덧붙임")
    assert longer is not None
    assert "2번째 줄" in longer.message or "3번째 줄" in longer.message

"""A campaign by Alimtalk: the body bound to its template, and who is written what."""

from dataclasses import replace

import pytest

from core.errors import InvalidInput
from core.rules.alimtalk import Notice, bound, of_campaign
from core.rules.channel import Channel
from core.rules.letter import GONE, Person
from core.rules.personalise import MissingValue
from core.rules.states import TemplateState
from core.rules.template import Button, Template

LINK = "https://shop.example/o/#{코드}"
ORDER = Template(
    "TX_1", "key", "#{고객명}님,\r\n#{주문번호} 접수되었습니다.", "주문", "#{상태}", (Button("WL", "보기", mobile=LINK),)
)


def person(name: str = "김하나", *attributes: str, reason: str | None = None) -> Person:
    return name, attributes, reason, True, b"sealed", 1


def limit(_: Channel) -> int:
    return 2


def test_an_empty_body_is_the_templates_own_text_with_our_word_for_the_name() -> None:
    assert bound(ORDER, "") == "#{이름}님,\r\n#{주문번호} 접수되었습니다."


def test_a_body_gives_values_and_keeps_the_templates_line_breaks() -> None:
    assert bound(ORDER, "#{이름|고객}님,\n주문 A-7 접수되었습니다.") == "#{이름|고객}님,\r\n주문 A-7 접수되었습니다."
    with pytest.raises(InvalidInput) as caught:
        bound(ORDER, "#{이름}님,\n주문 접수됐습니다.")
    assert caught.value.reason == "TEMPLATE_MISMATCH"


def test_what_was_bound_binds_to_the_same() -> None:
    once = bound(ORDER, "#{이름|고객}님,\n주문 A-7 접수되었습니다.")
    assert bound(ORDER, once) == once


def test_a_notice_is_written_from_name_attributes_and_constants() -> None:
    notice = Notice(ORDER, "#{이름|고객}님,\n주문 A-7 접수되었습니다.")
    assert notice.keys == ("상태", "코드")
    written = notice.written("김하나", ["준비 중", "x7"])
    assert (written.text, written.title) == ("김하나님,\r\n주문 A-7 접수되었습니다.", "준비 중")
    assert written.buttons[0].mobile == "https://shop.example/o/x7"
    assert written.variables == {"고객명": "김하나", "주문번호": "주문 A-7", "상태": "준비 중", "코드": "x7"}
    assert notice.text("", ["준비 중", "x7"]).startswith("고객님")
    assert notice.write("가", ["나", "다"]) == ("가님,\r\n주문 A-7 접수되었습니다.", 20, Channel.ALIMTALK)
    with pytest.raises(MissingValue):
        notice.text("김하나", ["", "x7"])


def test_kakao_carries_what_carriers_do_not() -> None:
    notice = Notice(replace(ORDER, content="#{고객명}님 🎉 ₩1,000"), "")
    assert notice.text("김 하나😀\n", ["나", "다"]) == "김 하나😀님 🎉 ₩1,000"
    assert notice.text("#{주문번호}", ["나", "다"]).startswith("# {주문번호}님")


def test_a_bad_variable_is_named_at_binding() -> None:
    with pytest.raises(InvalidInput):
        Notice(ORDER, "#{이름#{}님,\n주문 접수되었습니다.")


FALLBACK = "#{이름}님 #{매장} 주문"


def test_who_fell_is_written_the_fallback_and_the_others_the_notice() -> None:
    said = of_campaign(ORDER, "#{이름}님,\n#{주문번호} 접수되었습니다.", FALLBACK)
    assert said.keys == ("주문번호", "상태", "코드", "매장")
    people = [person(f"고객{at}", "A-7", "접수", "x", "본점") for at in range(5)]
    made = said.prepare([0, 1, 2, 4], people, {1}, limit)
    assert [(part.channel, part.positions) for part in made.parts] == [
        (Channel.ALIMTALK, (0, 2)),
        (Channel.ALIMTALK, (4,)),
        (Channel.SMS, (1,)),
    ]
    assert [one.text for one in made.parts[0].written] == list(made.parts[0].texts)
    assert made.parts[2].texts == ("고객1님 본점 주문",)
    assert made.parts[2].written == ()
    assert (made.excluded, made.held) == ({}, ())


def test_who_may_get_neither_is_left_out_with_the_reason() -> None:
    said = of_campaign(ORDER, "", FALLBACK)
    people = [person("가", "A-7", "접수", "x", ""), person("나", "", "접수", "x", "본점"), person(reason="ARCHIVED"), GONE]
    made = said.prepare([0, 1, 2, 3], people, {0}, limit)
    assert made.parts == ()
    assert made.excluded == {0: "MISSING_VARIABLE", 1: "MISSING_VARIABLE", 2: "ARCHIVED", 3: "GONE"}


@pytest.mark.parametrize(
    "template", [None, replace(ORDER, state=TemplateState.STOPPED), replace(ORDER, content="다른 #{고객명}")]
)
def test_a_template_that_is_another_now_reaches_nobody(template: Template | None) -> None:
    people = [person("가", "본점"), person("나", "본점")]
    body = "#{이름}님,\r\n주문 A-7 접수되었습니다."
    made = of_campaign(template, body, FALLBACK).prepare([0, 1], people, (), limit)
    assert [(part.channel, part.texts) for part in made.parts] == [(Channel.SMS, ("가님 본점 주문", "나님 본점 주문"))]
    assert of_campaign(template, body, "").prepare([0, 1], people, (), limit).excluded == dict.fromkeys(
        (0, 1), "TEMPLATE_INVALID"
    )

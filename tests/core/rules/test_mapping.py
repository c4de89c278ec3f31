"""Which column becomes what: as said, as remembered, as guessed."""

import pytest

from core.errors import InvalidInput
from core.rules import mapping
from core.rules.columns import MAX_ATTRIBUTES

HEADERS = ("이름", "휴대폰 번호", "등급", "메모", "주민등록번호")


def test_without_a_word_the_headers_are_understood() -> None:
    found = mapping.layout(HEADERS, {})
    assert found.fields == {"name": 0, "phone": 1}
    assert found.attributes == ((2, "등급"), (3, "메모"))
    assert found.said() == {"이름": "name", "휴대폰 번호": "phone", "등급": "등급", "메모": "메모"}
    assert found.unread() == ()


def test_a_person_names_fields_and_attributes_and_leaves_columns_out() -> None:
    said = {"휴대폰번호": "phone", "등급": "회원 등급", "메모": ""}
    found = mapping.layout(HEADERS, said)
    assert found.fields == {"phone": 1}
    assert dict(found.attributes) == {2: "회원 등급", 0: "이름"}, "what nobody spoke about is an attribute"
    assert found.unread() == ("메모",)
    assert mapping.layout(HEADERS, found.said() | {"메모": ""}) == found


def test_the_year_of_birth_is_a_field_and_the_day_stays_an_attribute() -> None:
    """R-CON-6."""
    found = mapping.layout(("휴대폰", "생년월일"), {})
    assert (found.fields, found.attributes) == ({"phone": 0, "birth_year": 1}, ((1, "생년월일"),))
    assert mapping.layout(("휴대폰", "생년월일"), {"휴대폰": "phone", "생년월일": "생일"}).fields == {"phone": 0}


def test_columns_beyond_the_limit_are_named() -> None:
    headers = ("휴대폰", *(f"열{at}" for at in range(MAX_ATTRIBUTES + 2)))
    assert mapping.layout(headers, {}).unread() == (f"열{MAX_ATTRIBUTES}", f"열{MAX_ATTRIBUTES + 1}")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"이름": "name"}, "FILE_NO_PHONE_COLUMN"),
        ({"가": "phone", "나": "phone"}, "MAPPING_INVALID"),
        ({"가": "phone", "나": "등급", "다": "등급"}, "MAPPING_INVALID"),
        ({"가": "phone", "나": "#{등급}"}, "MAPPING_INVALID"),
        ({"가": "phone", "나": "x" * 31}, "MAPPING_INVALID"),
        ({"가": "phone", "주민등록번호": "메모"}, "MAPPING_INVALID"),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(said: dict[str, str], reason: str) -> None:
    """R-PII-2 for the last one: what must not be collected is not, whoever says so."""
    with pytest.raises(InvalidInput) as refused:
        mapping.check(said)
    assert refused.value.reason == reason and refused.value.message.endswith(".")


def test_a_file_is_recognised_by_its_headers_in_any_order() -> None:
    assert mapping.headers_hash(HEADERS) == mapping.headers_hash(("주민등록번호", "메모", "등급", "휴대폰번호(필수)", "이 름"))
    assert mapping.headers_hash(HEADERS) != mapping.headers_hash(HEADERS[:-1])


def test_an_exact_name_wins_over_one_that_means_the_same() -> None:
    headers = ("휴대폰(필수)", "휴대폰")
    assert mapping.fields({"휴대폰": "phone"}, headers) == {"phone": 1}
    assert mapping.fields({"휴대폰 (선택)": "phone"}, headers) == {"phone": 0}
    assert mapping.missing({"휴대폰": "phone", "집": "집"}, headers) == ["집"]

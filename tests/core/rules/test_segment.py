"""Rules about customers: saved and read again, bounded, and only asking what can be asked."""

from datetime import date

import pytest

from core.errors import InvalidInput
from core.rules import segment
from core.rules.attributes import Kind
from core.rules.segment import Aged, Agreed, Attribute, Compare, Got, Group, How, Rule, Tagged

LEAVES: tuple[Rule, ...] = (
    Tagged(("단골", "커피")),
    Attribute("등급", Kind.TEXT, Compare.IS, ("vip",)),
    Attribute("생일", Kind.DATE, Compare.ANNIVERSARY, ("7",)),
    Agreed("NIGHT", 30),
    Aged(20, 29),
    Got(("0b9f2c1e-6a3d-4c58-9a57-3f0d7c5b1e42",), 30),
    Got(),
)


def nested(depth: int) -> Rule:
    return Tagged(("x",)) if depth == 0 else Group(How.ALL, (nested(depth - 1),))


def refused(name: str, kind: Kind, test: Compare, *values: str) -> str:
    with pytest.raises(InvalidInput) as found:
        segment.attribute(name, kind, test, values)
    return found.value.reason


@pytest.mark.parametrize("rule", [*LEAVES, Group(How.NONE, LEAVES), nested(5)], ids=lambda rule: type(rule).__name__)
def test_a_rule_comes_back_as_it_was_saved(rule: Rule) -> None:
    stored = segment.saved(rule)
    assert segment.read(stored) == rule
    assert segment.saved(segment.read(stored)) == stored


def test_groups_are_bounded_in_depth_and_number() -> None:
    segment.check_size(nested(5))
    segment.check_size(Group(How.ANY, (Tagged(("x",)),) * 49))
    for rule, reason in ((nested(6), "SEGMENT_TOO_DEEP"), (Group(How.ANY, (Tagged(("x",)),) * 50), "SEGMENT_TOO_LARGE")):
        with pytest.raises(InvalidInput) as found:
            segment.check_size(rule)
        assert found.value.reason == reason


def test_values_become_canonical() -> None:
    assert segment.attribute("등급", Kind.TEXT, Compare.IS, (" VIP", "골드")).values == ("vip", "골드")
    assert segment.attribute("구매액", Kind.NUMBER, Compare.AT_LEAST, ("12,000",)).values == ("12000",)
    assert segment.attribute("생일", Kind.DATE, Compare.AT_MOST, ("2000.1.2",)).values == ("2000-01-02",)
    assert segment.attribute("생일", Kind.DATE, Compare.WITHIN_DAYS, ("030",)).values == ("30",)
    assert segment.attribute("회원", Kind.YES_NO, Compare.IS, ("예",)).values == ("Y",)
    assert segment.attribute("회원", Kind.YES_NO, Compare.PRESENT, ()).values == ()


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Kind.TEXT, Compare.AT_LEAST),
        (Kind.TEXT, Compare.WITHIN_DAYS),
        (Kind.NUMBER, Compare.CONTAINS),
        (Kind.NUMBER, Compare.ANNIVERSARY),
        (Kind.DATE, Compare.CONTAINS),
        (Kind.YES_NO, Compare.AT_MOST),
    ],
)
def test_only_what_a_type_allows_is_asked(kind: Kind, test: Compare) -> None:
    assert refused("x", kind, test, "1") == "SEGMENT_TEST_INVALID"


@pytest.mark.parametrize(
    ("kind", "test", "values"),
    [
        (Kind.NUMBER, Compare.IS, ("많이",)),
        (Kind.NUMBER, Compare.AT_LEAST, ()),
        (Kind.NUMBER, Compare.AT_LEAST, ("1", "2")),
        (Kind.TEXT, Compare.PRESENT, ("x",)),
        (Kind.TEXT, Compare.IS, ()),
        (Kind.TEXT, Compare.CONTAINS, (" ",)),
        (Kind.DATE, Compare.AT_MOST, ("2026-02-30",)),
        (Kind.DATE, Compare.WITHIN_DAYS, ("3651",)),
        (Kind.DATE, Compare.WITHIN_DAYS, ("-1",)),
        (Kind.DATE, Compare.WITHIN_DAYS, ("9" * 200,)),
        (Kind.DATE, Compare.ANNIVERSARY, ("61",)),
        (Kind.YES_NO, Compare.IS, ("아마",)),
    ],
)
def test_values_that_cannot_be_compared_are_refused(kind: Kind, test: Compare, values: tuple[str, ...]) -> None:
    assert refused("x", kind, test, *values) == "SEGMENT_VALUE_INVALID"


def test_a_birthday_of_a_leap_day_comes_every_year() -> None:
    assert segment.anniversaries(date(2026, 2, 27), 1) == ["0227", "0228", "0229"]
    assert segment.anniversaries(date(2028, 2, 28), 0) == ["0228"]
    assert segment.anniversaries(date(2028, 2, 28), 1) == ["0228", "0229"]
    assert segment.anniversaries(date(2026, 12, 31), 1) == ["1231", "0101"]


def test_tags_are_found_and_renamed_wherever_they_stand() -> None:
    rule = Group(How.ALL, (Tagged(("a", "b")), Group(How.NONE, (Tagged(("b",)), Aged(20)))))
    assert segment.tags(rule) == {"a", "b"}
    assert segment.tags(segment.renamed(rule, "b", "a")) == {"a"}
    assert segment.renamed(rule, "b", "a") == Group(How.ALL, (Tagged(("a",)), Group(How.NONE, (Tagged(("a",)), Aged(20)))))
    assert segment.renamed(rule, "c", "d") == rule

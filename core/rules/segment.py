"""A rule about customers: any, all or none of smaller ones, down to one question; as it is saved, and its limits.

What is not known of a person never fits, so that `none` holds those of whom it is not known, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from core.errors import InvalidInput
from core.rules.attributes import KOREAN, Kind, canonical

DEEPEST, MOST_RULES = 5, 50
MOST_DAYS = 3650
MOST_DAYS_AHEAD = 60


class How(StrEnum):
    """How the rules of a group count together."""

    ANY = "ANY"
    ALL = "ALL"
    NONE = "NONE"


class Compare(StrEnum):
    """How the value of an attribute is compared."""

    PRESENT = "PRESENT"
    IS = "IS"
    CONTAINS = "CONTAINS"
    AT_LEAST = "AT_LEAST"
    AT_MOST = "AT_MOST"
    WITHIN_DAYS = "WITHIN_DAYS"
    ANNIVERSARY = "ANNIVERSARY"


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that count together."""

    how: How
    rules: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """At least one of these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute with such a value; `values` are canonical."""

    name: str
    kind: Kind
    test: Compare
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agreed:
    """Consent to ADS or NIGHT, within so many days (0: ever)."""

    scope: str
    days: int = 0


@dataclass(frozen=True, slots=True)
class Aged:
    """The years from the year of birth to this one; at_most 0: no limit."""

    at_least: int
    at_most: int = 0


@dataclass(frozen=True, slots=True)
class Got:
    """Sent one of these campaigns (none: any) that started within so many days (0: ever)."""

    campaigns: tuple[str, ...] = ()
    days: int = 0


Rule = Group | Tagged | Attribute | Agreed | Aged | Got
_KINDS: Mapping[str, type[Any]] = {
    "group": Group,
    "tag": Tagged,
    "attribute": Attribute,
    "consent": Agreed,
    "age": Aged,
    "campaign": Got,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_READERS = {"how": How, "test": Compare, "kind": Kind}
_TESTS = {
    Kind.TEXT: {Compare.PRESENT, Compare.IS, Compare.CONTAINS},
    Kind.NUMBER: {Compare.PRESENT, Compare.IS, Compare.AT_LEAST, Compare.AT_MOST},
    Kind.DATE: {Compare.PRESENT, Compare.IS, Compare.AT_LEAST, Compare.AT_MOST, Compare.WITHIN_DAYS, Compare.ANNIVERSARY},
    Kind.YES_NO: {Compare.PRESENT, Compare.IS},
}
_DAYS = {Compare.WITHIN_DAYS: MOST_DAYS, Compare.ANNIVERSARY: MOST_DAYS_AHEAD}


def saved(rule: Rule) -> dict[str, Any]:
    """The rule as JSON."""
    values: dict[str, Any] = {field.name: getattr(rule, field.name) for field in fields(rule)}
    inner = {"rules": [saved(one) for one in rule.rules]} if isinstance(rule, Group) else {}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {"asks": _NAMES[type(rule)], **plain, **inner}


def read(stored: Mapping[str, Any]) -> Rule:
    """The rule that was saved."""
    values = {name: _read(name, value) for name, value in stored.items() if name != "asks"}
    made: Rule = _KINDS[stored["asks"]](**values)
    return made


def _read(name: str, value: Any) -> Any:
    if name == "rules":
        return tuple(read(one) for one in value)
    return _READERS[name](value) if name in _READERS else tuple(value) if isinstance(value, list) else value


def every(rule: Rule) -> Iterator[Rule]:
    """The rule and all within it."""
    yield rule
    for one in rule.rules if isinstance(rule, Group) else ():
        yield from every(one)


def depth(rule: Rule) -> int:
    """How many groups stand within each other."""
    return 1 + max(map(depth, rule.rules), default=0) if isinstance(rule, Group) else 0


def check_size(rule: Rule) -> None:
    """Refuse what nobody could read any more."""
    if depth(rule) > DEEPEST:
        raise InvalidInput(f"조건 묶음은 {DEEPEST}단계까지 쌓을 수 있습니다.", reason="SEGMENT_TOO_DEEP")
    if sum(1 for _ in every(rule)) > MOST_RULES:
        raise InvalidInput(f"조건은 묶음을 포함해 {MOST_RULES}개까지 쓸 수 있습니다.", reason="SEGMENT_TOO_LARGE")


def attribute(name: str, kind: Kind, test: Compare, values: tuple[str, ...]) -> Attribute:
    """A question about an attribute of this type, with its values made canonical; refuses what cannot be asked."""
    if test not in _TESTS[kind]:
        message = f"‘{name}’은(는) {KOREAN[kind]} 항목이라 이렇게 비교할 수 없습니다."
        raise InvalidInput(message, reason="SEGMENT_TEST_INVALID")
    most = 0 if test is Compare.PRESENT else 50 if test in (Compare.IS, Compare.CONTAINS) else 1
    if not min(most, 1) <= len(values) <= most:
        raise InvalidInput("비교할 값의 개수가 맞지 않습니다.", reason="SEGMENT_VALUE_INVALID")
    return Attribute(name, kind, test, tuple(_value(kind, test, value) for value in values))


def _value(kind: Kind, test: Compare, value: str) -> str:
    if test in _DAYS:
        if not (value.isascii() and value.isdecimal() and int(value[:9]) <= _DAYS[test]):
            raise InvalidInput(f"날수는 0부터 {_DAYS[test]:,}까지 쓸 수 있습니다.", reason="SEGMENT_VALUE_INVALID")
        return str(int(value))
    found = canonical(kind, value)
    if found is None:
        raise InvalidInput(f"‘{value[:40]}’은(는) {KOREAN[kind]}(으)로 읽을 수 없습니다.", reason="SEGMENT_VALUE_INVALID")
    return found


def anniversaries(today: date, days: int) -> list[str]:
    """The `MMDD` of today and the days after it; in a common year 29 February is kept on the 28th."""
    found = [today + timedelta(days=at) for at in range(days + 1)]
    leap = ["0229" for day in found if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3]
    return [f"{day:%m%d}" for day in found] + leap


def tags(rule: Rule) -> set[str]:
    """Every tag that it names."""
    return {tag for one in every(rule) if isinstance(one, Tagged) for tag in one.tags}


def renamed(rule: Rule, old: str, new: str) -> Rule:
    """The same with another name for a tag."""
    if isinstance(rule, Group):
        return Group(rule.how, tuple(renamed(one, old, new) for one in rule.rules))
    if isinstance(rule, Tagged):
        return Tagged(tuple(dict.fromkeys(new if tag == old else tag for tag in rule.tags)))
    return rule

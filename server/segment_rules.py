"""Between SegmentRule messages and the rules of core, with every refusal at its place in the tree."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from jeondan.v1 import segment_pb2 as pb

from core.db import attributes, segments
from core.db.session import Tx
from core.errors import InvalidInput
from core.rules import segment
from core.rules.attributes import Kind
from core.rules.segment import Aged, Agreed, Attribute, Compare, Got, Group, How, Rule, Tagged
from server.convert import enum, enum_name
from server.errors import at, wrong

_GROUPS = {"any": How.ANY, "all": How.ALL, "none": How.NONE}


def rule_of(tx: Tx, message: pb.SegmentRule, place: str) -> Rule:
    """The rule that a message says; refused when it cannot be asked."""
    with at(place):
        segment.check_size(_outline(message))
    found = _rule(message, place, attributes.kinds(tx))
    _check_campaigns(tx, found, place)
    return found


def message(rule: Rule) -> pb.SegmentRule:
    """The rule as it is shown."""
    return _SHOWN[type(rule)](rule)


def attribute_kind(kind: Kind) -> Any:
    """The number of a type."""
    return enum(pb.AttributeKind, "ATTRIBUTE_KIND", kind.value)


def _outline(message: pb.SegmentRule) -> Rule:
    """Only how it is nested, stopped one step beyond the limit."""
    return _nested(message, segment.DEEPEST + 1)


def _nested(message: pb.SegmentRule, deepest: int) -> Rule:
    asks = message.WhichOneof("asks")
    if asks not in _GROUPS or deepest == 0:
        return Tagged(())
    return Group(_GROUPS[asks], tuple(_nested(one, deepest - 1) for one in getattr(message, asks).rules))


def _rule(message: pb.SegmentRule, place: str, kinds: Mapping[str, Kind]) -> Rule:
    asks = message.WhichOneof("asks")
    assert asks is not None  # a rule of the proto
    here, inner = f"{place}.{asks}", getattr(message, asks)
    if asks in _GROUPS:
        rules = (_rule(one, f"{here}.rules[{number}]", kinds) for number, one in enumerate(inner.rules))
        return Group(_GROUPS[asks], tuple(rules))
    with at(here):
        return _LEAVES[asks](inner, kinds)


def _attribute(message: pb.AttributeRule, kinds: Mapping[str, Kind]) -> Rule:
    test = Compare(enum_name(pb.AttributeRule.Test, "TEST", message.test))
    return segment.attribute(message.name, kinds.get(message.name, Kind.TEXT), test, tuple(message.values))


def _aged(message: pb.AgeRule, _: Mapping[str, Kind]) -> Rule:
    if message.at_most and message.at_most < message.at_least:
        raise InvalidInput("나이의 위쪽 한도가 아래쪽보다 작습니다.", reason="SEGMENT_VALUE_INVALID")
    return Aged(message.at_least, message.at_most)


def _got(message: pb.CampaignRule, _: Mapping[str, Kind]) -> Rule:
    if not (message.days or message.campaign_ids):
        raise InvalidInput("캠페인을 고르거나 며칠 안인지 정해 주세요.", reason="SEGMENT_VALUE_INVALID")
    return Got(tuple(dict.fromkeys(str(UUID(one)) for one in message.campaign_ids)), message.days)


def _check_campaigns(tx: Tx, rule: Rule, place: str) -> None:
    named = [UUID(one) for inner in segment.every(rule) if isinstance(inner, Got) for one in inner.campaigns]
    if named and segments.unknown_campaigns(tx, named):
        raise wrong(place, "조건에 적힌 캠페인이 없습니다.", "NOT_FOUND")


_LEAVES: Mapping[str, Callable[[Any, Mapping[str, Kind]], Rule]] = {
    "tag": lambda message, _: Tagged(tuple(dict.fromkeys(message.tags))),
    "attribute": _attribute,
    "consent": lambda message, _: Agreed(enum_name(pb.ConsentRule.Scope, "SCOPE", message.scope), message.days),
    "age": _aged,
    "campaign": _got,
}


def _group(rule: Group) -> pb.SegmentRule:
    inner, made = pb.SegmentRules(rules=map(message, rule.rules)), pb.SegmentRule()
    getattr(made, next(name for name, how in _GROUPS.items() if how is rule.how)).CopyFrom(inner)
    return made


def _asked(rule: Attribute) -> pb.SegmentRule:
    test = enum(pb.AttributeRule.Test, "TEST", rule.test.value)
    inner = pb.AttributeRule(name=rule.name, test=test, values=rule.values, kind=attribute_kind(rule.kind))
    return pb.SegmentRule(attribute=inner)


def _agreed(rule: Agreed) -> pb.SegmentRule:
    return pb.SegmentRule(consent=pb.ConsentRule(scope=enum(pb.ConsentRule.Scope, "SCOPE", rule.scope), days=rule.days))


_SHOWN: Mapping[type[Any], Callable[[Any], pb.SegmentRule]] = {
    Group: _group,
    Tagged: lambda rule: pb.SegmentRule(tag=pb.TagRule(tags=rule.tags)),
    Attribute: _asked,
    Agreed: _agreed,
    Aged: lambda rule: pb.SegmentRule(age=pb.AgeRule(at_least=rule.at_least, at_most=rule.at_most)),
    Got: lambda rule: pb.SegmentRule(campaign=pb.CampaignRule(campaign_ids=rule.campaigns, days=rule.days)),
}

"""Field rules of protovalidate as keywords of JSON schema, and whether a rule forbids leaving a field out."""

import re
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor

from gateway.stubs import is_list, is_map

Keywords = dict[str, Any]
_FORMATS = ("email", "uuid", "uri", "hostname", "ipv4", "ipv6")
_BOUNDS = {"gte": ("minimum", None), "lte": ("maximum", None), "gt": ("minimum", "exclusiveMinimum")}
_BOUNDS["lt"] = ("maximum", "exclusiveMaximum")
_TEXT = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"}
_ALWAYS, _IF_ZERO = validate_pb2.IGNORE_ALWAYS, validate_pb2.IGNORE_IF_ZERO_VALUE


def rules_of(field: FieldDescriptor) -> validate_pb2.FieldRules:
    """The rules as written in the proto; empty when there are none."""
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return validate_pb2.FieldRules() if rules.ignore == _ALWAYS else rules


def keywords(field: FieldDescriptor) -> Keywords:
    """What the schema of this field says beyond its type."""
    rules = rules_of(field)
    if is_list(field):
        repeated = rules.repeated
        return _given(repeated, {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"})
    if is_map(field):
        return _given(rules.map, {"min_pairs": "minProperties", "max_pairs": "maxProperties"})
    return of_value(field, rules)


def of_items(field: FieldDescriptor) -> Keywords:
    """The same for the elements of a list or the values of a map."""
    rules = rules_of(field)
    return of_value(field, rules.repeated.items if is_list(field) else rules.map.values)


def of_value(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Keywords:
    """The same for a single value."""
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    typed = getattr(rules, kind)
    if kind == "string":
        return _text(typed)
    if kind == "enum":
        return _names(field, typed)
    if kind.endswith(("int32", "int64", "fixed32", "fixed64")) or kind in ("float", "double"):
        return {} if kind.endswith("64") else _number(typed)
    return {}


def refuses_absence(field: FieldDescriptor) -> bool:
    """Whether a rule refuses the field when it is left out."""
    rules = rules_of(field)
    if rules.required:
        return True
    if rules.ignore == _IF_ZERO or (field.has_presence and not is_list(field)):
        return False
    if is_list(field):
        return rules.repeated.min_items > 0
    if is_map(field):
        return rules.map.min_pairs > 0
    kind = rules.WhichOneof("type")
    return bool(kind) and _refuses_zero(kind or "", getattr(rules, kind or ""))


def _refuses_zero(kind: str, typed: Any) -> bool:
    if kind == "string":
        return (
            typed.min_len > 0
            or typed.len > 0
            or any(_set(typed, name) for name in _FORMATS)
            or bool(getattr(typed, "in"))
            and "" not in getattr(typed, "in")
            or bool(typed.pattern)
            and not re.search(typed.pattern, "")
        )
    if kind == "enum":
        return 0 in typed.not_in or bool(getattr(typed, "in")) and 0 not in getattr(typed, "in")
    if kind in ("bool", "bytes"):
        return False
    return _given_number(typed, "gt", -1) >= 0 or _given_number(typed, "gte", 0) > 0


def _given_number(typed: Any, name: str, otherwise: float) -> float:
    return float(getattr(typed, name)) if name in typed.DESCRIPTOR.fields_by_name and typed.HasField(name) else otherwise


def _text(typed: Any) -> Keywords:
    found = _given(typed, _TEXT)
    if typed.HasField("len"):
        found |= {"minLength": typed.len, "maxLength": typed.len}
    allowed = list(getattr(typed, "in")) or ([typed.const] if typed.HasField("const") else [])
    if allowed:
        found["enum"] = allowed
    for name in _FORMATS:
        if _set(typed, name):
            found["format"] = name
    return found


def _set(typed: Any, name: str) -> bool:
    return bool(typed.HasField(name) and getattr(typed, name))


def _number(typed: Any) -> Keywords:
    found: Keywords = {}
    for name, (keyword, exclusive) in _BOUNDS.items():
        if typed.HasField(name):
            found[keyword] = getattr(typed, name)
            found |= {exclusive: True} if exclusive else {}
    if getattr(typed, "in"):
        found["enum"] = list(getattr(typed, "in"))
    return found


def _names(field: FieldDescriptor, typed: Any) -> Keywords:
    allowed = set(getattr(typed, "in"))
    values = field.enum_type.values if field.enum_type else []
    if not allowed and not typed.not_in:
        return {}
    return {"enum": [v.name for v in values if v.number not in typed.not_in and (not allowed or v.number in allowed)]}


def _given(typed: Any, names: dict[str, str]) -> Keywords:
    return {keyword: getattr(typed, name) for name, keyword in names.items() if typed.HasField(name)}

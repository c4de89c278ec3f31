"""Query strings into JSON values: both spellings, nested names, lists, masks."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.shape import Shape, unknown
from gateway.stubs import is_list, is_map

_BOOLEANS = {"true": True, "false": False}
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?", re.ASCII)
_REALS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)
_INTEGERS = (
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
)


def from_query(fields: Mapping[str, FieldDescriptor], items: Iterable[tuple[str, str]], shape: Shape) -> dict[str, Any]:
    """A JSON object of the given parameters; whatever is unknown, doubled or of the wrong type goes to `shape`."""
    found: dict[str, Any] = {}
    for key, text in items:
        path = _resolve(fields, key)
        if path is None:
            shape.refuse(key, unknown("매개변수", sorted({field.json_name for field in fields.values()})), "UNKNOWN_FIELD")
            continue
        place = found
        for field in path[:-1]:
            place = place.setdefault(field.json_name, {})
        _put(place, path[-1], text, key, shape)
    return found


def mask_paths(message: Descriptor, text: str, name: str, shape: Shape) -> list[str]:
    """`name,priceKrw` -> `name`, `price_krw`; `*` alone stays."""
    if text.strip() == "*":
        return ["*"]
    paths = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        known = {each: field for field in message.fields for each in (field.name, field.json_name)}
        fields = _resolve(known, part)
        if fields is None:
            shape.refuse(name, f"마스크에 알 수 없는 항목이 있습니다: {part[:100]}", "UNKNOWN_FIELD")
        else:
            paths.append(".".join(field.name for field in fields))
    return paths


def _resolve(fields: Mapping[str, FieldDescriptor], key: str) -> list[FieldDescriptor] | None:
    path: list[FieldDescriptor] = []
    for name in key.split("."):
        field = fields.get(name)
        if field is None:
            return None
        path.append(field)
        fields = _inside(field)
    return path


def _inside(field: FieldDescriptor) -> dict[str, FieldDescriptor]:
    message = field.message_type
    if message is None or field.is_repeated or message.full_name.startswith("google.protobuf."):
        return {}
    return {each: inner for inner in message.fields for each in (inner.name, inner.json_name)}


def _put(place: dict[str, Any], field: FieldDescriptor, text: str, key: str, shape: Shape) -> None:
    name = field.json_name
    if is_map(field):
        shape.refuse(key, "매개변수로 줄 수 없는 항목입니다.", "UNKNOWN_FIELD")
    elif is_list(field):
        values = place.setdefault(name, [])
        values.append(shape.single(field, _typed(field, text), f"{key}[{len(values)}]"))
    elif name in place:
        shape.refuse(key, "매개변수가 두 번 있습니다.", "DUPLICATE_FIELD")
    else:
        place[name] = shape.single(field, _typed(field, text), key)


def _typed(field: FieldDescriptor, text: str) -> Any:
    """The JSON value the text stands for; text of another type stays text, which the shape check then refuses."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _BOOLEANS.get(text, text)
    if field.cpp_type in _INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if field.cpp_type in _REALS and _DECIMAL.fullmatch(text):
        return float(text)
    return text

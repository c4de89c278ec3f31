"""Does a JSON value have the shape of a message? Says everything that is wrong, field by field, in Korean."""

import re
import sys
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec import is_base64, output_only
from gateway.errors import FieldError
from gateway.stubs import is_list, is_map, map_value, message_class

_MOST = 50
_LONGEST_NAME = 100
_LARGEST = sys.float_info.max
_WELL_KNOWN = "google.protobuf."
_MOMENTS = {"google.protobuf.Timestamp", "google.protobuf.Duration"}
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_WIDE = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
_NUMBERS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


class Shape:
    """One check; `errors` collects what is wrong. Values come back cleaned: JSON names, no output-only fields."""

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def refuse(self, path: str, message: str, reason: str = "WRONG_TYPE") -> None:
        """One more thing that is wrong."""
        if len(self.errors) < _MOST:
            self.errors.append(FieldError(path, message, reason))

    def message(self, descriptor: Descriptor, value: Any, path: str = "", without: Collection[str] = ()) -> Any:
        """An object of this message; fields named in `without` count as unknown."""
        if descriptor.full_name.startswith(_WELL_KNOWN):
            return self._well_known(descriptor, value, path)
        if not isinstance(value, dict):
            self.refuse(path, "객체여야 합니다.")
            return {}
        known = _known(descriptor)
        found: dict[str, Any] = {}
        for key, part in value.items():
            here = _join(path, key)
            field = known.get(key)
            if field is None or field.name in without:
                names = [each.json_name for each in descriptor.fields if each.name not in without and not output_only(each)]
                self.refuse(here, unknown("항목", names), "UNKNOWN_FIELD")
            elif field.json_name in found:
                self.refuse(here, "같은 항목이 두 번 있습니다.", "DUPLICATE_FIELD")
            elif not output_only(field):
                found[field.json_name] = self.field(field, part, here)
        return found

    def field(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        """The value of one field; null means absent."""
        if value is None:
            return None
        if is_map(field):
            return self._map(field, value, path)
        if is_list(field):
            return self._list(field, value, path)
        return self.single(field, value, path)

    def single(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        """One value, also as an element."""
        if field.message_type:
            return self.message(field.message_type, value, path)
        complaint = _complaint(field, value)
        if complaint:
            self.refuse(path, *complaint)
        return value

    def _list(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            self.refuse(path, "목록이어야 합니다.")
            return []
        return [self.single(field, part, f"{path}[{number}]") for number, part in enumerate(value)]

    def _map(self, field: FieldDescriptor, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            self.refuse(path, "객체여야 합니다.")
            return {}
        inner = map_value(field)
        for key in value:
            if not _encodable(key):
                self.refuse(path, "유니코드로 나타낼 수 없는 글자가 있습니다.")
        return {key: self.single(inner, part, f'{path}["{key[:_LONGEST_NAME]}"]') for key, part in value.items()}

    def _well_known(self, descriptor: Descriptor, value: Any, path: str) -> Any:
        try:
            json_format.ParseDict(value, message_class(descriptor)())
        except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError):
            moment = descriptor.full_name in _MOMENTS
            self.refuse(path, "날짜와 시간(RFC 3339)이어야 합니다." if moment else "형식이 올바르지 않습니다.")
            return None
        return value


def unknown(what: str, names: Iterable[str]) -> str:
    """There is no such thing, but these."""
    named = ", ".join(names)
    return f"알 수 없는 {what}입니다." + (f" 쓸 수 있는 {what}: {named}" if named else "")


Complaint = tuple[str, str] | None


@lru_cache(maxsize=1000)
def _known(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    return {name: field for field in descriptor.fields for name in (field.name, field.json_name)}


def _complaint(field: FieldDescriptor, value: Any) -> Complaint:
    kind = field.cpp_type
    if kind in _INTEGERS:
        return _integer(value, _INTEGERS[kind], wide=kind in _WIDE)
    if field.enum_type:
        return _name(value, [each.name for each in field.enum_type.values])
    checks: dict[int, Callable[[Any], Complaint]] = {FieldDescriptor.CPPTYPE_BOOL: _boolean}
    checks |= dict.fromkeys(_NUMBERS, _number)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return None if isinstance(value, str) and is_base64(value) else ("base64 문자열이어야 합니다.", "WRONG_TYPE")
    return checks.get(kind, _text)(value)


def _text(value: Any) -> Complaint:
    if not isinstance(value, str):
        return "문자열이어야 합니다.", "WRONG_TYPE"
    return None if _encodable(value) else ("유니코드로 나타낼 수 없는 글자가 있습니다.", "WRONG_TYPE")


def _boolean(value: Any) -> Complaint:
    return None if isinstance(value, bool) else ("true 또는 false여야 합니다.", "WRONG_TYPE")


def _number(value: Any) -> Complaint:
    good = isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
    return None if good else ("숫자여야 합니다.", "WRONG_TYPE")


def _integer(value: Any, limits: tuple[int, int], *, wide: bool) -> Complaint:
    if wide and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value % 1:
        return "정수여야 합니다.", "WRONG_TYPE"
    return None if limits[0] <= value <= limits[1] else ("표현할 수 있는 범위를 벗어난 수입니다.", "OUT_OF_RANGE")


def _name(value: Any, names: Iterable[str]) -> Complaint:
    if isinstance(value, str) and value in names:
        return None
    return f"다음 가운데 하나여야 합니다: {', '.join(names)}", "UNKNOWN_VALUE"


def _encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _join(path: str, key: str) -> str:
    shown = key[:_LONGEST_NAME]
    return f"{path}.{shown}" if path else shown

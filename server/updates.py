"""Updates by field mask: what is stored, with the named fields of the request laid over it, checked as a whole."""

from collections.abc import Iterable
from typing import Any, TypeVar

from google.api import field_behavior_pb2  # type: ignore[import-untyped, unused-ignore]
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from core.errors import InvalidInput, Violation
from server import violations

Resource = TypeVar("Resource", bound=Message)


def merged(stored: Resource, given: Resource, mask: FieldMask, *, field: str, fixed: frozenset[str] = frozenset()) -> Resource:
    """`stored` with the masked fields of `given`. No mask: what is filled in; `*`: everything; `fixed` cannot change."""
    result = type(stored)()
    result.CopyFrom(stored)
    paths = _paths(given, mask, fixed)
    for path in paths:
        _lay_over(result, given, path)
    # What was stored by other rules (an import) must not stand in the way of changing something else.
    violations.check(result, field, only={path.partition(".")[0] for path in paths})
    return result


def _paths(given: Message, mask: FieldMask, fixed: frozenset[str]) -> list[str]:
    outputs = {found.name for found in given.DESCRIPTOR.fields if _output_only(found)}
    if list(mask.paths) == ["*"]:
        return [found.name for found in given.DESCRIPTOR.fields if found.name not in outputs | fixed]
    paths = list(mask.paths) or [found.name for found, _ in given.ListFields()]
    _refuse(_unknown(given.DESCRIPTOR, paths), "없는 항목입니다", "UNKNOWN_FIELD")
    _refuse((path for path in paths if path.partition(".")[0] in fixed), "바꿀 수 없는 항목입니다", "FIXED_FIELD")
    return [path for path in paths if path.partition(".")[0] not in outputs]


def _unknown(described: Any, paths: Iterable[str]) -> Iterable[str]:
    return (path for path in paths if not _known(described, path.split(".")))


def _known(described: Any, names: list[str]) -> bool:
    found = described.fields_by_name.get(names[0]) if described else None
    if found is None:
        return False
    return len(names) == 1 or (not found.is_repeated and _known(found.message_type, names[1:]))


def _refuse(paths: Iterable[str], why: str, reason: str) -> None:
    wrong = [Violation("update_mask", f"{why}: {path[:80]}", reason) for path in paths]
    if wrong:
        raise InvalidInput("고칠 항목을 확인해 주세요.", wrong)


def _lay_over(target: Message, source: Message, path: str) -> None:
    name, _, rest = path.partition(".")
    if rest:
        _lay_over(getattr(target, name), getattr(source, name), rest)
        return
    only = type(source)()
    only.CopyFrom(source)
    for other, _value in source.ListFields():
        if other.name != name:
            only.ClearField(other.name)
    target.ClearField(name)
    target.MergeFrom(only)


def _output_only(found: Any) -> bool:
    return field_behavior_pb2.OUTPUT_ONLY in found.GetOptions().Extensions[field_behavior_pb2.field_behavior]

"""JSON to messages and back, strictly."""

import base64
import json
from typing import Any

from google.api import field_behavior_pb2  # type: ignore[import-untyped, unused-ignore]
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.errors import FieldError, Refusal, invalid
from gateway.stubs import described, is_map, message_class

_BEHAVIOR: Any = field_behavior_pb2.field_behavior
_INPUT_ONLY = field_behavior_pb2.INPUT_ONLY
_OUTPUT_ONLY = field_behavior_pb2.OUTPUT_ONLY
_hidden: dict[str, dict[str, Descriptor | None]] = {}


def read_json(body: bytes) -> Any:
    """The value of a JSON text; a refusal when it is none, or names a key twice."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(400, "BAD_ENCODING", "요청 본문이 UTF-8이 아닙니다.") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "BAD_JSON", "요청 본문이 올바른 JSON이 아닙니다.") from None


def to_message(value: Any, descriptor: Descriptor) -> Message:
    """A message from checked JSON (see shape.py, which gives the better errors)."""
    try:
        return json_format.ParseDict(value, message_class(descriptor)())
    except (json_format.ParseError, ValueError, RecursionError):
        raise invalid([FieldError("", "값의 형식이 올바르지 않습니다.", "WRONG_TYPE")]) from None


def to_json(message: Message) -> Any:
    """A JSON value: zeros printed, input-only fields never."""
    value = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    _hide(value, described(message))
    return value


def dump(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def behaves(field: FieldDescriptor, behavior: int) -> bool:
    """Whether google.api.field_behavior says so."""
    return behavior in field.GetOptions().Extensions[_BEHAVIOR]


def output_only(field: FieldDescriptor) -> bool:
    """Given, never taken."""
    return behaves(field, _OUTPUT_ONLY)


def input_only(field: FieldDescriptor) -> bool:
    """Taken, never given."""
    return behaves(field, _INPUT_ONLY)


def is_base64(text: str) -> bool:
    """Whether protobuf's JSON would read it as bytes."""
    try:
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal(400, "BAD_JSON", "요청 본문에 같은 이름의 항목이 두 번 있습니다.")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _hide(value: Any, descriptor: Descriptor) -> None:
    for name, inner in _secrets(descriptor).items():
        if inner is None:
            value.pop(name, None)
        else:
            present = value.get(name)
            for one in present if isinstance(present, list) else [present] if present else []:
                _hide(one, inner)


def _secrets(descriptor: Descriptor) -> dict[str, Descriptor | None]:
    """JSON names to hide (None) or to look into, remembered per message."""
    if descriptor.full_name not in _hidden:
        found: dict[str, Descriptor | None] = {}
        _hidden[descriptor.full_name] = found
        for field in descriptor.fields:
            if input_only(field):
                found[field.json_name] = None
            elif field.message_type and not is_map(field) and _secrets(field.message_type):
                found[field.json_name] = field.message_type
    return _hidden[descriptor.full_name]

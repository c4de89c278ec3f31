"""What no request may carry, whatever its RPC: fields nobody knows, text a database cannot hold, impossible times."""

from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from core.errors import InvalidInput, Violation

_FIRST, _LAST = -2_208_988_800, 253_370_764_800  # 1900-01-01, 9999-01-01: leaves room for any time zone


def check(request: Message) -> None:
    """Refuse what is wrong with the message as such; the rules of its fields come after (server/violations.py)."""
    wrong = [violation for _, violation in zip(range(20), _problems(request, ""), strict=False)]
    if wrong:
        raise InvalidInput("입력한 내용을 확인해 주세요.", wrong)


def _problems(message: Message, path: str) -> Iterator[Violation]:
    unknown = UnknownFieldSet(message)
    for index in range(len(unknown)):
        place = ".".join(filter(None, (path, str(unknown[index].field_number))))
        yield Violation(place, "없는 항목입니다.", "UNKNOWN_FIELD")
    if isinstance(message, Timestamp):
        if not (_FIRST <= message.seconds < _LAST and 0 <= message.nanos < 1_000_000_000):
            yield Violation(path, "날짜의 범위를 벗어났습니다.", "OUT_OF_RANGE")
        return
    for field, value in message.ListFields():
        yield from _in_field(field, value, ".".join(filter(None, (path, field.name))))


def _in_field(field: FieldDescriptor, value: object, path: str) -> Iterator[Violation]:
    if isinstance(value, str):
        yield from _in_text(value, path)
    elif isinstance(value, Message):
        yield from _problems(value, path)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key, item in value.items():  # type: ignore[attr-defined]
            yield from _in_text(str(key), path)
            yield from _in_field(field.message_type.fields_by_name["value"], item, f'{path}["{key}"]')
    elif field.is_repeated and not isinstance(value, bytes):
        for index, item in enumerate(value):  # type: ignore[arg-type]
            yield from _in_item(item, f"{path}[{index}]")


def _in_item(item: object, path: str) -> Iterator[Violation]:
    if isinstance(item, str):
        yield from _in_text(item, path)
    elif isinstance(item, Message):
        yield from _problems(item, path)


def _in_text(text: str, path: str) -> Iterator[Violation]:
    if "\x00" in text:
        yield Violation(path.replace("\x00", ""), "쓸 수 없는 제어 문자가 들어 있습니다.", "UNSUPPORTED_CHARACTERS")

"""Between protobuf and the values of core: times, identifiers, etags, names of enum values."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from core.errors import Conflict


def stamp(instant: datetime | None) -> Timestamp | None:
    """A time for a message field; None leaves the field absent."""
    if instant is None:
        return None
    made = Timestamp()
    made.FromDatetime(instant)
    return made


def instant(stamped: Timestamp) -> datetime:
    """A time from a message field (server/validation.py has checked its range)."""
    return stamped.ToDatetime(tzinfo=UTC)


def ids(values: Iterable[str]) -> list[UUID]:
    """Identifiers from a repeated field."""
    return [UUID(value) for value in values]


def optional_id(value: str) -> UUID | None:
    """An identifier that may be empty."""
    return UUID(value) if value else None


def enum(kind: Any, prefix: str, name: str) -> Any:
    """`enum(Image.State, "STATE", "READY")`: the number of STATE_READY; 0 for the empty name."""
    return kind.Value(f"{prefix}_{name}") if name else 0


def enum_name(kind: Any, prefix: str, number: int) -> str:
    """The inverse; the empty name for unspecified."""
    name = kind.Name(number)
    return "" if number == 0 else name.removeprefix(f"{prefix}_")


def enum_names(kind: Any, prefix: str) -> frozenset[str]:
    """Every name but unspecified: what a filter may ask for."""
    return frozenset(name.removeprefix(f"{prefix}_") for name, number in kind.items() if number)


def etag(identifier: object, version: int) -> str:
    """Says which version was read, and nothing else."""
    return hashlib.blake2b(f"{identifier}:{version}".encode(), digest_size=9).hexdigest()


def check_etag(given: str, present: str) -> None:
    """Refuse an update of something that has changed since it was read; no etag overwrites."""
    if given and given != present:
        raise Conflict("그사이 다른 사람이 내용을 바꾸었습니다. 다시 읽은 뒤 고쳐 주세요.")

"""Who was shown: every answer is looked through for people, and each look is written down (R-PII-5)."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import Any

from google.protobuf.message import Message

from core.db import access
from core.db.session import Tx
from server.caller import Caller

SHOWN = "masked_phone"  # a message with this field is about a person
CLEAR = frozenset({"PersonRecord"})  # and so are these
MOST_NAMED = 1_000  # the largest page
# The caller gave the number with this same call: the message itself is the record of it.
GIVEN = frozenset({"SendMessage", "BatchSend"})


def look(rpc: str, answer: Message, caller: Caller) -> access.Access | None:
    """What an answer shows of people; None when it shows nobody."""
    if rpc in GIVEN or not _shows(type(answer).DESCRIPTOR):
        return None
    found = sorted(_people(answer))
    if not found:
        return None
    parts = [f"{kind} {' '.join(name for _, name in named)}" for kind, named in groupby(found[:MOST_NAMED], lambda one: one[0])]
    return access.Access(caller.actor, caller.origin, rpc, "; ".join(parts), len(found))


def record(tx: Tx, caller: Caller, seen: access.Access, now: Any) -> None:
    """Write it down."""
    access.record(tx, caller.workspace, seen, now)


@lru_cache(maxsize=1000)
def _shows(described: Any, above: frozenset[str] = frozenset()) -> bool:
    """Whether such a message can be about a person, itself or within."""
    if _is_person(described):
        return True
    inner = (field.message_type for field in described.fields if field.message_type is not None)
    return any(_shows(one, above | {described.full_name}) for one in inner if one.full_name not in above)


def _is_person(described: Any) -> bool:
    return SHOWN in described.fields_by_name or described.name in CLEAR


def _people(message: Message) -> Iterator[tuple[str, str]]:
    described: Any = message.DESCRIPTOR
    if _is_person(described):
        yield described.name.lower(), str(getattr(message, "contact_id", "") or getattr(message, "id", ""))
        return
    for field, value in message.ListFields():
        if field.message_type is not None and _shows(field.message_type) and not field.message_type.GetOptions().map_entry:
            for one in value if field.is_repeated else (value,):
                yield from _people(one)

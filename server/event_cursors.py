"""Cursors of ListEvents: a place in the outbox and when it was given, in a form that survives every restart and every new secret.

They are not signed: a place says nothing, and what can be read from it is the caller's own either way.
"""

import base64
import binascii
import struct
from datetime import datetime
from uuid import UUID

from core.db.events import KEPT
from core.errors import InvalidInput, Violation
from core.rules.events import Place

_FORM = struct.Struct(">BqqH16s")  # version, seconds since 1970, transaction, events read of the row, row
_VERSION = 1
BEGINNING = Place(0, UUID(int=0))


def read(cursor: str, now: datetime) -> Place:
    """The place; refuses what is no cursor, and one that was given too long ago."""
    if not cursor:
        return BEGINNING
    try:
        version, given, transaction, done, row = _FORM.unpack(base64.b64decode(cursor, altchars=b"-_", validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise _bad() from None
    if version != _VERSION or transaction < 0:
        raise _bad()
    if given < (now - KEPT).timestamp():
        message = "이벤트는 30일 동안 보관됩니다. 이 커서가 가리키는 이벤트는 지워졌으니 커서 없이 처음부터 읽어 주세요."
        facts = {"kept_days": str(KEPT.days)}
        violations = [Violation("cursor", message, "EVENT_CURSOR_EXPIRED")]
        raise InvalidInput(message, violations, reason="EVENT_CURSOR_EXPIRED", facts=facts)
    return Place(transaction, UUID(bytes=row), done)


def written(place: Place, now: datetime) -> str:
    """As it is given to the caller."""
    packed = _FORM.pack(_VERSION, int(now.timestamp()), place.transaction, place.done, place.row.bytes)
    return base64.urlsafe_b64encode(packed).decode()


def _bad() -> InvalidInput:
    message = "이벤트 커서가 맞지 않습니다. 앞선 응답의 next_cursor를 그대로 넣어 주세요."
    return InvalidInput(message, [Violation("cursor", message, "BAD_EVENT_CURSOR")], reason="BAD_EVENT_CURSOR")

"""Solapi's list of who said no by an 080 number: read page by page, and never taken for empty when it cannot be read."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from core.errors import InvalidInput
from core.rules import phone
from workers.providers import Busy, OptedOut
from workers.providers.solapi.client import Client, word

_PATH = "/iam/v1/black"
_PAGE_SIZE = 500
_PAGES_MAX = 2000


def pages(client: Client, since: datetime | None) -> Iterator[Sequence[OptedOut]]:
    """Every page; one that has no list in it, or a list that does not end, is Busy."""
    fields = {"type": "DENIAL", "limit": str(_PAGE_SIZE)}
    if since:
        fields["dateCreated[gte]"] = since.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for _ in range(_PAGES_MAX):
        answer = client.harmless("GET", f"{_PATH}?{urlencode(fields)}")
        rows = answer.get("blackList")
        if not isinstance(rows, list):
            raise Busy("no list of opt-outs in the answer")
        yield [one for row in rows if isinstance(row, dict) and (one := _opted_out(row))]
        following = word(answer, "nextKey")
        if not following:
            return
        if following == fields.get("startKey"):
            break
        fields["startKey"] = following
    raise Busy("list of opt-outs does not end")


def _opted_out(row: Mapping[str, Any]) -> OptedOut | None:
    """One row. A call that is repeated changes the row, so its time is part of the event; what is no number is nobody."""
    try:
        number = phone.normalise(word(row, "recipientNumber"))
    except InvalidInput:
        return None
    said = word(row, "dateUpdated") or word(row, "dateCreated")
    return OptedOut(number, f"{word(row, 'handleKey')}:{said}", _instant(said))


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)

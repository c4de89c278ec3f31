"""Reading what Solapi answers: groups, messages, reports, money."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from core.rules.channel import Channel
from workers.providers import Accepted, Busy, Hint, Result
from workers.providers.solapi import words
from workers.providers.solapi.client import number, word

CHANNELS = {"SMS": Channel.SMS, "LMS": Channel.LMS, "MMS": Channel.MMS, "ATA": Channel.ALIMTALK}
REFERENCE = re.compile(r"\w{1,64}", re.ASCII)
_GONE = {"SENDING", "COMPLETE", "SCHEDULED"}


def went(group: Mapping[str, Any]) -> bool:
    """Whether anything of the group has left, or is going to, by any of its signs."""
    count = group.get("count")
    sent = [number(count.get(name)) for name in ("sentTotal", "sentSuccess", "sentFailed")] if isinstance(count, dict) else []
    return word(group, "status") in _GONE or bool(group.get("dateSent")) or any(sent)


def counted(group: Mapping[str, Any], taken: Accepted) -> Accepted:
    """With the group's own count of what was registered, when that is of as many messages."""
    count = group.get("count")
    names = ("registeredSuccess", "registeredFailed")
    success, failed = (number(count.get(name)) if isinstance(count, dict) else None for name in names)
    if success is None or failed is None or success + failed != taken.accepted + taken.refused:
        return taken
    return Accepted(taken.reference, success, failed, taken.channel)


def entries(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What was said of each message that was put into a group."""
    listed = answer.get("resultList")
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise Busy("answer without a resultList")
    return listed


def rows(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The messages of a page: an object by id; nothing may come as an empty list."""
    listed = answer.get("messageList")
    found = list(listed.values()) if isinstance(listed, dict) else listed
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Busy("list not understood")
    return found


def result(row: Mapping[str, Any]) -> Result:
    """What became of one message."""
    code, receiver = word(row, "statusCode"), re.sub(r"\D", "", word(row, "to"))
    text = words.text(code, word(row, "statusMessage") or word(row, "reason"))
    return Result(receiver, words.state(code), text, word(row, "messageId"), words.known(code), code)


def hint(item: Mapping[str, Any]) -> Hint | None:
    """One entry of a report: with its data inside, or flat as older ones are."""
    inner = item.get("data")
    data = inner if isinstance(inner, dict) else item
    reference = word(data, "groupId")
    if not REFERENCE.fullmatch(reference):
        return None
    return Hint(reference, word(data, "messageId"), word(item, "eventDataId"))


def korean(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The prices of Korea, in a list of countries, an object of them, or alone."""
    listed = answer.get("list", [answer, *answer.values()])
    for country in listed if isinstance(listed, list) else ():
        if isinstance(country, dict) and word(country, "countryId") == "82":
            return country
    raise Busy("prices not understood")


def won(row: Mapping[str, Any], name: str) -> Decimal:
    """Money comes as a whole number, a fraction or quoted."""
    try:
        amount = Decimal(str(row.get(name)))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise Busy(f"answer without a readable {name}")
    return amount


def price(row: Mapping[str, Any], name: str) -> Decimal:
    """The price of one message, which must be one."""
    amount = won(row, name)
    if amount <= 0:
        raise Busy(f"price of {name} not understood")
    return amount

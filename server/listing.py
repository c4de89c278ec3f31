"""What every list RPC understands: page_size, page_token, filter, order_by."""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from google.protobuf.message import Message

from core.db.listing import Page
from core.errors import InvalidInput, Violation
from core.settings import load
from server.caller import current

_TERM = re.compile(r'\s*([a-z_]+)\s*([=:])\s*"((?:[^"\\]|\\["\\])*)"\s*')
_AND = re.compile(r"AND(?=\s)")
_SIGNATURE = 16


@dataclass(frozen=True)
class Field:
    """A field that a filter may name: its operator (`=` is, `:` contains), and its values when they are few."""

    operator: str = "="
    values: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lists:
    """What one list RPC allows. The first order is the default one, newest first."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    orders: tuple[str, ...] = ("create_time",)
    size: int = 50
    most: int = 200
    newest_first: bool = True


def page(request: Message, allowed: Lists) -> Page:
    """The page that a list request asks for; a field the request does not have counts as empty."""
    order, descending = _order(getattr(request, "order_by", ""), allowed)
    size: int = getattr(request, "page_size", 0)
    token: str = getattr(request, "page_token", "")
    return Page(
        limit=min(size or allowed.size, allowed.most),
        order=order,
        descending=descending,
        where=_where(getattr(request, "filter", ""), allowed),
        after=_place(request, token) if token else None,
        archived=getattr(request, "show_archived", False),
    )


def next_token(request: Message, place: tuple[str, ...] | None) -> str:
    """The token of the page after `place`; empty at the end."""
    if place is None:
        return ""
    payload = json.dumps(place, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signed(request, payload) + payload).decode().rstrip("=")


def _place(request: Message, token: str) -> tuple[str, ...]:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raise _bad_token() from None
    signature, payload = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signed(request, payload)):
        raise _bad_token()
    return tuple(json.loads(payload))


def _signed(request: Message, payload: bytes) -> bytes:
    """Binds a place to this workspace, this RPC and its other arguments; only page_size may change on the way."""
    arguments = type(request)()
    arguments.CopyFrom(request)
    arguments.ClearField("page_token")
    arguments.ClearField("page_size")
    parts = (current().workspace.bytes, request.DESCRIPTOR.name.encode(), arguments.SerializeToString(deterministic=True))
    said = b"".join(hashlib.sha256(part).digest() for part in (*parts, payload))
    return hmac.digest(_key(), said, "sha256")[:_SIGNATURE]


@lru_cache(maxsize=1)
def _key() -> bytes:
    return hmac.digest(load().jwt_secret.encode(), b"page tokens", "sha256")


def _where(text: str, allowed: Lists) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        term = _TERM.match(rest)
        if not term:
            raise _bad_filter(rest)
        name, operator, value = term[1], term[2], re.sub(r"\\(.)", r"\1", term[3])
        pairs.append((name, _checked(name, operator, value, allowed)))
        rest = rest[term.end() :]
        joint = _AND.match(rest)
        if rest and not joint:
            raise _bad_filter(rest)
        if joint and not (rest := rest[joint.end() :].strip()):
            raise _bad_filter("AND")
    return tuple(pairs)


def _checked(name: str, operator: str, value: str, allowed: Lists) -> str:
    known = allowed.fields.get(name)
    if known is None:
        raise _bad_filter(name)
    if operator != known.operator:
        raise _bad_filter(f"{name} {operator}")
    if known.values and value not in known.values:
        raise _bad_filter(f"{name} = {value}")
    return value


def _order(text: str, allowed: Lists) -> tuple[str, bool]:
    if not text.strip():
        return allowed.orders[0], allowed.newest_first
    name, *direction = text.split()
    if name not in allowed.orders or direction not in ([], ["asc"], ["desc"]):
        raise _wrong("order_by", f"정렬 기준을 읽을 수 없습니다: {text[:40]}", "BAD_FILTER")
    return name, direction == ["desc"]


def _bad_filter(part: str) -> InvalidInput:
    return _wrong("filter", f"필터를 읽을 수 없습니다: {part[:40]}", "BAD_FILTER")


def _bad_token() -> InvalidInput:
    return _wrong("page_token", "이어 보기 표시가 맞지 않습니다. 목록을 처음부터 다시 여세요.", "BAD_PAGE_TOKEN")


def _wrong(place: str, message: str, reason: str) -> InvalidInput:
    return InvalidInput(message, [Violation(place, message, reason)], reason=reason)

"""Webhooks by the Standard Webhooks: the signature, the body, when to try again, and which addresses may be posted to."""

import base64
import hmac
import ipaddress
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from core.errors import InvalidInput
from core.rules.events import Event, Told

PREFIX = "whsec_"
TEST_KIND = "webhook.test"
EVENTS = 100  # in one delivery, at most
PATIENCE = timedelta(hours=24)  # how long a delivery is tried
OLD_SECRET = timedelta(hours=24)  # how long the secret before signs too
GIVEN_UP = timedelta(days=5)  # an endpoint that fails for so long is disabled

_LEAST, _MOST = timedelta(seconds=5), timedelta(hours=4)
_GROWTH = 1.5
_NAMES = ("localhost", "local", "internal", "home.arpa", "lan", "intranet", "localdomain")  # the end of a name inside a network
_WRITTEN = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")  # what an address is written with
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24")))  # public to some versions of Python
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_FORBIDDEN = "웹훅은 공개된 인터넷 주소로만 보낼 수 있습니다. 내부망 주소는 쓸 수 없습니다."


def new_secret() -> bytes:
    """A fresh signing secret."""
    return os.urandom(32)


def written(secret: bytes) -> str:
    """The secret as it is shown."""
    return PREFIX + base64.b64encode(secret).decode()


def signature(secrets: Iterable[bytes], identifier: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one for each secret that is valid now."""
    said = f"{identifier}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(secret, said, 'sha256')).decode()}" for secret in secrets)


def body(events: Sequence[Event], made: datetime) -> bytes:
    """What is posted; the same bytes at every try. Events read as they do in REST."""
    said = {"type": "events", "timestamp": _time(made), "data": {"events": [_written(event) for event in events]}}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def cut(rows: Sequence[Told]) -> Iterator[tuple[list[UUID], int, int]]:
    """Rows of the outbox in deliveries: their ids, how many events of the first row came before, how many events it is."""
    ids, skip, size = list[UUID](), 0, 0
    for row in rows:
        done = 0
        while done < row.count:
            skip = skip if ids else done
            taken = min(EVENTS - size, row.count - done)
            ids, size, done = [*ids, row.row], size + taken, done + taken
            if size == EVENTS:
                yield ids, skip, size
                ids, size = [], 0
    if ids:
        yield ids, skip, size


def next_try(now: datetime, give_up_at: datetime, spread: float, least_seconds: float | None = None) -> datetime | None:
    """When to try again after a failure (0 <= spread < 1); None when it is over. Each gap is longer than the last, up to 4 h."""
    if now >= give_up_at:
        return None
    tried = max(timedelta(0), now - (give_up_at - PATIENCE))
    wait = max(min(max(tried * _GROWTH, _LEAST), _MOST), timedelta(seconds=min(least_seconds or 0.0, _MOST.total_seconds())))
    return min(now + wait * (1 + spread / 4), give_up_at)


def host_of(url: str, *, real: bool) -> tuple[str, int]:
    """Where an endpoint is; refuses what cannot be posted to. `real`: not in development, so https and the internet only."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _wrong() from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in (("https",) if real else ("https", "http")) or not host or "@" in parts.netloc or "#" in url:
        raise _wrong()
    if not _WRITTEN.fullmatch(url):
        raise _wrong()
    _check_host(host, real=real)
    return host, port


def check_addresses(addresses: Iterable[str], *, real: bool) -> None:
    """Refuse a name when one of the addresses it has now leads into a network."""
    if not all(may_reach(address, real=real) for address in addresses):
        raise InvalidInput(_FORBIDDEN, reason="WEBHOOK_ADDRESS_FORBIDDEN")


def may_reach(address: str, *, real: bool) -> bool:
    """Whether something may be posted to this IP address: to a public one, and in development to this machine."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return _is_public(ip) or (not real and ip.is_loopback)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return _is_public(ipaddress.IPv4Address(ip.packed[12:]))
        if ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip.is_site_local:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or any(ip in network for network in _SPECIAL))


def _check_host(host: str, *, real: bool) -> None:
    """An address, or a name of which it is known that it leads into a network. What a name leads to is asked elsewhere."""
    try:
        inside = not may_reach(host, real=real)
    except ValueError:
        ours = "." not in host or host.lower().endswith(tuple(f".{name}" for name in _NAMES))
        inside = _is_number(host) or (ours and (real or host.lower() != "localhost"))
    if inside:
        raise InvalidInput(_FORBIDDEN, reason="WEBHOOK_ADDRESS_FORBIDDEN")


def _is_number(host: str) -> bool:
    """`127.1` or `0x7f.1`: what some resolvers take for an address."""
    return host.rpartition(".")[2].isdigit() or host.lower().rpartition(".")[2].startswith("0x")


def _written(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "type": event.type,
        "time": _time(event.time),
        "campaignId": event.campaign_id,
        "messageId": event.message_id,
        "clientReference": event.client_reference,
        "reason": event.reason,
        "test": event.test,
    }


def _time(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _wrong() -> InvalidInput:
    message = "웹훅 주소를 확인해 주세요. https://로 시작하고, 사용자 이름이나 #이 들어 있지 않아야 합니다."
    return InvalidInput(message, reason="WEBHOOK_URL_INVALID")

"""No test speaks to anything but this machine: Python's own sockets are watched by an audit hook."""

import ipaddress
import sys
from typing import Any

_NAMES = {"", "localhost"}


class ForbiddenNetwork(RuntimeError):
    """A test tried to reach beyond loopback."""


def is_loopback(host: object) -> bool:
    """Whether this is our own machine; names are refused, because resolving them is already network."""
    text = host.decode() if isinstance(host, bytes) else host
    if text is None or not isinstance(text, str) or text in _NAMES:
        return True
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not is_loopback(address[0]):
            raise ForbiddenNetwork(f"a test tried to reach {address[0]}")
    elif event == "socket.getaddrinfo" and not is_loopback(arguments[0]):
        raise ForbiddenNetwork(f"a test tried to look up {arguments[0]}")


def forbid() -> None:
    """From now on, for the whole process: an audit hook cannot be removed."""
    sys.addaudithook(_watch)

"""The one door to providers: asks once, never repeats, and says of every failure whether it may have arrived."""

import functools
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from core import tracing

_making = threading.Lock()
_ANSWER_LIMIT = 8 * 1024 * 1024
# Shorter than any usual idle time-out of a server (Apache 5 s, nginx 75 s), so that a connection is reused only inside
# a burst and a send practically never meets one the server has just closed, which would have to count as "maybe sent".
# Measured on loopback for 500 messages a call: reused 0.9 us a message (TLS 1.7), fresh 2.6 (TLS 5.5).
_REUSE_SECONDS = 1.0
# A failure of any kind not named here may have happened after the request was written.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)

_SECONDS = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)

# Their request lines would put query strings, and with them numbers, into our logs.
for _chatty in ("httpx", "httpcore"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds to wait for a connection, for each write, and for the answer: its first byte, then its whole body."""

    connect: float
    write: float
    read: float


SEND = Timeout(connect=5, write=15, read=60)
READ = Timeout(connect=5, write=15, read=15)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer; `retry_seconds` when it named a time to come back."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    retry_seconds: float | None = None


class NotSent(Exception):
    """The request did not leave; the reason holds no address, body or key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Forbidden(NotSent):
    """The address is one that nothing may be sent to."""


class MaybeSent(Exception):
    """The request may have arrived, but there is no usable answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def post(url: str, body: bytes, content_type: str, *, timeout: Timeout, headers: Mapping[str, str] | None = None) -> Response:
    """Post once and read the answer. Raises NotSent or MaybeSent and nothing else."""
    return request("POST", url, body, timeout=timeout, headers={"content-type": content_type, **(headers or {})})


def request(method: str, url: str, body: bytes = b"", *, timeout: Timeout, headers: Mapping[str, str] | None = None) -> Response:
    """Ask once, by any method, and read the answer. Raises NotSent or MaybeSent and nothing else."""
    asked = _request(method, url, body, headers or {}, timeout)
    try:
        around = tracing.inner("provider call", {"http.request.method": method, "server.address": asked.url.host})
        with around, closing(_client().send(asked, stream=True)) as answer:
            return _read(answer, timeout)
    except MaybeSent:
        raise
    except _NOT_SENT as error:
        raise NotSent(_reason(error)) from None
    except Exception as error:
        raise MaybeSent(_reason(error)) from None


def post_outside(
    url: str, body: bytes, headers: Mapping[str, str], *, may_reach: Callable[[str], bool], seconds: float
) -> Response:
    """Post once to an address that a stranger chose: only where `may_reach` every address of its name, and over in `seconds`.

    It goes to the very address that was judged, whatever the name says a moment later. The body of the answer is not read.
    Raises NotSent (Forbidden when it was the address) or MaybeSent.
    """
    fuse = _Fuse(seconds)
    try:
        parts = httpx.URL(url)
        address = _judged(parts, may_reach)
        asked = _outside().build_request(
            "POST",
            parts.copy_with(host=address),
            content=body,
            headers={**headers, "host": parts.netloc.decode("ascii")},
            timeout=httpx.Timeout(connect=seconds / 2, write=seconds, read=seconds, pool=seconds),
            extensions={"sni_hostname": parts.host, "trace": fuse.trace},
        )
        with fuse, closing(_outside().send(asked, stream=True)) as answer:
            return Response(answer.status_code, answer.headers.get("content-type", ""), b"", _retry_seconds(answer))
    except NotSent:
        raise
    except (*_NOT_SENT, httpx.InvalidURL, OSError) as error:
        raise NotSent(type(error).__name__) from None
    except Exception as error:
        raise MaybeSent(_reason(error)) from None


def _judged(url: httpx.URL, may_reach: Callable[[str], bool]) -> str:
    """One of the addresses of its name, all of which may be reached."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)]
    if not found or not all(map(may_reach, found)):
        raise Forbidden("address not allowed")
    return found[0]


class _Fuse:
    """Ends a request that takes too long as a whole: a time-out begins anew with every byte, and a head can trickle for ever."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._burn)
        self._timer.daemon = True
        self._stream: Any = None

    def trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """What httpx tells while it connects."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = facts["return_value"]

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _burn(self) -> None:
        with suppress(Exception):
            self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def warm() -> None:
    """Make the pool now, so that the first call loses no time between its last check and the wire."""
    _client()


def close() -> None:
    """Close every idle connection: at the end of a process, or of a test."""
    _client().close()
    _made.cache_clear()


def _client() -> httpx.Client:
    """One pool a process, also when several threads want the first one at the same moment."""
    with _making:
        return _made()


@functools.cache
def _made() -> httpx.Client:
    """The environment is not asked: proxies and certificates are settings, not surprises."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=_REUSE_SECONDS)
    # identity: an answer's size is what the wire carries, so the limit holds.
    headers = {"accept-encoding": "identity", "user-agent": "jeondan"}
    return httpx.Client(trust_env=False, follow_redirects=False, limits=limits, headers=headers)


@functools.cache
def _outside() -> httpx.Client:
    """No connection is kept: one that was opened for one name must never serve another at the same address."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
    return httpx.Client(trust_env=False, follow_redirects=False, limits=limits, headers={"user-agent": "jeondan"})


# A forked child must not write into its parent's sockets.
os.register_at_fork(after_in_child=_made.cache_clear)
os.register_at_fork(after_in_child=_outside.cache_clear)


def _request(method: str, url: str, body: bytes, headers: Mapping[str, str], timeout: Timeout) -> httpx.Request:
    times = httpx.Timeout(connect=timeout.connect, write=timeout.write, read=timeout.read, pool=timeout.connect)
    try:
        return _client().build_request(method, url, content=body, headers=headers, timeout=times)
    except Exception as error:
        raise NotSent(f"unusable request ({type(error).__name__})") from None


def _read(answer: httpx.Response, timeout: Timeout) -> Response:
    body = bytearray()
    # The pool's own time-out starts anew with every byte; an answer that trickles must end too.
    deadline = time.monotonic() + timeout.read
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > _ANSWER_LIMIT:
            raise MaybeSent("answer too large")
        if time.monotonic() > deadline:
            raise MaybeSent("answer too slow")
    return Response(answer.status_code, answer.headers.get("content-type", ""), bytes(body), _retry_seconds(answer))


def _retry_seconds(answer: httpx.Response) -> float | None:
    value = answer.headers.get("retry-after") or answer.headers.get("x-retry-after") or ""
    return float(value) if _SECONDS.fullmatch(value) else None


def _reason(error: Exception) -> str:
    """The kind of failure, and for a connection the system's words: those know no more than host and errno."""
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, httpx.ConnectError) else kind

"""How much one caller may ask for: calls per time, bytes per body, JSON only. In this process' memory."""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Refusal
from gateway.framework import ROUTING_CONTEXT
from gateway.security import credential

BODY_BYTES = 1024 * 1024
_MOST_CALLERS = 20_000
_FORMS = ("multipart/", "application/x-www-form-urlencoded")


@dataclass
class Bucket:
    """What one caller has left, and when that was so."""

    tokens: float
    at: float


class Buckets:
    """A token bucket for each caller: `count` at once, refilled evenly over `seconds`."""

    def __init__(self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.count, self._rate, self._clock = count, count / seconds, clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def left(self, caller: str) -> float:
        """Calls left now."""
        bucket = self._buckets.get(caller)
        if bucket is None:
            return float(self.count)
        return min(float(self.count), bucket.tokens + (self._clock() - bucket.at) * self._rate)

    def take(self, caller: str) -> bool:
        """Use one call up; False when there was none."""
        tokens = self.left(caller)
        allowed = tokens >= 1
        self._buckets[caller] = Bucket(tokens - 1 if allowed else tokens, self._clock())
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        return allowed

    def wait(self, caller: str) -> float:
        """Seconds until the next call is allowed."""
        return max(0.0, (1 - self.left(caller)) / self._rate)

    def headers(self, caller: str) -> dict[str, str]:
        """The same for the caller."""
        tokens = self.left(caller)
        return {
            "RateLimit-Limit": str(self.count),
            "RateLimit-Remaining": str(max(0, math.floor(tokens))),
            "RateLimit-Reset": str(math.ceil((self.count - tokens) / self._rate)),
        }


class RateLimit:
    """429 for who asks too often, counted by credential; by address for public calls and for refused credentials."""

    def __init__(self, app: ASGIApp, buckets: Buckets, public: Collection[str]) -> None:
        self._app, self._buckets, self._public = app, buckets, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count this call."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        address = address_of(scope)
        caller = self._caller(scope, address)
        # Made-up credentials must not be a way around the limit of the address.
        refused = f"refused {address}"
        for each in (refused, caller):
            if self._buckets.left(each) < 1:
                raise self._too_many(each)
        self._buckets.take(caller)
        told = self._buckets.headers(caller)

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        try:
            await self._app(scope, receive, counted)
        except (Refusal, HTTPException) as error:
            status = error.status if isinstance(error, Refusal) else error.status_code
            if status == 401 and caller != address:
                self._buckets.take(refused)
            error.headers = {**(error.headers or {}), **told}
            raise

    def _caller(self, scope: Scope, address: str) -> str:
        operation = scope.get("extensions", {}).get(ROUTING_CONTEXT, {}).get("operation_id")
        given = credential(Headers(scope=scope))
        if not given or operation is None or operation in self._public:
            return address
        return hashlib.sha256(given.encode()).hexdigest()

    def _too_many(self, caller: str) -> Refusal:
        return Refusal(429, retry_seconds=self._buckets.wait(caller), headers=self._buckets.headers(caller))


def address_of(scope: Scope) -> str:
    """Who asks, when nothing better is known."""
    client: Any = scope.get("client")
    return str(client[0]) if client else "unknown"


class BodyLimit:
    """413 for a body over 1 MiB, announced or not; 415 for form bodies, which the API does not take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the headers, then count what really comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > BODY_BYTES:
            raise Refusal(413)
        if scope["path"].startswith("/api/") and headers.get("content-type", "").lower().startswith(_FORMS):
            raise Refusal(415)
        await self._app(scope, _counting(receive), send)


def _counting(receive: Receive) -> Receive:
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_BYTES:
            raise Refusal(413)
        return message

    return counting

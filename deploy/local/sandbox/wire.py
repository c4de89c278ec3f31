"""Raw answers: ordinary ones, and the ways a connection dies."""

import asyncio
import os
import socket
import struct
from dataclasses import dataclass
from email.utils import formatdate

from starlette.types import Receive, Scope, Send

from deploy.local.sandbox.clock import Clock

MAX_BODY = 64 * 1024 * 1024
HTML = "text/html; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    body: bytes
    status: int = 200
    content_type: str = HTML
    headers: tuple[tuple[bytes, bytes], ...] = ()


def page(status: int, title: str, *headers: tuple[bytes, bytes]) -> Reply:
    """The kind of HTML an edge server answers with."""
    line = f"{status} {title}"
    body = f"<html>\n<head><title>{line}</title></head>\n<body>\n<center><h1>{line}</h1></center>\n</body>\n</html>\n"
    return Reply(body.encode(), status, "text/html", headers)


def busy_page(status: int) -> Reply:
    """Come back later."""
    titles = {429: "Too Many Requests", 503: "Service Temporarily Unavailable"}
    return page(status, titles.get(status, "Error"), (b"retry-after", b"1"))


class Wire:
    """One request's connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, clock: Clock) -> None:
        self.scope, self._receive, self._send, self._clock = scope, receive, send, clock

    async def body(self) -> bytes | None:
        """The whole body, or nothing when the caller hung up or it is absurdly large."""
        chunks, size = [], 0
        while True:
            event = await self._receive()
            if event["type"] != "http.request" or size > MAX_BODY:
                return None
            chunks.append(event.get("body", b""))
            size += len(chunks[-1])
            if not event.get("more_body"):
                return b"".join(chunks)

    async def reply(self, reply: Reply, length: int | None = None) -> None:
        size = len(reply.body) if length is None else length
        date = formatdate(self._clock.now(), usegmt=True).encode()
        headers = [(b"date", date), (b"content-type", reply.content_type.encode()), (b"content-length", b"%d" % size)]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": [*headers, *reply.headers]})
        await self._send({"type": "http.response.body", "body": reply.body, "more_body": length is not None})

    async def cut(self, reply: Reply) -> None:
        """Promise the whole answer, send half of it, and die."""
        half = Reply(reply.body[: len(reply.body) // 2], reply.status, reply.content_type, reply.headers)
        await self.reply(half, length=len(reply.body))
        await asyncio.sleep(0.05)  # a reset overtakes bytes that the other side has not read
        self.reset()

    async def hang(self, seconds: float) -> None:
        """Say nothing until the caller gives up; then, or when the time is over, die."""
        try:
            async with asyncio.timeout(seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            pass
        self.reset()

    def reset(self) -> None:
        """Drop the connection with RST. ASGI has no word for it, so this asks uvicorn's request for its transport."""
        transport: asyncio.Transport = self._send.__self__.transport  # type: ignore[attr-defined]
        shared = transport.get_extra_info("socket")
        if shared is not None and not transport.is_closing():
            with socket.socket(fileno=os.dup(shared.fileno())) as handle:
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

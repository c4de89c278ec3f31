"""Our own TCP fault proxy: between the product and one of its parts, it cuts, stalls and refuses when told to.

One asyncio loop in a thread of its own carries all proxies; every public method may be called from any thread.
"""

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from enum import Enum
from typing import Any, Self

LOOPBACK = "127.0.0.1"
_LINGER = struct.pack("ii", 1, 0)  # close with a reset instead of a goodbye
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.I)
_HEAD_MOST = 65_536


class Cut(Enum):
    """When, seen from the provider, a request loses its connection."""

    BEFORE = "before anything of the request arrives"
    DURING = "when half of the request has arrived"
    AFTER = "when the provider has accepted and begins to answer"


class Wires:
    """The loop that all proxies of a drill share; use it in a `with`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="wires", daemon=True)
        self.servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.wait(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do it on the loop, and wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _close(self) -> None:
        for server in self.servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted close their sockets now


class Link:
    """One connection through a proxy: the caller's side and the part's side."""

    def __init__(self, caller: asyncio.StreamWriter, part: asyncio.StreamWriter) -> None:
        self.sides = (caller, part)
        self.doomed = False  # ends when the part begins to answer

    def reset(self) -> None:
        """Both sides at once, without a goodbye."""
        for side in self.sides:
            _reset(side)


def _reset(side: asyncio.StreamWriter) -> None:
    connection = side.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    side.transport.abort()


class Proxy:
    """Passes bytes on to a port, and meddles."""

    def __init__(self, wires: Wires, upstream: int) -> None:
        self._wires, self._upstream = wires, upstream
        self._links: set[Link] = set()
        self.connections = 0
        wires.wait(self._listen())

    async def _listen(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing_until = 0.0
        server = await asyncio.start_server(self._serve, LOOPBACK, 0, limit=_HEAD_MOST)
        self._wires.servers.append(server)
        self.port: int = server.sockets[0].getsockname()[1]

    # what can be done to it

    def cut(self) -> int:
        """Reset every connection there is; how many."""
        return int(self._wires.wait(self._cut()))

    async def _cut(self) -> int:
        links = list(self._links)
        for link in links:
            link.reset()
        return len(links)

    def stall(self, seconds: float) -> None:
        """Let nothing through, either way, for so long; connections stay. Returns at once."""
        self._soon(self._stall, seconds)

    def _stall(self, seconds: float) -> None:
        self._flowing.clear()
        self._wires.loop.call_later(seconds, self._flowing.set)

    def refuse(self, seconds: float) -> None:
        """Reset every connection, and each new one for so long. Returns at once."""
        self._soon(self._refuse, seconds)

    def _refuse(self, seconds: float) -> None:
        self._refusing_until = self._wires.loop.time() + seconds
        for link in list(self._links):
            link.reset()

    def heal(self) -> None:
        """No trouble any more."""
        self._soon(self._heal)

    def _heal(self) -> None:
        self._refusing_until = 0.0
        self._flowing.set()

    def _soon(self, action: Callable[..., object], *arguments: Any) -> None:
        self._wires.loop.call_soon_threadsafe(action, *arguments)

    # passing on

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._wires.loop.time() < self._refusing_until:
            return _reset(writer)
        try:
            answers, part = await asyncio.open_connection(LOOPBACK, self._upstream, limit=_HEAD_MOST)
        except OSError:
            return _reset(writer)
        link = Link(writer, part)
        self._links.add(link)
        try:
            ways = (asyncio.ensure_future(self._up(reader, link)), asyncio.ensure_future(self._down(answers, link)))
            await _until_one_ends(ways)
        finally:
            self._links.discard(link)
            for side in link.sides:
                side.close()

    async def _up(self, reader: asyncio.StreamReader, link: Link) -> None:
        await self._pass(reader, link.sides[1])

    async def _down(self, reader: asyncio.StreamReader, link: Link) -> None:
        await self._pass(reader, link.sides[0])

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_HEAD_MOST):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


async def _until_one_ends(ways: Iterable[asyncio.Future[None]]) -> None:
    """A half-closed connection is a closed one: none of the parts uses half."""
    done, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for way in left:
        way.cancel()
    await asyncio.gather(*done, *left, return_exceptions=True)


class HttpProxy(Proxy):
    """Reads the requests that pass, and cuts some of them."""

    def __init__(self, wires: Wires, upstream: int) -> None:
        self._cuts: deque[Cut | None] = deque()
        self._concerned: Callable[[bytes], bool] = lambda head: False
        self.hits = Counter[Cut]()
        super().__init__(wires, upstream)

    def cut_requests(self, cuts: Iterable[Cut | None], concerned: Callable[[bytes], bool]) -> None:
        """What becomes of the next requests whose first line `concerned` names; None lets one pass."""
        self._soon(self._set_cuts, deque(cuts), concerned)

    def _set_cuts(self, cuts: deque[Cut | None], concerned: Callable[[bytes], bool]) -> None:
        self._cuts, self._concerned = cuts, concerned

    def _heal(self) -> None:
        super()._heal()
        self._cuts = deque()

    async def _up(self, reader: asyncio.StreamReader, link: Link) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # the caller has no more requests
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                await self._request(head, await reader.readexactly(int(length[1])) if length else b"", link)

    async def _request(self, head: bytes, body: bytes, link: Link) -> None:
        cut = self._cuts.popleft() if self._cuts and self._concerned(head.partition(b"\r\n")[0]) else None
        if cut:
            self.hits[cut] += 1
        await self._flowing.wait()
        await _FORWARD[cut](head + body, link)

    async def _down(self, reader: asyncio.StreamReader, link: Link) -> None:
        while data := await reader.read(_HEAD_MOST):
            if link.doomed:
                return link.reset()
            await self._flowing.wait()
            link.sides[0].write(data)
            await link.sides[0].drain()


async def _whole(request: bytes, link: Link) -> None:
    link.sides[1].write(request)
    await link.sides[1].drain()


async def _none(request: bytes, link: Link) -> None:
    link.reset()


async def _half(request: bytes, link: Link) -> None:
    await _whole(request[: len(request) // 2], link)
    await asyncio.sleep(0.05)  # so that it arrives as half a request, not as a connection without one
    link.reset()


async def _answerless(request: bytes, link: Link) -> None:
    link.doomed = True
    await _whole(request, link)


_FORWARD: dict[Cut | None, Callable[[bytes, Link], Awaitable[None]]] = {
    None: _whole,
    Cut.BEFORE: _none,
    Cut.DURING: _half,
    Cut.AFTER: _answerless,
}

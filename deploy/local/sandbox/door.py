"""The way in for provider calls: redirects, scripted misbehaviour, then the provider itself."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.local.sandbox.calls import Call, Handler
from deploy.local.sandbox.clock import Clock
from deploy.local.sandbox.faults import Fault, Faults
from deploy.local.sandbox.wire import Reply, Wire, page

_UNPROCESSED = {"error_500": page(500, "Internal Server Error"), "html_403": page(403, "Forbidden")}
_AFTERWARDS = ("lost_answer_hang", "lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty")
_BUSY = {429: "Too Many Requests", 503: "Service Temporarily Unavailable"}


class Door:
    """Provider paths go to their provider; everything else to the pages and controls inside."""

    def __init__(self, paths: Mapping[str, Handler], faults: Faults, clock: Clock, inside: ASGIApp) -> None:
        self._paths, self._faults, self._clock, self._inside = paths, faults, clock, inside
        self.requests = Counter[str]()
        self.go_down: Callable[[float], None] = lambda seconds: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if path in self._paths:
            self.requests[path] += 1
            await self._serve(Wire(scope, receive, send, self._clock), self._paths[path])
        elif path + "/" in self._paths:
            await Wire(scope, receive, send, self._clock).reply(
                page(301, "Moved Permanently", (b"location", path.encode() + b"/"))
            )
        else:
            await self._inside(scope, receive, send)

    async def _serve(self, wire: Wire, handler: Handler) -> None:
        fired = self._faults.fire(wire.scope["path"])
        if "latency" in fired:
            await asyncio.sleep(fired["latency"].delay)
        if "down" in fired:
            self.go_down(fired["down"].delay)
        if "refuse" in fired or "down" in fired:
            return wire.reset()
        body = await wire.body()
        if body is None:
            return wire.reset()
        early = _unprocessed(fired)
        if early:
            return await wire.reply(early)
        reply = handler(_call(wire.scope, body, fired))
        if "slow_answer" in fired:
            await asyncio.sleep(fired["slow_answer"].delay)
        await _finish(wire, reply, fired)


def _unprocessed(fired: Mapping[str, Fault]) -> Reply | None:
    if "busy" in fired:
        status = fired["busy"].status
        return page(status, _BUSY.get(status, "Error"), (b"retry-after", b"1"))
    return next((reply for kind, reply in _UNPROCESSED.items() if kind in fired), None)


def _call(scope: Scope, body: bytes, fired: Mapping[str, Fault]) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    ip = scope["client"][0] if scope.get("client") else ""
    return Call(scope["method"], scope["path"], scope["query_string"], headers, body, ip, fired)


async def _finish(wire: Wire, reply: Reply, fired: Mapping[str, Fault]) -> None:
    """The answer, or what is left of it: by now the messages are accepted."""
    kind = next((kind for kind in _AFTERWARDS if kind in fired), "")
    if kind == "lost_answer_reset":
        return wire.reset()
    endings: dict[str, Callable[[], Awaitable[None]]] = {
        "": lambda: wire.reply(reply),
        "lost_answer_hang": lambda: wire.hang(fired[kind].delay),
        "error_500_after": lambda: wire.reply(_UNPROCESSED["error_500"]),
        "truncated": lambda: wire.reply(Reply(reply.body[: len(reply.body) // 2])),
        "cut_body": lambda: wire.cut(reply),
        "empty": lambda: wire.reply(Reply(b"")),
    }
    await endings[kind]()

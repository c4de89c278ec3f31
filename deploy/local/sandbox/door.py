"""The way in for provider calls: redirects, scripted misbehaviour, then the provider itself."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.local.sandbox.calls import Call, Handler, Provider
from deploy.local.sandbox.clock import Clock
from deploy.local.sandbox.faults import Fault, Faults
from deploy.local.sandbox.wire import Reply, Wire, page

_UNPROCESSED = {"error_500": page(500, "Internal Server Error"), "html_403": page(403, "Forbidden")}
_AFTERWARDS = ("lost_answer_hang", "lost_answer_reset", "error_500_after", "truncated", "cut_body", "empty")


@dataclass(frozen=True, slots=True)
class Way:
    """A path of a provider, as it was declared."""

    path: str
    handler: Handler
    provider: Provider
    parts: tuple[str, ...] = ()


class Door:
    """Provider paths go to their provider; everything else to the pages and controls inside."""

    def __init__(self, providers: Sequence[Provider], faults: Faults, clock: Clock, inside: ASGIApp) -> None:
        ways = [Way(path, handler, provider) for provider in providers for path, handler in provider.paths.items()]
        self._exact = {way.path: way for way in ways}
        self._patterns = [(_pattern(way.path), way) for way in ways if not way.path.endswith("/")]
        self._faults, self._clock, self._inside = faults, clock, inside
        self.requests = Counter[str]()
        self.go_down: Callable[[float], None] = lambda seconds: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        way = self._way(path)
        if way:
            self.requests[way.path] += 1
            await self._serve(Wire(scope, receive, send, self._clock), way)
        elif path + "/" in self._exact:
            await Wire(scope, receive, send, self._clock).reply(
                page(301, "Moved Permanently", (b"location", path.encode() + b"/"))
            )
        else:
            await self._inside(scope, receive, send)

    def _way(self, path: str) -> Way | None:
        if path in self._exact:
            return self._exact[path]
        for pattern, way in self._patterns:
            if found := pattern.fullmatch(path):
                return replace(way, parts=found.groups())
        return None

    async def _serve(self, wire: Wire, way: Way) -> None:
        fired = self._faults.fire(wire.scope["path"], wire.scope["method"])
        if "latency" in fired:
            await asyncio.sleep(fired["latency"].delay)
        if "down" in fired:
            self.go_down(fired["down"].delay)
        if "refuse" in fired or "down" in fired:
            return wire.reset()
        body = await wire.body()
        if body is None:
            return wire.reset()
        early = _unprocessed(way.provider, fired)
        if early:
            return await wire.reply(early)
        if "late" in fired:
            await asyncio.sleep(fired["late"].delay)
        reply = way.handler(_call(wire.scope, body, fired, way.parts))
        if "slow_answer" in fired:
            await asyncio.sleep(fired["slow_answer"].delay)
        await _finish(wire, reply, fired)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("([^/]+)".join(map(re.escape, path.split("{}"))) + "/?")


def _unprocessed(provider: Provider, fired: Mapping[str, Fault]) -> Reply | None:
    if "busy" in fired:
        return provider.busy(fired["busy"].status)
    return next((reply for kind, reply in _UNPROCESSED.items() if kind in fired), None)


def _call(scope: Scope, body: bytes, fired: Mapping[str, Fault], parts: tuple[str, ...]) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    ip = scope["client"][0] if scope.get("client") else ""
    return Call(scope["method"], scope["path"], scope["query_string"], headers, body, ip, fired, parts)


async def _finish(wire: Wire, reply: Reply, fired: Mapping[str, Fault]) -> None:
    """The answer, or what is left of it: by now the messages are accepted."""
    kind = next((kind for kind in _AFTERWARDS if kind in fired), "")
    if kind == "lost_answer_reset":
        return wire.reset()
    endings: dict[str, Callable[[], Awaitable[None]]] = {
        "": lambda: wire.reply(reply),
        "lost_answer_hang": lambda: wire.hang(fired[kind].delay),
        "error_500_after": lambda: wire.reply(_UNPROCESSED["error_500"]),
        "truncated": lambda: wire.reply(replace(reply, body=reply.body[: len(reply.body) // 2])),
        "cut_body": lambda: wire.cut(reply),
        "empty": lambda: wire.reply(replace(reply, body=b"")),
    }
    await endings[kind]()

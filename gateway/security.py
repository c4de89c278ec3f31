"""Who may come in: a credential must be there (the server judges it), and what browsers are told."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.framework import NO_VALUE, AbstractSecurityHandler, ConnexionRequest

EXPOSED = ["ETag", "Retry-After", "X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]
ACCEPTED = [
    "Authorization",
    "X-API-Key",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "X-Request-Id",
    "Last-Event-ID",
    "traceparent",
]


def credential(headers: Headers) -> str:
    """The bearer token or API key as it came; empty when there is neither."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and _sendable(token):
        return token.strip()
    key = headers.get("x-api-key", "").strip()
    return key if _sendable(key) else ""


def _sendable(value: str) -> bool:
    # gRPC metadata carries printable ASCII only.
    return bool(value.strip()) and value.isascii() and value.isprintable()


class Presence(AbstractSecurityHandler):
    """For connexion: any credential passes on to the server, none is refused here."""

    def get_fn(self, security_scheme: Any, required_scopes: Any) -> Callable[[ConnexionRequest], Any]:
        """The check of one request."""
        return lambda request: {} if credential(request.headers) else NO_VALUE


SECURITY_MAP = {"bearer": Presence, "apiKey": Presence}


class BrowserRules:
    """Headers that keep browsers from guessing types, framing pages and keeping answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them to every answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _adding(_rules(scope["path"]), send))


def _rules(path: str) -> dict[str, str]:
    ancestors = "'self'" if path.startswith("/docs") else "'none'"
    rules = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": f"frame-ancestors {ancestors}",
    }
    return rules | {"Cache-Control": "no-store"} if path.startswith("/api/") else rules


def _adding(rules: dict[str, str], send: Send) -> Callable[[Message], Awaitable[None]]:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in rules.items():
                headers.setdefault(name, value)
        await send(message)

    return adding

"""The application: document, routes and pages put together with connexion."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway import optout, pages, pushes, routes, stubs
from gateway.channel import Backend
from gateway.codec import dump
from gateway.errors import Refusal
from gateway.framework import (
    AsyncApi,
    AsyncApp,
    AsyncOperation,
    ConnexionRequest,
    ConnexionResponse,
    MiddlewarePosition,
    ProblemException,
    Resolver,
    SwaggerUIOptions,
)
from gateway.health import Health
from gateway.limits import BodyLimit, Buckets, RateLimit
from gateway.openapi import document
from gateway.progress import OPERATION, PATH, Pace, Progress
from gateway.routes import Route, allowed
from gateway.security import ACCEPTED, EXPOSED, SECURITY_MAP, BrowserRules
from gateway.settings import Settings
from gateway.telemetry import Telemetry, report, seconds
from gateway.tracing import Tracing
from gateway.transcoder import Handler, handler


@dataclass(frozen=True)
class Gateway:
    """The application and what outlives a request."""

    app: AsyncApp
    document: dict[str, Any]
    routes: tuple[Route, ...]
    backend: Backend
    progress: Progress


class _Direct(AsyncOperation):
    """An operation that gets the request itself: connexion's way of making arguments would read bodies and forms."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Response:
        response: Response = await self._fn(Request(scope, receive))
        await response(scope, receive, send)
        return response


class _DirectApi(AsyncApi):
    def make_operation(self, operation: Any) -> AsyncOperation:
        return _Direct.from_operation(operation, pythonic_params=False, jsonifier=self.jsonifier)


class _Unchecked:
    """No parameter check by connexion: the transcoder checks types, the server checks rules, with one kind of answer."""

    def __init__(self, *args: Any, **options: Any) -> None:
        pass

    def validate(self, scope: Scope) -> None:
        """Nothing."""


def build(settings: Settings, *, described: stubs.Stubs | None = None, pace: Pace | None = None) -> Gateway:
    """Everything, not yet connected: that happens in the lifespan."""
    described = described or stubs.load()
    found = routes.routes(described)
    contract = document(described, found)
    backend = Backend(settings.target, found)
    progress = Progress(backend, pace)
    handlers: dict[str, Handler] = {route.operation_id: handler(route, backend) for route in found}
    campaign = next(route for route in found if route.method.name == "GetCampaign")
    handlers[OPERATION] = progress.handler(campaign)
    tracing = Tracing(settings)
    app = _connexion(contract, handlers, backend, tracing)
    _add_refusals(app, found)
    registry = CollectorRegistry()
    _add_pages(app, settings, contract, backend, registry)
    _add_layers(app, settings, found, registry, tracing)
    return Gateway(app, contract, found, backend, progress)


def _connexion(contract: dict[str, Any], handlers: Mapping[str, Handler], backend: Backend, tracing: Tracing) -> AsyncApp:
    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        backend.open()
        yield
        await backend.close()
        tracing.stop()

    app = AsyncApp("gateway", lifespan=lifespan)
    app._middleware_app.api_cls = _DirectApi
    app.add_api(
        contract,
        resolver=Resolver(handlers.__getitem__),
        swagger_ui_options=SwaggerUIOptions(serve_spec=False, spec_path=pages.DOCUMENT, swagger_ui_path=pages.DOCS),
        security_map=SECURITY_MAP,
        validator_map={"parameter": _Unchecked, "body": {}},
    )
    return app


def _add_refusals(app: AsyncApp, found: tuple[Route, ...]) -> None:
    async def refuse(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
        refusal = _refusal(error)
        methods = allowed(found, request.scope["path"]) if refusal.status == 405 else ""
        if methods:
            refusal.headers = {"Allow": methods}
        return _answer(refusal, request.scope["state"]["request_id"])

    for kind in (Refusal, ProblemException, HTTPException, Exception):
        app.add_error_handler(kind, refuse)


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, headers=error.headers or {})
    report(error)
    return Refusal(500)


def _answer(refusal: Refusal, request_id: str) -> ConnexionResponse:
    body = refusal.body(request_id)
    answer = ConnexionResponse(refusal.status, body=body, headers=refusal.all_headers())  # type: ignore[no-untyped-call]
    return answer


def _add_pages(
    app: AsyncApp, settings: Settings, contract: dict[str, Any], backend: Backend, registry: CollectorRegistry
) -> None:
    found = {
        "/": pages.start(settings.sandbox_port),
        "/livez": pages.livez,
        "/health": pages.health(Health(backend.probe)),
        "/metrics": pages.metrics(registry),
        pages.STAND_IN: pages.stand_in,
        pages.DOCUMENT: pages.document(dump(contract)),
    }
    for path, page in found.items():
        app.add_url_rule(path, path, page, methods=["GET"])
    app.add_url_rule(pushes.PATH, pushes.PATH, pushes.page(backend), methods=["POST"])
    app.add_url_rule(optout.PATH, optout.PATH, optout.page(backend, settings.rate), methods=["GET", "POST"])


def _add_layers(
    app: AsyncApp, settings: Settings, found: tuple[Route, ...], registry: CollectorRegistry, tracing: Tracing
) -> None:
    """Each next one stands inside the one before."""
    templates = {route.operation_id: route.path for route in found} | {OPERATION: PATH}
    plain = ("/", "/livez", "/health", "/metrics", pages.STAND_IN, pages.DOCUMENT, pushes.PATH, optout.PATH)
    templates |= {path: path for path in plain}
    outside = MiddlewarePosition.BEFORE_EXCEPTION
    app.add_middleware(Telemetry, outside, histogram=seconds(registry), templates=templates, tracing=tracing)
    app.add_middleware(BrowserRules, outside)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            outside,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=ACCEPTED,
            expose_headers=EXPOSED,
        )
    public = {route.operation_id for route in found if route.public}
    inside = MiddlewarePosition.BEFORE_SECURITY
    app.add_middleware(RateLimit, inside, buckets=Buckets(*settings.rate), public=public)
    app.add_middleware(pushes.PushLimit, inside, rate=settings.rate)
    app.add_middleware(BodyLimit, inside)

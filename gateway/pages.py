"""What is not the API: the start page, liveness, health, measurements, the document itself."""

import html
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from gateway.codec import dump
from gateway.health import Health

DOCUMENT = "/api/v1/openapi.json"
DOCS = "/docs"
STAND_IN = "/placeholder.svg"
Page = Callable[[Request], Awaitable[Response]]
_START = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>전단</title>
<style>body{{font:16px/1.6 sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;color:#222;word-break:keep-all}}
a{{color:#0b57d0}}</style></head>
<body><h1>전단</h1><p>상품 목록으로 전단과 메시지를 만들어 보내는 서비스의 REST 창구입니다.</p>
<ul>{links}</ul></body></html>"""

_PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" role="img" aria-label="이미지를 불러올 수 없습니다">
<rect width="400" height="300" fill="#eee"/><path d="M140 190l45-60 35 42 20-22 40 40z" fill="#bbb"/>
<circle cx="245" cy="115" r="14" fill="#bbb"/>
<text x="200" y="235" text-anchor="middle" font-family="sans-serif" font-size="18" fill="#555">잠시 후 다시 불러와 주세요</text>
</svg>"""


def start(sandbox_port: int) -> Page:
    """Links to what there is to see."""

    async def page(request: Request) -> Response:
        links = [
            (f"{DOCS}/", "API 문서와 시험해 보기"),
            (DOCUMENT, "OpenAPI 문서 (JSON)"),
            ("/health", "상태 확인"),
        ]
        if sandbox_port:
            host = request.url.hostname or "localhost"
            links.append((f"http://{host}:{sandbox_port}/phone", "가상 휴대전화"))
        items = "".join(f'<li><a href="{html.escape(where)}">{text}</a></li>' for where, text in links)
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        return HTMLResponse(_START.format(links=items), headers={"Content-Security-Policy": policy})

    return page


def health(asked: Health) -> Page:
    """The state of the whole, for load balancers and people."""

    async def page(request: Request) -> Response:
        status, document = await asked.report()
        headers = {"Cache-Control": "no-store"}
        return Response(dump(document), status_code=status, media_type="application/json", headers=headers)

    return page


def metrics(registry: CollectorRegistry) -> Page:
    """Prometheus text."""

    async def page(request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return page


def document(text: bytes) -> Page:
    """The OpenAPI document."""

    async def page(request: Request) -> Response:
        return Response(text, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return page


async def stand_in(request: Request) -> Response:
    """What is shown in place of a photo or a flyer that cannot be had now. It is kept: it is needed when things fail."""
    return Response(_PICTURE, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=86400"})


async def livez(request: Request) -> Response:
    """This process answers."""
    return PlainTextResponse("ok")

"""The pages for people: what is here, the virtual handset, the fault desk. Plain files, nothing from outside."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).parent / "pages"


def routes() -> list[Route | Mount]:
    return [
        Route("/", _page("index.html")),
        Route("/phone", _page("phone.html")),
        Route("/faults", _page("faults.html")),
        Mount("/__sandbox/pages", StaticFiles(directory=_FOLDER)),
    ]


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def show(request: Request) -> Response:
        return FileResponse(_FOLDER / name, headers={"cache-control": "no-cache"})

    return show

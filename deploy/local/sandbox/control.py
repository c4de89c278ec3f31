"""`/__sandbox/...`: what scripts and the pages ask for and set."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local.sandbox.accounts import Account, senders, won
from deploy.local.sandbox.calls import World
from deploy.local.sandbox.clock import KST, stamp
from deploy.local.sandbox.door import Door
from deploy.local.sandbox.faults import KINDS, BadFault, Faults
from deploy.local.sandbox.handset import Handset
from deploy.local.sandbox.images import media_type
from deploy.local.sandbox.templates import BadTemplate


class Wrong(Exception):
    """A control request that makes no sense."""


@dataclass(slots=True)
class Control:
    """The control endpoints over one world."""

    world: World
    faults: Faults
    handset: Handset
    door: Door | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/__sandbox/faults", self.list_faults, methods=["GET"]),
            Route("/__sandbox/faults", self.add_fault, methods=["POST"]),
            Route("/__sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/__sandbox/faults/{id:int}", self.remove_fault, methods=["DELETE"]),
            Route("/__sandbox/messages", self.messages, methods=["GET"]),
            Route("/__sandbox/messages", self.reset, methods=["DELETE"]),
            Route("/__sandbox/phones", self.phones, methods=["GET"]),
            Route("/__sandbox/stats", self.stats, methods=["GET"]),
            Route("/__sandbox/images/{name}", self.image, methods=["GET"]),
            Route("/__sandbox/clock", self.clock, methods=["GET", "POST"]),
            Route("/__sandbox/templates", self.templates, methods=["GET", "POST", "DELETE"]),
            Route("/__sandbox/templates/{provider}/{code}", self.remove_template, methods=["DELETE"]),
            Route("/__sandbox/optouts", self.optouts, methods=["GET", "POST", "DELETE"]),
            Route("/__sandbox/accounts", self.accounts, methods=["GET", "POST"]),
        ]

    async def list_faults(self, request: Request) -> Response:
        kinds = [{"kind": kind, "label": label, "path": path} for kind, (label, path) in KINDS.items()]
        return JSONResponse({"faults": self.faults.shown(), "kinds": kinds})

    async def add_fault(self, request: Request) -> Response:
        return JSONResponse(self.faults.add(await _json(request)).shown(), status_code=201)

    async def clear_faults(self, request: Request) -> Response:
        self.faults.clear()
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        return Response(status_code=204 if self.faults.remove(request.path_params["id"]) else 404)

    async def messages(self, request: Request) -> Response:
        receiver = request.query_params.get("receiver", "")
        return JSONResponse({"messages": self.handset.messages(_limit(request, 100), receiver)})

    async def reset(self, request: Request) -> Response:
        self.world.store.reset()
        if self.door:
            self.door.requests.clear()
        return Response(status_code=204)

    async def phones(self, request: Request) -> Response:
        phones = self.handset.phones(_limit(request, 60), request.query_params.get("search", ""))
        return JSONResponse({"phones": phones, "accepted_messages": len(self.world.store.receivers)})

    async def stats(self, request: Request) -> Response:
        requests = self.door.requests if self.door else {}
        return JSONResponse({"requests": sum(requests.values()), "by_path": dict(requests), **self.world.store.stats()})

    async def image(self, request: Request) -> Response:
        data = self.world.store.images.get(request.path_params["name"])
        if data is None:
            return Response(status_code=404)
        return Response(data, media_type=media_type(data), headers={"cache-control": "max-age=86400"})

    async def clock(self, request: Request) -> Response:
        clock = self.world.clock
        if request.method == "POST":
            clock.offset = _offset(await _json(request), clock.now() - clock.offset)
        return JSONResponse({"now": stamp(clock.now()), "offset_seconds": clock.offset})

    async def accounts(self, request: Request) -> Response:
        if request.method == "POST":
            self.world.store.adjust(_account(await _json(request)))
        shown = [_shown(account) for _, account in sorted(self.world.store.accounts.items())]
        return JSONResponse({"accounts": shown})

    async def templates(self, request: Request) -> Response:
        """All of them; POST adds or changes one, DELETE goes back to the first ones."""
        templates = self.world.templates
        if request.method == "POST":
            return JSONResponse(templates.put(await _json(request)).shown(), status_code=201)
        if request.method == "DELETE":
            templates.reset()
        return JSONResponse({"templates": [one.shown() for one in templates.known.values()]})

    async def optouts(self, request: Request) -> Response:
        """Who called an 080 number; POST lets somebody call, DELETE forgets all."""
        optouts = self.world.optouts
        if request.method == "POST":
            wanted = await _json(request)
            made = optouts.add(str(wanted.get("receiver", "")), str(wanted.get("sender", "")), self.world.clock.now())
            return JSONResponse(made.shown(), status_code=201)
        if request.method == "DELETE":
            optouts.known.clear()
        return JSONResponse({"optouts": [one.shown() for one in optouts.known]})

    async def remove_template(self, request: Request) -> Response:
        gone = self.world.templates.remove(request.path_params["provider"], request.path_params["code"])
        return Response(status_code=204 if gone else 404)


async def wrong(request: Request, error: Exception) -> Response:
    """One sentence for a request that makes no sense."""
    return JSONResponse({"error": str(error)}, status_code=400)


HANDLERS = {Wrong: wrong, BadFault: wrong, BadTemplate: wrong}


async def _json(request: Request) -> dict[str, Any]:
    try:
        wanted = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise Wrong("JSON이 아닙니다.") from None
    if not isinstance(wanted, dict):
        raise Wrong("JSON 객체가 필요합니다.")
    return wanted


def _limit(request: Request, default: int) -> int:
    value = request.query_params.get("limit", "")
    return min(int(value), 100_000) if value.isascii() and value.isdigit() and len(value) < 10 else default


def _offset(wanted: dict[str, Any], real: float) -> float:
    """`offset_seconds`, or `now` as an ISO time (Korean unless it says otherwise)."""
    try:
        if "now" in wanted:
            at = datetime.fromisoformat(wanted["now"])
            return (at if at.tzinfo else at.replace(tzinfo=KST)).timestamp() - real
        return float(wanted["offset_seconds"])
    except (KeyError, TypeError, ValueError):
        raise Wrong("offset_seconds(초) 또는 now(ISO 시각)가 필요합니다.") from None


def _account(wanted: dict[str, Any]) -> Account:
    try:
        balance = won(float(wanted["balance_won"]))
        return Account(
            str(wanted["user"]),
            str(wanted["key"]),
            senders(wanted["senders"]),
            balance,
            frozenset(wanted.get("ips", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Wrong("user, key, senders(목록), balance_won이 필요합니다.") from None


def _shown(account: Account) -> dict[str, Any]:
    counts = account.counts()
    return {
        "user": account.user,
        "senders": sorted(account.senders),
        "balance_won": account.balance / 100,
        "ips": sorted(account.ips),
        **counts,
    }

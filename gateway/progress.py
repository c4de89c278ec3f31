"""A campaign's progress as server-sent events, from one poller for all who may see the same campaign.

Each subscriber first reads the campaign and its workspace with its own credentials. After that the poller takes
the credentials of its subscribers in turn, so that every one of them keeps being checked while it listens.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from jeondan.v1 import account_pb2, campaign_pb2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway import codec
from gateway.channel import Backend, Metadata
from gateway.errors import Refusal, from_rpc
from gateway.routes import Route
from gateway.telemetry import report
from gateway.transcoder import metadata

OPERATION = "CampaignEvents"
PATH = "/api/v1/campaigns/{campaign_id}/events"
_CAMPAIGN = "/jeondan.v1.CampaignService/GetCampaign"
_WORKSPACE = "/jeondan.v1.AccountService/GetWorkspace"
_ENDS = {campaign_pb2.Campaign.STATE_DONE, campaign_pb2.Campaign.STATE_CANCELLED, campaign_pb2.Campaign.STATE_FAILED}
_NOT_YOURS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND}
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_TURNS = 30
Key = tuple[str, str]


@dataclass(frozen=True)
class Pace:
    """How often the server is asked, and how long a line may stay silent."""

    poll_seconds: float = 1.0
    heartbeat_seconds: float = 15.0


@dataclass(eq=False)
class Subscriber:
    """One listener: who it is, and whether there is news. Only the latest state waits for a slow one."""

    credentials: Metadata
    shown: campaign_pb2.Campaign
    news: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: Refusal | None = None


class Poller:
    """Asks for one campaign as long as somebody listens."""

    def __init__(self, campaign: campaign_pb2.Campaign) -> None:
        self.latest = campaign
        self.subscribers: list[Subscriber] = []
        self.task: asyncio.Task[None] | None = None

    def next(self) -> Subscriber:
        """The one whose turn it is."""
        self.subscribers.append(self.subscribers.pop(0))
        return self.subscribers[-1]

    def tell(self, campaign: campaign_pb2.Campaign) -> None:
        """Wake everybody who was shown something else."""
        self.latest = campaign
        for each in self.subscribers:
            if each.shown != campaign:
                each.news.set()

    def refuse(self, subscriber: Subscriber, refusal: Refusal) -> None:
        """End this listener's line; the others go on."""
        subscriber.refusal = refusal
        subscriber.news.set()
        self.subscribers.remove(subscriber)


class Progress:
    """All pollers of this process."""

    def __init__(self, backend: Backend, pace: Pace | None = None) -> None:
        self._backend, self._pace = backend, pace or Pace()
        self._pollers: dict[Key, Poller] = {}
        self._closing = asyncio.Event()

    def handler(self, route: Route) -> Callable[[Request], Any]:
        """What answers the events route; `route` is the one of GetCampaign, for the names in refusals."""

        async def answer(request: Request) -> Response:
            credentials = metadata(request)
            campaign_id = request.path_params["campaign_id"]
            try:
                campaign = await self._read(campaign_id, credentials)
                workspace = await self._workspace(credentials)
            except grpc.aio.AioRpcError as error:
                raise from_rpc(error, route.on_the_wire) from None
            if request.method == "HEAD":
                return Response(media_type="text/event-stream", headers=_HEADERS)
            # A workspace without an id is nobody's: not shared with anybody.
            key = (workspace or dict(credentials)["x-request-id"], campaign.id)
            lines = self._lines(key, Subscriber(credentials, campaign))
            return StreamingResponse(lines, media_type="text/event-stream", headers=_HEADERS)

        return answer

    @property
    def pollers(self) -> int:
        """How many campaigns are being asked for."""
        return len(self._pollers)

    def close(self) -> None:
        """End every line, so that the process can stop; listeners come back by themselves."""
        self._closing.set()
        for poller in self._pollers.values():
            for each in poller.subscribers:
                each.news.set()

    async def _lines(self, key: Key, me: Subscriber) -> AsyncIterator[bytes]:
        poller = self._join(key, me)
        try:
            yield b"retry: 2000\n\n" + _event("progress", me.shown)
            while not finished(me.shown) and not self._closing.is_set():
                fresh = await _fresh(me, self._pace.heartbeat_seconds)
                if me.refusal:
                    yield b"event: error\ndata: " + me.refusal.body(dict(me.credentials)["x-request-id"]) + b"\n\n"
                    return
                if fresh and poller.latest != me.shown:
                    me.shown = poller.latest
                    yield _event("progress", me.shown)
                elif not fresh:
                    yield b": still here\n\n"
            if finished(me.shown):
                yield _event("end", me.shown)
        finally:
            self._leave(key, poller, me)

    def _join(self, key: Key, me: Subscriber) -> Poller:
        poller = self._pollers.setdefault(key, Poller(me.shown))
        poller.subscribers.append(me)
        if poller.task is None or poller.task.done():
            poller.task = asyncio.create_task(self._poll(key, poller))
        return poller

    def _leave(self, key: Key, poller: Poller, me: Subscriber) -> None:
        with contextlib.suppress(ValueError):
            poller.subscribers.remove(me)
        if not poller.subscribers and self._pollers.get(key) is poller:
            del self._pollers[key]
            if poller.task:
                poller.task.cancel()

    async def _poll(self, key: Key, poller: Poller) -> None:
        while poller.subscribers:
            await asyncio.sleep(self._pace.poll_seconds)
            await self.round(key, poller)

    async def round(self, key: Key, poller: Poller) -> None:
        """Ask with one subscriber's credentials for the news; with more of a crowd, so that nobody stays unchecked."""
        for _ in range(1 + len(poller.subscribers) // _TURNS):
            if poller.subscribers:
                await self._ask(key, poller, poller.next())

    async def _ask(self, key: Key, poller: Poller, subscriber: Subscriber) -> None:
        try:
            poller.tell(await self._read(key[1], subscriber.credentials))
        except grpc.aio.AioRpcError as error:
            # Whoever may not look any more is sent away; a server that does not answer is asked again.
            if error.code() in _NOT_YOURS and subscriber in poller.subscribers:
                poller.refuse(subscriber, from_rpc(error, str))
        except Exception as error:  # a defect must not silence the line of everybody
            report(error)

    async def _read(self, campaign_id: str, credentials: Metadata) -> campaign_pb2.Campaign:
        asked = campaign_pb2.GetCampaignRequest(campaign_id=campaign_id)
        answer = await self._backend.call(_CAMPAIGN, asked, campaign_pb2.GetCampaignResponse.DESCRIPTOR, credentials)
        assert isinstance(answer, campaign_pb2.GetCampaignResponse)
        return answer.campaign

    async def _workspace(self, credentials: Metadata) -> str:
        asked = account_pb2.GetWorkspaceRequest()
        answer = await self._backend.call(_WORKSPACE, asked, account_pb2.GetWorkspaceResponse.DESCRIPTOR, credentials)
        assert isinstance(answer, account_pb2.GetWorkspaceResponse)
        return answer.workspace.id


def finished(campaign: campaign_pb2.Campaign) -> bool:
    """Whether nothing will move any more: an end state, and nobody on the way."""
    counters = campaign.counters
    flying = counters.claimed + counters.unknown + counters.accepted
    # In FAILED nobody hands the waiting ones over any more.
    waiting = 0 if campaign.state == campaign_pb2.Campaign.STATE_FAILED else counters.planned + counters.held
    return campaign.state in _ENDS and not flying + waiting


async def _fresh(me: Subscriber, seconds: float) -> bool:
    try:
        await asyncio.wait_for(me.news.wait(), seconds)
    except TimeoutError:
        return False
    me.news.clear()
    return True


def _event(name: str, campaign: campaign_pb2.Campaign) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), codec.dump(codec.to_json(campaign)))

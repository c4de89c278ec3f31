"""What providers push: taken raw, kept by the server, answered at once. Nothing of it is read or logged here."""

import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Iterator

import grpc
from jeondan.v1 import receipt_pb2 as pb
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.channel import Backend
from gateway.errors import Refusal
from gateway.limits import Buckets, address_of
from gateway.pages import Page
from gateway.stubs import described
from gateway.transcoder import metadata

PATH = "/webhooks/{provider}/{token}"
PREFIX = "/webhooks/"
AT_ONCE = 10  # a provider may tell of each message by itself: so many times the limit of other callers
_RPC = "/jeondan.v1.ReceiptService/TakePush"
_NO_SUCH_ADDRESS = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)
_HEADERS, _HEADER_LENGTH = 32, 1000
_MOST_KNOWN = 20_000


def page(backend: Backend) -> Page:
    """200 once it is kept; 404 for a wrong address; 503 when it could not be kept, so that it is pushed again."""

    async def take(request: Request) -> Response:
        place = request.path_params
        push = pb.TakePushRequest(request_id=str(uuid.uuid4()), provider=place["provider"], token=place["token"])
        push.body = await request.body()
        push.headers.update(_proofs(request.headers))
        try:
            await backend.call(_RPC, push, described(pb.TakePushResponse()), metadata(request))
        except grpc.aio.AioRpcError as error:
            raise Refusal(404 if error.code() in _NO_SUCH_ADDRESS else 503) from None
        return Response(status_code=200)

    return take


def _proofs(headers: Headers) -> Iterator[tuple[str, str]]:
    """The provider's own headers, in which it may prove itself."""
    own = ((name, value) for name, value in headers.items() if name.startswith("x-") and len(value) <= _HEADER_LENGTH)
    return (pair for pair, _ in zip(own, range(_HEADERS), strict=False))


class PushLimit:
    """429 for an address that is used too often, and for who keeps guessing addresses.

    A provider pushes for many merchants from the same machines: one merchant's address that is not valid any more
    must not close the door for the others, so an address that has worked is asked for no more than its own limit.
    """

    def __init__(self, app: ASGIApp, rate: tuple[int, float]) -> None:
        self._app = app
        self._used, self._guessed = Buckets(AT_ONCE * rate[0], rate[1]), Buckets(*rate)
        self._known: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count this push by its address, and what came of it."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        place, guesser = hashlib.sha256(scope["path"].encode()).hexdigest(), address_of(scope)
        if place not in self._known and self._guessed.left(guesser) < 1:
            raise Refusal(429, retry_seconds=self._guessed.wait(guesser))
        if not self._used.take(place):
            raise Refusal(429, retry_seconds=self._used.wait(place))

        async def judged(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._judge(place, guesser, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, judged)
        except Refusal as refusal:
            self._judge(place, guesser, refusal.status)
            raise

    def _judge(self, place: str, guesser: str, status: int) -> None:
        if status == 404:
            self._known.pop(place, None)
            self._guessed.take(guesser)
        elif status == 200:
            self._known[place] = None
            self._known.move_to_end(place)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

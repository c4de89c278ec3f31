"""What keeps an RPC method short: one transaction, who is calling, and the same answer to the same request_id."""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

from google.protobuf.message import Message

from core import clock
from core.db import accounts, requests
from core.db.session import Tx, database
from core.errors import AlreadyExists
from server import access
from server.caller import Caller, current, remaining

_BYTES = "latin-1"  # one character a byte, so that any answer comes back as it was

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True)
class Call:
    """What an RPC method works with: its open transaction, its caller, and the time."""

    tx: Tx
    caller: Caller
    now: datetime

    @property
    def workspace(self) -> UUID:
        """The workspace the transaction is bound to."""
        return self.caller.workspace

    @property
    def actor(self) -> str:
        """`user:<id>` or `key:<id>`, for records of who did it."""
        return self.caller.actor

    @property
    def role(self) -> int:
        """The caller's jeondan.v1.Role."""
        return self.caller.role


# What the generated servicers expect of a method, and what is written instead.
Rpc = Callable[[Any, Request, Any], Response]
Method = Callable[[Any, Request, Call], Response]


def reads(method: Method[Request, Response]) -> Rpc[Request, Response]:
    """One read transaction around the method, on the replica while the primary is away; then who was shown is written down."""

    @functools.wraps(method)
    def rpc(self: Any, request: Request, context: Any) -> Response:
        caller = current()
        answer = database().look(
            caller.workspace, lambda tx: method(self, request, Call(tx, caller, clock.now())), timeout=remaining()
        )
        if seen := access.look(method.__name__, answer, caller):
            with database().write(caller.workspace, timeout=remaining()) as tx:
                access.record(tx, caller, seen, clock.now())
        return answer

    return rpc


def writes(method: Method[Request, Response]) -> Rpc[Request, Response]:
    """One transaction on the primary around the method and its request_id; jobs follow by `call.tx.after_commit`."""
    answer: type[Response] = method.__annotations__["return"]

    @functools.wraps(method)
    def rpc(self: Any, request: Request, context: Any) -> Response:
        caller = current()
        with database().write(caller.workspace, timeout=remaining()) as tx:
            call = Call(tx, caller, clock.now())
            given = _once(call, request, answer, lambda: method(self, request, call))
            if seen := access.look(method.__name__, given, caller):
                access.record(tx, caller, seen, call.now)
            return given

    return rpc


def _once(call: Call, request: Message, answer: type[Response], work: Callable[[], Response]) -> Response:
    """Do the work, unless this request_id has its answer already. A refusal rolls back and leaves nothing behind."""
    known = _known_by(call, request)
    if known is None:
        return work()
    key, reused = known
    body = hashlib.sha256(request.DESCRIPTOR.name.encode() + request.SerializeToString(deterministic=True)).digest()
    stored = requests.claim(call.tx, key, body, call.now)
    if stored is None:
        response = work()
        requests.answer(call.tx, key, _sealed(call, response))
        return response
    if stored.body_hash != body:
        raise AlreadyExists(f"같은 {reused}가 다른 요청에 이미 쓰였습니다.", reason=f"{reused.upper()}_REUSED")
    return answer.FromString(_opened(call, stored.response))


def _sealed(call: Call, response: Message) -> bytes:
    """An answer as it is kept for a week: some show a secret that is shown only once."""
    seal: Callable[[str], bytes] = accounts.keys(call.tx, call.workspace).sealer()
    return seal(response.SerializeToString().decode(_BYTES))


def _opened(call: Call, kept: bytes) -> bytes:
    unseal: Callable[[bytes], str] = accounts.keys(call.tx, call.workspace).opener()
    return unseal(kept).encode(_BYTES)


def _known_by(call: Call, request: Message) -> tuple[requests.Key, str] | None:
    """What a request is known by, and the name of the field that says so; None: it is done each time it comes.

    An idempotency key is one over all RPCs that take one. A test's keys are its own: a notice that was only rehearsed is
    not yet sent.
    """
    if request_id := getattr(request, "request_id", ""):
        return requests.Key(call.workspace, request.DESCRIPTOR.name.removesuffix("Request"), UUID(request_id)), "request_id"
    if chosen := getattr(request, "idempotency_key", ""):
        method = "rehearsal" if call.caller.test else "idempotency_key"
        return requests.Key(call.workspace, method, uuid5(call.workspace, chosen)), "idempotency_key"
    return None

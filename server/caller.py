"""Who is calling and until when: set by the interceptors, read by the RPC methods of the same thread."""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from core.errors import NotAuthenticated, TooLate


@dataclass(frozen=True, slots=True)
class Caller:
    """A person (by token) or a program (by API key) of one workspace."""

    workspace: UUID
    actor: str  # `user:<id>` or `key:<id>`
    role: int  # jeondan.v1.Role
    test: bool = False  # a test key: what it sends leaves by no provider
    origin: str = ""  # the address from where, for the access log

    @property
    def user(self) -> UUID | None:
        """The person's id; None for a program."""
        kind, _, identifier = self.actor.partition(":")
        return UUID(identifier) if kind == "user" else None


CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)
DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)


def current() -> Caller:
    """The caller of this RPC."""
    caller = CALLER.get()
    if caller is None:
        raise NotAuthenticated("로그인이 필요합니다.")
    return caller


def remaining() -> float | None:
    """Seconds until the deadline of this RPC; refuses when it has passed. None outside an RPC."""
    deadline = DEADLINE.get()
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TooLate("정해진 시간 안에 답을 준비하지 못했습니다. 다시 시도해 주세요.")
    return left

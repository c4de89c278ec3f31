"""Everything that can go wrong for a caller, free of any transport: one sentence for the merchant and a reason for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One wrong field: its path in the request, a Korean sentence, and a machine-readable reason."""

    field: str
    message: str
    reason: str = "INVALID_FIELD"


class Problem(Exception):
    """A refusal the caller can understand. `reason` is a name of `jeondan.v1.ErrorReason`; `facts` are plain, never personal."""

    reason = "INTERNAL"

    def __init__(self, message: str, *, reason: str | None = None, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).reason
        self.facts = dict(facts or {})


class InvalidInput(Problem):
    """The request itself is wrong; says which fields."""

    reason = "INVALID_INPUT"

    def __init__(
        self,
        message: str,
        violations: Sequence[Violation] = (),
        *,
        reason: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, facts=facts)
        self.violations = tuple(violations)


class NotFound(Problem):
    """No such thing in this workspace."""

    reason = "NOT_FOUND"


class AlreadyExists(Problem):
    """The thing is there already, or the request_id was used for another request."""

    reason = "ALREADY_EXISTS"


class Conflict(Problem):
    """Somebody changed it meanwhile (etag)."""

    reason = "ETAG_MISMATCH"


class WrongState(Problem):
    """Not possible in the state the thing is in."""

    reason = "WRONG_STATE"


class NotAuthenticated(Problem):
    """Who is calling is not known."""

    reason = "UNAUTHENTICATED"


class NotAllowed(Problem):
    """Known, but may not do this."""

    reason = "PERMISSION_DENIED"


class TooMany(Problem):
    """A limit was reached; try again after `retry_seconds`."""

    reason = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_seconds: float = 1.0, reason: str | None = None) -> None:
        super().__init__(message, reason=reason)
        self.retry_seconds = retry_seconds


class Unavailable(Problem):
    """A part we need does not answer; try again after `retry_seconds`."""

    reason = "DEPENDENCY_UNAVAILABLE"

    def __init__(
        self,
        message: str,
        *,
        retry_seconds: float = 2.0,
        reason: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, facts=facts)
        self.retry_seconds = retry_seconds


class TooLate(Problem):
    """The deadline of the call passed before the answer was ready."""

    reason = "DEADLINE_EXCEEDED"

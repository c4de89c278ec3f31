"""The one table that turns core.errors into gRPC: code, and google.rpc details for machines and for people."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2 as details  # type: ignore[import-untyped, unused-ignore]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped, unused-ignore]

from core import errors

DOMAIN = "jeondan.v1"
LARGEST = 4_500  # bytes: a status travels base64-encoded in trailers, which clients limit to 8 KiB

CODES: dict[type[errors.Problem], grpc.StatusCode] = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.Conflict: grpc.StatusCode.ABORTED,
    errors.WrongState: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotAuthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.NotAllowed: grpc.StatusCode.PERMISSION_DENIED,
    errors.TooMany: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.TooLate: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Problem: grpc.StatusCode.FAILED_PRECONDITION,
}


def status_of(problem: errors.Problem, request_id: str) -> Status:
    """What the client gets for a refusal."""
    info = details.ErrorInfo(domain=DOMAIN, reason=problem.reason, metadata=problem.facts)
    parts: list[Message] = [info, *_retry(problem), *_identity(problem.message, request_id)]
    status = _status(code_of(problem), problem.message, parts)
    if isinstance(problem, errors.InvalidInput) and problem.violations:
        _pack(status, _bad_request(problem.violations, LARGEST - status.ByteSize()))
    return status


def status_of_defect(request_id: str) -> Status:
    """What the client gets for an error nobody foresaw: nothing of its text, only the id that finds it."""
    message = f"서버에 문제가 생겼습니다. 문의하실 때 요청 번호를 알려 주세요: {request_id}"
    info = details.ErrorInfo(domain=DOMAIN, reason="INTERNAL", metadata={"request_id": request_id})
    return _status(grpc.StatusCode.INTERNAL, message, [info, *_identity(message, request_id)])


def code_of(problem: errors.Problem) -> grpc.StatusCode:
    """The code of the nearest class in the table."""
    return next(CODES[kind] for kind in type(problem).__mro__ if kind in CODES)


@contextmanager
def at(field: str) -> Iterator[None]:
    """Say which request field a rule's refusal is about, where the rule itself cannot know."""
    try:
        yield
    except errors.InvalidInput as problem:
        if problem.violations:
            raise
        violation = errors.Violation(field, problem.message, problem.reason)
        raise errors.InvalidInput(problem.message, [violation], reason=problem.reason, facts=problem.facts) from None


@contextmanager
def within(field: str) -> Iterator[None]:
    """Say in which message of the request the fields lie that a rule's refusal names."""
    try:
        yield
    except errors.InvalidInput as problem:
        found = [errors.Violation(f"{field}.{one.field}", one.message, one.reason) for one in problem.violations]
        raise errors.InvalidInput(problem.message, found, reason=problem.reason, facts=problem.facts) from None


def wrong(field: str, message: str, reason: str) -> errors.InvalidInput:
    """A refusal about one field."""
    return errors.InvalidInput(message, [errors.Violation(field, message, reason)], reason=reason)


def _status(code: grpc.StatusCode, message: str, parts: Sequence[Message]) -> Status:
    number: int = code.value[0]
    status = Status(code=number, message=message)
    for part in parts:
        _pack(status, part)
    return status


def _pack(status: Status, part: Message) -> None:
    packed = AnyMessage()
    packed.Pack(part)
    status.details.append(packed)


def _identity(message: str, request_id: str) -> list[Message]:
    return [
        details.LocalizedMessage(locale="ko-KR", message=message),
        details.RequestInfo(request_id=request_id),
    ]


def _retry(problem: errors.Problem) -> list[Message]:
    if not isinstance(problem, errors.TooMany | errors.Unavailable):
        return []
    delay = Duration()
    delay.FromMilliseconds(int(problem.retry_seconds * 1000))
    return [details.RetryInfo(retry_delay=delay)]


def _bad_request(violations: Sequence[errors.Violation], room: int) -> details.BadRequest:
    bad = details.BadRequest()
    for violation in violations:
        added = bad.field_violations.add(
            field=violation.field[:200], description=violation.message[:300], reason=violation.reason
        )
        if bad.ByteSize() > room - 100 and len(bad.field_violations) > 1:
            bad.field_violations.remove(added)
            break
    return bad

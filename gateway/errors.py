"""The one table from gRPC status to HTTP, and how any refusal becomes `application/problem+json`."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped, unused-ignore]

DOMAIN = "jeondan.v1"
MEDIA_TYPE = "application/problem+json"
_DETAILS = "grpc-status-details-bin"

# AIP-193
HTTP_STATUS = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}

# status -> title, reason and sentence when nobody gave better ones
_DEFAULTS = {
    400: ("잘못된 요청", "INVALID_INPUT", "요청을 처리할 수 없습니다. 입력한 내용을 확인해 주세요."),
    401: ("인증 필요", "UNAUTHENTICATED", "로그인이 필요합니다."),
    403: ("권한 없음", "PERMISSION_DENIED", "이 작업을 할 권한이 없습니다."),
    404: ("찾을 수 없음", "NOT_FOUND", "요청한 주소나 자료를 찾을 수 없습니다."),
    405: ("허용되지 않은 방식", "METHOD_NOT_ALLOWED", "이 주소에서는 쓸 수 없는 HTTP 방식입니다."),
    406: ("응답 형식 불가", "NOT_ACCEPTABLE", "요청한 형식으로는 응답할 수 없습니다."),
    409: ("충돌", "CONFLICT", "다른 변경과 충돌했습니다. 새로 불러온 뒤 다시 시도해 주세요."),
    413: ("요청이 너무 큼", "BODY_TOO_LARGE", "요청 본문이 너무 큽니다. 1 MiB 이하로 보내 주세요."),
    415: ("지원하지 않는 형식", "UNSUPPORTED_MEDIA_TYPE", "요청 본문은 application/json 형식이어야 합니다."),
    429: ("요청이 너무 많음", "RATE_LIMITED", "요청이 너무 많습니다. 잠시 뒤에 다시 시도해 주세요."),
    499: ("요청 취소", "CANCELLED", "요청이 취소되었습니다."),
    500: ("서버 오류", "INTERNAL", "처리 중 오류가 발생했습니다. 계속되면 요청 번호와 함께 문의해 주세요."),
    501: ("지원하지 않음", "UNIMPLEMENTED", "아직 지원하지 않는 기능입니다."),
    503: ("일시적으로 이용 불가", "DEPENDENCY_UNAVAILABLE", "서비스가 잠시 응답하지 않습니다. 곧 다시 시도해 주세요."),
    504: ("시간 초과", "DEADLINE_EXCEEDED", "제한 시간 안에 처리하지 못했습니다. 다시 시도해 주세요."),
}
_HIDDEN = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
_RETRY_SECONDS = {429: 1.0, 503: 2.0}


@dataclass(frozen=True)
class FieldError:
    """One wrong field, named as the REST caller knows it; a Korean sentence; a reason for machines."""

    field: str
    message: str
    reason: str = "INVALID_FIELD"


@dataclass
class Refusal(Exception):
    """An answer that is not a success."""

    status: int
    reason: str = ""
    detail: str = ""
    errors: Sequence[FieldError] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_seconds: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> bytes:
        """The problem document."""
        title, reason, detail = _DEFAULTS.get(self.status, _DEFAULTS[500 if self.status >= 500 else 400])
        problem: dict[str, object] = {
            "type": f"urn:jeondan:reason:{self.reason or reason}",
            "title": title,
            "status": self.status,
            "detail": self.detail or detail,
            "reason": self.reason or reason,
            "request_id": request_id,
            "errors": [{"field": one.field, "message": one.message, "reason": one.reason} for one in self.errors],
        }
        if self.metadata:
            problem["metadata"] = dict(self.metadata)
        # What the caller sent may stand in a field name, even half a surrogate pair.
        return json.dumps(problem, ensure_ascii=False).encode(errors="replace")

    def all_headers(self) -> dict[str, str]:
        """What goes with it."""
        seconds = _RETRY_SECONDS.get(self.status) if self.retry_seconds is None else self.retry_seconds
        found = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **self.headers}
        if seconds is not None:
            found["Retry-After"] = str(max(1, math.ceil(seconds)))
        if self.status == 401:
            found["WWW-Authenticate"] = "Bearer"
        return found


def invalid(errors: Sequence[FieldError]) -> Refusal:
    """The request itself is wrong."""
    return Refusal(400, errors=errors)


def from_rpc(error: grpc.aio.AioRpcError, on_the_wire: Callable[[str], str]) -> Refusal:
    """What an RPC refused, for the REST caller. Only sentences of our own server are shown."""
    code = error.code()
    refusal = Refusal(HTTP_STATUS.get(code, 500))
    status = _status(error)
    ours = _read_details(status, refusal, on_the_wire)
    if code in _HIDDEN:
        return Refusal(refusal.status)
    if ours and not refusal.detail:
        refusal.detail = status.message
    return refusal


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()


def _read_details(status: status_pb2.Status, refusal: Refusal, on_the_wire: Callable[[str], str]) -> bool:
    ours = False
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        retry = error_details_pb2.RetryInfo()
        request = error_details_pb2.BadRequest()
        sentence = error_details_pb2.LocalizedMessage()
        if detail.Unpack(info) and info.domain == DOMAIN:
            ours = True
            refusal.reason = info.reason.removeprefix("ERROR_REASON_")
            refusal.metadata = dict(info.metadata)
        elif detail.Unpack(request):
            refusal.errors = [_field_error(each, on_the_wire) for each in request.field_violations]
        elif detail.Unpack(retry):
            refusal.retry_seconds = _seconds(retry.retry_delay)
        elif detail.Unpack(sentence):
            refusal.detail = sentence.message
    return ours


def _seconds(delay: Duration) -> float:
    return delay.seconds + delay.nanos / 1e9


def _field_error(violation: error_details_pb2.BadRequest.FieldViolation, on_the_wire: Callable[[str], str]) -> FieldError:
    sentence = violation.localized_message.message or violation.description
    return FieldError(on_the_wire(violation.field), sentence, violation.reason or "INVALID_FIELD")

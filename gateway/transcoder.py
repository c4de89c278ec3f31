"""One REST request into one RPC and its answer back; the same few lines for every RPC there is."""

import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import grpc
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from gateway import codec
from gateway.channel import Backend, Metadata
from gateway.errors import FieldError, from_rpc, invalid
from gateway.limits import address_of
from gateway.query import from_query, mask_paths
from gateway.routes import ETAG, HEADERS, Route
from gateway.shape import Shape
from gateway.stubs import described

Handler = Callable[[Request], Awaitable[Response]]
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_VISIBLE = re.compile(r"[\x20-\x7e]+")


def handler(route: Route, backend: Backend) -> Handler:
    """What answers this route."""

    async def answer(request: Request) -> Response:
        message = to_rpc(route, request, await request.body() if route.body else b"")
        try:
            found = await backend.call(route.rpc, message, route.response, metadata(request))
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error, route.on_the_wire) from None
        return from_message(route, found)

    return answer


def metadata(request: Request) -> Metadata:
    """What travels beside every RPC: who calls and from where, and the ids that join the logs."""
    headers = request.headers
    passed = [(name, headers[name]) for name in ("authorization", "x-api-key") if _VISIBLE.fullmatch(headers.get(name, ""))]
    ids = request.scope["state"]
    joins = [("x-request-id", ids["request_id"]), ("traceparent", ids["traceparent"])]
    return [*passed, *joins, ("x-origin", address_of(request.scope))]


def to_rpc(route: Route, request: Request, body: bytes) -> Message:
    """The request message; a refusal that names everything wrong with it."""
    shape = Shape()
    value = codec.read_json(body) if body else {}
    fields = _body(route, value, shape)
    fields |= _query(route, request.query_params.multi_items(), shape)
    for name in route.path_fields:
        field = route.request.fields_by_name[name]
        fields[field.json_name] = shape.single(field, request.path_params[name], name)
    _headers(route, request.headers, fields, shape)
    mask = _mask(route, request, value, shape)
    if shape.errors:
        raise invalid(shape.errors)
    message = codec.to_message(fields, route.request)
    if route.mask:
        getattr(message, route.mask).paths.extend(mask)
    return message


def from_message(route: Route, message: Message) -> Response:
    """The answer, with its version as ETag."""
    value = codec.to_json(message)
    if route.response_body:
        value = value.get(route.response.fields_by_name[route.response_body].json_name)
    headers = {}
    tag = _etag(message)
    if tag and _VISIBLE.fullmatch(tag) and '"' not in tag:
        headers["ETag"] = f'"{tag}"'
    return Response(codec.dump(value), media_type="application/json", headers=headers)


def _body(route: Route, value: Any, shape: Shape) -> dict[str, Any]:
    if not route.body:
        return {}
    if route.body == "*":
        checked: dict[str, Any] = shape.message(route.request, value, without=route.path_fields)
        return checked
    field = route.request.fields_by_name[route.body]
    if value is None:
        shape.refuse("", "본문이 비어 있습니다.")
    return {field.json_name: shape.field(field, value, "")}


def _query(route: Route, items: Iterable[tuple[str, str]], shape: Shape) -> dict[str, Any]:
    fields = {name: field for name, field in route.query_fields.items() if field.name != route.mask}
    mask = _mask_names(route)
    return from_query(fields, [(key, value) for key, value in items if key not in mask], shape)


def _mask_names(route: Route) -> tuple[str, ...]:
    return (route.mask, route.request.fields_by_name[route.mask].json_name) if route.mask else ()


def _mask(route: Route, request: Request, value: Any, shape: Shape) -> list[str]:
    """The mask as given, else the keys of the body: what stands there is what changes."""
    if not route.mask or route.body_message is None:
        return []
    names = _mask_names(route)
    given = [text for key, text in request.query_params.multi_items() if key in names]
    if given:
        return mask_paths(route.body_message, ",".join(given), names[1], shape)
    known = {name: field for field in route.body_message.fields for name in (field.name, field.json_name)}
    keys = [known[key] for key in value if key in known] if isinstance(value, dict) else []
    paths = [field.name for field in keys if not codec.output_only(field)]
    if not paths and not shape.errors:
        shape.refuse("", "바꿀 항목이 없습니다.", "EMPTY_UPDATE")
    return paths


def _headers(route: Route, headers: Headers, fields: dict[str, Any], shape: Shape) -> None:
    for name, header in HEADERS.items():
        if not route.takes(name):
            continue
        key = route.request.fields_by_name[name].json_name
        given = headers.get(header)
        value = _tag(given) if given and name == ETAG else given
        if value is not None and fields.get(key) not in (None, "", value):
            shape.errors.append(FieldError(header, "머리글과 본문의 값이 다릅니다.", "CONFLICTING_VALUES"))
        elif value:
            fields[key] = value
        elif name != ETAG and not fields.get(key):
            # Ours, so that a repetition by the channel cannot do the thing twice.
            fields[key] = str(uuid.uuid4())


def _tag(header: str) -> str:
    """`"7"`, `W/"7"` or `7` -> `7`; `*` means whatever is there."""
    text = header.strip()
    quoted = _TAG.fullmatch(text)
    return quoted[1] if quoted else "" if text == "*" else text


def _etag(message: Message) -> str:
    for holder in (message, *_inner(message)):
        if ETAG in holder.DESCRIPTOR.fields_by_name:
            return str(getattr(holder, ETAG))
    return ""


def _inner(message: Message) -> list[Message]:
    singles = [field for field in described(message).fields if _is_message(field)]
    return [getattr(message, field.name) for field in singles if message.HasField(field.name)]


def _is_message(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not field.is_repeated

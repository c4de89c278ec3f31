"""The OpenAPI 3.0.3 document, made from the descriptors at start; 3.0 because connexion reads nothing newer."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from jeondan.v1 import campaign_pb2, options_pb2

from gateway import progress
from gateway.errors import MEDIA_TYPE
from gateway.routes import ETAG, HEADERS, Route
from gateway.schemas import Schema, Schemas, View
from gateway.stubs import Stubs, is_list

_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]
_ROLE = "ROLE_"
_REFUSALS = {
    "400": "The request is wrong, or not possible in the present state.",
    "401": "No credential, or one that is not valid.",
    "403": "The role of the caller does not suffice.",
    "404": "No such resource in this workspace.",
    "409": "Exists already, was changed meanwhile, or the request id was used for another request.",
    "413": "The body is over 1 MiB.",
    "415": "The body is not JSON.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "499": "The call was cancelled.",
    "500": "A defect on our side; `request_id` finds it.",
    "501": "The server does not know this operation (yet).",
    "503": "A part that is needed does not answer; `Retry-After` says when to come back.",
    "504": "Not answered in time.",
}
_DESCRIPTION = """REST door of Jeondan, made from its gRPC services.

Sign in with `POST /api/v1/sessions` and send the token as `Authorization: Bearer ...`, or send an API key as
`X-API-Key`. Refusals are `application/problem+json` with a Korean sentence in `detail`, a stable `reason`, and the
wrong fields in `errors`. `X-Request-Id` names a request in every answer."""


def document(stubs: Stubs, routes: Iterable[Route]) -> dict[str, Any]:
    """All of it."""
    schemas = Schemas(stubs.comments)
    schemas.components["Problem"] = _problem()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.verb] = _operation(route, schemas)
    paths[progress.PATH] = {"get": _events(schemas)}
    tags = [{"name": service.name, **schemas.comment(service.full_name)} for service in stubs.services]
    return {
        "openapi": "3.0.3",
        "info": {"title": "Jeondan", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": tags,
        "security": _SECURITY,
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": {f"Problem{status}": _refusal(text) for status, text in _REFUSALS.items()},
            "headers": _headers(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Token of `CreateSession`."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    comment = schemas.comment(route.method.full_name).get("description", route.method.name)
    role = options_pb2.Role.Name(route.role).removeprefix(_ROLE)
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.method.containing_service.name],
        "summary": comment.split(". ")[0].split("\n")[0].rstrip("."),
        "description": f"{comment}\n\nLeast role: {role}.",
        "parameters": _parameters(route, schemas),
        "responses": {"200": _success(route, schemas)} | _refusals(route.public, bool(route.body)),
        "x-role": role,
    }
    if route.public:
        operation["security"] = []
    if route.body_message:
        operation["requestBody"] = _body(route, schemas)
    return operation


def _body(route: Route, schemas: Schemas) -> dict[str, Any]:
    assert route.body_message
    view = View.PATCH if route.verb == "patch" else View.INPUT
    schema = schemas.message(route.body_message, view, route.path_fields if route.body == "*" else ())
    name = schema.get("$ref", "").rpartition("/")[2]
    required = bool(schemas.components.get(name, {}).get("required")) or view is View.PATCH
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    fields = route.request.fields_by_name
    found = [_parameter(fields[name], name, "path", schemas) for name in route.path_fields]
    queried = {field.name: field for field in route.query_fields.values()}
    found += [_parameter(field, field.json_name, "query", schemas) for field in queried.values()]
    for name, header in HEADERS.items():
        if route.takes(name):
            found.append(_parameter(fields[name], header, "header", schemas) | {"required": False})
    return found


def _parameter(field: FieldDescriptor, name: str, place: str, schemas: Schemas) -> dict[str, Any]:
    parameter = {"name": name, "in": place, "required": place == "path", **schemas.comment(field.full_name)}
    if is_list(field):
        parameter |= {"style": "form", "explode": True}
    return parameter | {"schema": schemas.parameter(field)}


def _success(route: Route, schemas: Schemas) -> dict[str, Any]:
    schema: Schema = schemas.message(route.response, View.ANSWER)
    if route.response_body:
        schema = schemas.field(route.response.fields_by_name[route.response_body], View.ANSWER)
    text = schemas.comment(route.response.full_name).get("description", "Done.")
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if _answers_etag(route):
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    return {"description": text, "headers": headers, "content": {"application/json": {"schema": schema}}}


def _answers_etag(route: Route) -> bool:
    singles = [field.message_type for field in route.response.fields if not field.is_repeated and field.message_type]
    return any(ETAG in message.fields_by_name for message in [route.response, *singles])


def _refusals(public: bool, body: bool) -> dict[str, Any]:
    left_out = ({"403"} if public else set()) | (set() if body else {"413"})
    return {status: {"$ref": f"#/components/responses/Problem{status}"} for status in _REFUSALS if status not in left_out}


def _refusal(text: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": text, "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}, "content": content}


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "RequestId": {"description": "The id of this request, as given or made here.", "schema": text},
        "ETag": {"description": "Version of the resource, for `If-Match`.", "schema": text},
    }


def _events(schemas: Schemas) -> dict[str, Any]:
    campaign = schemas.message(campaign_pb2.Campaign.DESCRIPTOR, View.ANSWER)["$ref"]
    text = (
        "Follows a campaign as server-sent events: `progress` with the campaign as JSON whenever it changed, `end` with "
        "the same when nothing will move any more, `error` with a problem when the caller may not look any more; a "
        f"comment every 15 s keeps the line open. The data is `{campaign.rpartition('/')[2]}`."
    )
    identifier = {
        "name": "campaign_id",
        "in": "path",
        "required": True,
        "description": "Identifier.",
        "schema": {"type": "string", "format": "uuid"},
    }
    last = {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "description": "Tolerated: the first event is always the present state.",
        "schema": {"type": "string"},
    }
    return {
        "operationId": progress.OPERATION,
        "tags": ["CampaignService"],
        "summary": "Follows a campaign",
        "description": f"{text}\n\nLeast role: VIEWER.",
        "parameters": [identifier, last],
        "responses": {
            "200": {"description": "The events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **_refusals(public=False, body=False),
        },
        "x-role": "VIEWER",
    }


def _problem() -> Schema:
    text = {"type": "string"}
    one = {
        "type": "object",
        "required": ["field", "message", "reason"],
        "properties": {
            "field": text | {"description": "Path in the body (`imageIds[2]`), or the name of a parameter or header."},
            "message": text | {"description": "What is wrong, in Korean."},
            "reason": text | {"description": "The same for machines."},
        },
    }
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": ["type", "title", "status", "detail", "reason", "request_id", "errors"],
        "properties": {
            "type": text | {"description": "`urn:jeondan:reason:` and the reason."},
            "title": text | {"description": "The kind of refusal, in Korean."},
            "status": {"type": "integer", "format": "int32", "description": "The HTTP status."},
            "detail": text | {"description": "A Korean sentence for a person."},
            "reason": text | {"description": "Stable name for machines, e.g. `INVALID_INPUT`."},
            "request_id": text | {"description": "Names this request."},
            "errors": {"type": "array", "items": one, "description": "The wrong fields, when it is about fields."},
            "metadata": {"type": "object", "additionalProperties": text, "description": "Plain facts about it."},
        },
    }

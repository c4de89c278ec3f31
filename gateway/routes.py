"""Which REST route is which RPC: read from `google.api.http` and nothing else."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from google.api import annotations_pb2, http_pb2  # type: ignore[import-untyped, unused-ignore]
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from jeondan.v1 import options_pb2

from gateway.stubs import Stubs

REQUEST_ID = "request_id"
IDEMPOTENCY_KEY = "idempotency_key"  # the same, chosen by the caller in any form
ETAG = "etag"
# Fields of a request that stand in a header in REST.
HEADERS = {REQUEST_ID: "Idempotency-Key", IDEMPOTENCY_KEY: "Idempotency-Key", ETAG: "If-Match"}
_VERBS = ("get", "post", "put", "patch", "delete")
_FIELD = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_MASK = "google.protobuf.FieldMask"
_HTTP: Any = annotations_pb2.http  # the stubs have no type for extensions that come without types


@dataclass(frozen=True)
class Route:
    """One REST operation and the RPC behind it. `body` as in google.api.http: empty, `*`, or the name of a field."""

    operation_id: str
    verb: str
    path: str
    body: str
    response_body: str
    method: MethodDescriptor
    role: options_pb2.Role.ValueType

    @property
    def request(self) -> Descriptor:
        """What the RPC takes."""
        return self.method.input_type

    @property
    def response(self) -> Descriptor:
        """What the RPC gives."""
        return self.method.output_type

    @property
    def rpc(self) -> str:
        """The name of the RPC on the wire."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def public(self) -> bool:
        """Whether anybody may call it."""
        return self.role == options_pb2.ROLE_PUBLIC

    @cached_property
    def path_fields(self) -> tuple[str, ...]:
        """Fields of the request that stand in the path."""
        return tuple(_FIELD.findall(self.path))

    @cached_property
    def query_fields(self) -> dict[str, FieldDescriptor]:
        """Fields of the request that stand in the query, by either spelling. Header fields are not among them."""
        if self.body == "*":
            return {}
        taken = {*self.path_fields, self.body, *HEADERS}
        fields = [field for field in self.request.fields if field.name not in taken]
        return {name: field for field in fields for name in (field.name, field.json_name)}

    @cached_property
    def body_message(self) -> Descriptor | None:
        """What the body is; None when there is none."""
        if not self.body:
            return None
        return self.request if self.body == "*" else self.request.fields_by_name[self.body].message_type

    @cached_property
    def mask(self) -> str:
        """The name of the field mask, or empty."""
        masks = [field.name for field in self.request.fields if _is_mask(field)]
        return masks[0] if masks and self.body not in ("", "*") else ""

    def takes(self, field: str) -> bool:
        """Whether the request has this field (one of HEADERS)."""
        return field in self.request.fields_by_name

    @property
    def repeatable(self) -> bool:
        """Whether calling twice does no more than calling once."""
        return self.verb == "get" or self.takes(REQUEST_ID) or self.takes(IDEMPOTENCY_KEY)

    def on_the_wire(self, field: str) -> str:
        """The path of a request field as the REST caller knows it: `product.image_ids[2]` -> `imageIds[2]`."""
        if self.body not in ("", "*") and (field == self.body or field.startswith((f"{self.body}.", f"{self.body}["))):
            return _camel(self.body_message, field[len(self.body) :].lstrip("."))
        if field in self.path_fields:
            return field
        if self.body != "*" and field in HEADERS:
            return HEADERS[field]
        return _camel(self.request, field)


def routes(stubs: Stubs) -> tuple[Route, ...]:
    """Every REST operation there is; a double or unreadable one stops the process."""
    found = tuple(route for service in stubs.services for method in service.methods for route in _bound(method))
    seen: dict[tuple[str, str], str] = {}
    for route in found:
        key = (route.verb, _FIELD.sub("{}", route.path))
        if key in seen:
            raise ValueError(f"{route.operation_id} and {seen[key]} have the same route")
        seen[key] = route.operation_id
    return found


def allowed(found: Iterable[Route], path: str) -> str:
    """The methods that this path takes, for the Allow header; connexion names only those of the first match."""
    verbs = {route.verb.upper() for route in found if re.fullmatch(_FIELD.sub("[^/]+", route.path), path)}
    return ", ".join(sorted(verbs | {"HEAD"} if "GET" in verbs else verbs))


def _bound(method: MethodDescriptor) -> Iterator[Route]:
    options = method.GetOptions()
    if not options.HasExtension(_HTTP):
        return
    rule: http_pb2.HttpRule = options.Extensions[_HTTP]
    role = options.Extensions[options_pb2.access].role
    for number, binding in enumerate([rule, *rule.additional_bindings]):
        name = f"{method.containing_service.name}_{method.name}" + (f"_{number + 1}" if number else "")
        yield _route(name, binding, method, role)


def _route(name: str, rule: http_pb2.HttpRule, method: MethodDescriptor, role: options_pb2.Role.ValueType) -> Route:
    verb = rule.WhichOneof("pattern") or ""
    if verb not in _VERBS or method.client_streaming or method.server_streaming:
        raise ValueError(f"{name}: only unary calls by {', '.join(_VERBS)} can be routed")
    route = Route(name, verb, getattr(rule, verb), rule.body, rule.response_body, method, role)
    known = method.input_type.fields_by_name
    if not all(_PLAIN.fullmatch(field) and field in known for field in route.path_fields):
        raise ValueError(f"{name}: path variables must be plain fields of {method.input_type.name}")
    if rule.body not in ("", "*") and rule.body not in known:
        raise ValueError(f"{name}: {method.input_type.name} has no field {rule.body}")
    return route


def _is_mask(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.full_name == _MASK)


def _camel(message: Descriptor | None, path: str) -> str:
    names = []
    for part in re.findall(r"(?:[^.\[]|\[[^\]]*\])+", path):
        name, bracket, rest = part.partition("[")
        field = message.fields_by_name.get(name) if message else None
        names.append((field.json_name if field else name) + bracket + rest)
        message = field.message_type if field else None
    return ".".join(names)

"""The two doors of the product, asked in the same words: a request as proto JSON, an answer as JSON, a refusal as Refused."""

import re
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from google.api import annotations_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from jeondan.v1 import (
    account_pb2,
    attempt_pb2,
    audience_pb2,
    campaign_pb2,
    catalog_pb2,
    consent_pb2,
    guest_pb2,
    notice_pb2,
    operations_pb2,
    optout_pb2,
    privacy_pb2,
    provider_pb2,
    report_pb2,
    segment_pb2,
    send_pb2,
    template_pb2,
)

from tests.flow import stubs

FILES = (
    account_pb2,
    catalog_pb2,
    audience_pb2,
    campaign_pb2,
    send_pb2,
    template_pb2,
    provider_pb2,
    attempt_pb2,
    segment_pb2,
    guest_pb2,
    report_pb2,
)
FILES += (operations_pb2, optout_pb2, notice_pb2, consent_pb2, privacy_pb2)
METHODS: dict[str, MethodDescriptor] = {
    method.name: method for file in FILES for service in file.DESCRIPTOR.services_by_name.values() for method in service.methods
}
HEADERS = {"requestId": "Idempotency-Key", "etag": "If-Match"}
STATUS = {  # AIP-193
    400: {"INVALID_ARGUMENT", "FAILED_PRECONDITION"},
    401: {"UNAUTHENTICATED"},
    403: {"PERMISSION_DENIED"},
    404: {"NOT_FOUND"},
    409: {"ALREADY_EXISTS", "ABORTED"},
}


@dataclass(frozen=True)
class Refused:
    """A refusal; fields are named as a REST caller knows them: `name` -> reason -> sentence."""

    codes: frozenset[str]
    reason: str
    message: str
    fields: dict[str, dict[str, str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message} {self.fields}"


def camel(path: str) -> str:
    """`product.image_ids[0]` -> `product.imageIds[0]`."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), path)


def rule(rpc: str) -> Any:
    """The REST route of an RPC."""
    extension: Any = annotations_pb2.http
    return METHODS[rpc].GetOptions().Extensions[extension]


class Grpc:
    """By stubs."""

    name = "grpc"

    def __init__(self, channel: grpc.Channel, api_key: str) -> None:
        self._call = stubs.Caller(channel, ("x-api-key", api_key))

    def __call__(self, rpc: str, **request: Any) -> Any:
        """The answer."""
        message = json_format.ParseDict(request, GetMessageClass(METHODS[rpc].input_type)())
        return json_format.MessageToDict(self._call(rpc, message), always_print_fields_with_no_presence=True)

    def refused(self, rpc: str, **request: Any) -> Refused:
        """The refusal of a call that must not succeed."""
        message = json_format.ParseDict(request, GetMessageClass(METHODS[rpc].input_type)())
        found, body = self._call.refused(rpc, message), rule(rpc).body
        wrong = [(camel(name.removeprefix(f"{body}.")), reason, why) for name, reason, why in found.violations]
        return Refused(frozenset({found.code}), found.reason, found.message, by_field(wrong))


class Rest:
    """By HTTP."""

    name = "rest"

    def __init__(self, gateway: str, api_key: str) -> None:
        self.http = httpx.Client(base_url=gateway, headers={"X-API-Key": api_key}, timeout=60)

    def ask(self, rpc: str, **request: Any) -> httpx.Response:
        """The route of this RPC with its values where they belong."""
        found = rule(rpc)
        verb = found.WhichOneof("pattern")

        def fill(match: re.Match[str]) -> str:
            return str(request.pop(camel(match[1])))

        path = re.sub(r"\{(\w+)\}", fill, getattr(found, verb))
        if found.body == "*":
            return self.http.request(verb, path, json=request)
        headers = {header: request.pop(key) for key, header in HEADERS.items() if key in request}
        body = request.pop(found.body, {}) if found.body else None
        return self.http.request(verb, path, json=body, params=request, headers=headers)

    def __call__(self, rpc: str, **request: Any) -> Any:
        """The answer."""
        answer = self.ask(rpc, **request)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, rpc: str, **request: Any) -> Refused:
        """The refusal of a call that must not succeed."""
        return refusal(self.ask(rpc, **request))


def refusal(answer: httpx.Response) -> Refused:
    """From a problem document; anything else is a defect."""
    assert answer.status_code in STATUS, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    wrong = [(camel(one["field"]), one["reason"], one["message"]) for one in problem["errors"]]
    return Refused(frozenset(STATUS[answer.status_code]), problem["reason"], problem["detail"], by_field(wrong))


def by_field(wrong: list[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """A field may be wrong in several ways."""
    found: dict[str, dict[str, str]] = {}
    for name, reason, sentence in wrong:
        found.setdefault(name, {})[reason] = sentence
    return found


Door = Grpc | Rest

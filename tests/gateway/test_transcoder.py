"""Every RPC there is, there and back; and the rules of the translation one by one."""

import json
import re
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from jeondan.v1 import account_pb2, audience_pb2, campaign_pb2, catalog_pb2

from gateway import codec, routes, stubs
from gateway.routes import Route
from tests.gateway.backend import UUID, Backend, filled
from tests.test_rooms import INTERNAL

ROUTES = routes.routes(stubs.load())


def taken(message: Any) -> Any:
    """The message as it arrives at the server: output-only fields are not taken from anybody."""
    for field, value in message.ListFields():
        if codec.output_only(field):
            message.ClearField(field.name)
        elif field.message_type and not stubs.is_map(field):
            for one in value if field.is_repeated else [value]:
                taken(one)
    return message


def expected(route: Route) -> Any:
    """A request of this route with something in every field."""
    message: Any = taken(filled(stubs.message_class(route.request)()))
    if route.takes("request_id"):
        message.request_id = UUID
    if route.takes("etag"):
        message.etag = "7"
    if route.takes("update_mask"):
        fields = route.request.fields_by_name[route.body].message_type.fields
        message.update_mask.paths[:] = [next(field.name for field in fields if not codec.output_only(field))]
    return message


def as_json(message: Message) -> Any:
    """Protobuf JSON."""
    return json_format.MessageToDict(message)


def send(client: httpx.Client, route: Route, message: Any) -> httpx.Response:
    """The message the REST way."""
    value = as_json(message)
    path = route.path
    for name in route.path_fields:
        path = path.replace(f"{{{name}}}", quote(str(value.pop(route.request.fields_by_name[name].json_name)), safe=""))
    headers: dict[str, str] = {}
    if route.body != "*":
        headers |= {"Idempotency-Key": value.pop("requestId")} if "requestId" in value else {}
        headers |= {"If-Match": f'"{value.pop("etag")}"'} if "etag" in value else {}
    body = (
        value
        if route.body == "*"
        else value.pop(route.request.fields_by_name[route.body].json_name, None)
        if route.body
        else None
    )
    query = {} if route.body == "*" else {key: json.dumps(v) if isinstance(v, bool) else v for key, v in value.items()}
    content = codec.dump(body) if route.body else None
    kind = {"Content-Type": "application/json"} if route.body else {}
    return client.request(route.verb, path, params=query, content=content, headers=headers | kind)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_every_rpc_goes_there_and_back(client: httpx.Client, backend: Backend, route: Route) -> None:
    message = expected(route)
    answer = send(client, route, message)

    assert answer.status_code == 200, answer.text
    (call,) = backend.called(route.method.name)
    assert call.request == message
    back = filled(stubs.message_class(route.response)())
    assert json_format.ParseDict(answer.json(), stubs.message_class(route.response)()) == without_secrets(back)


def without_secrets(message: Any) -> Any:
    """The message as a REST caller may see it."""
    for field, value in message.ListFields():
        if codec.input_only(field):
            message.ClearField(field.name)
        elif field.message_type and not stubs.is_map(field):
            for one in value if field.is_repeated else [value]:
                without_secrets(one)
    return message


def test_every_method_has_a_route() -> None:
    methods = {method.full_name for service in stubs.load().services for method in service.methods}

    assert {route.method.full_name for route in ROUTES} == methods - INTERNAL  # raw, or a page: no JSON
    assert len(methods) >= 41


def test_zeros_are_printed_and_absent_things_are_not(client: httpx.Client, backend: Backend) -> None:
    backend.answer("GetCampaign", campaign_pb2.GetCampaignResponse(campaign=campaign_pb2.Campaign(name="가을")))

    campaign = client.get(f"/api/v1/campaigns/{UUID}").json()["campaign"]

    assert campaign["costKrw"] == 0
    assert campaign["purpose"] == "PURPOSE_UNSPECIFIED"
    assert campaign["exclusions"] == []
    assert "endTime" not in campaign
    assert "counters" not in campaign


def test_a_phone_number_never_comes_back(client: httpx.Client, backend: Backend) -> None:
    leaky = audience_pb2.ListContactsResponse(contacts=[audience_pb2.Contact(id="1", phone="01012345678")])
    backend.answer("ListContacts", leaky)

    answer = client.get("/api/v1/contacts")

    assert "01012345678" not in answer.text
    assert "phone" not in answer.json()["contacts"][0]


def test_the_mask_is_what_stands_in_the_body(client: httpx.Client, backend: Backend) -> None:
    body: Any = {"name": "원두", "salePriceKrw": None, "image_ids": [], "id": "somebody else's", "etag": "old"}

    assert client.patch(f"/api/v1/products/{UUID}", json=body).status_code == 200

    (call,) = backend.called("UpdateProduct")
    assert sorted(call.request.update_mask.paths) == ["image_ids", "name", "sale_price_krw"]
    assert call.request.product == catalog_pb2.Product(name="원두")
    assert call.request.product_id == UUID


@pytest.mark.parametrize(
    ("mask", "paths"),
    [
        ("name,priceKrw", ["name", "price_krw"]),
        ("name,price_krw", ["name", "price_krw"]),
        (" name , badge,", ["name", "badge"]),
        ("*", ["*"]),
    ],
)
def test_a_given_mask_counts(client: httpx.Client, backend: Backend, mask: str, paths: list[str]) -> None:
    answer = client.patch(f"/api/v1/products/{UUID}", params={"updateMask": mask}, json={"name": "원두", "sku": "x"})

    assert answer.status_code == 200
    (call,) = backend.called("UpdateProduct")
    assert list(call.request.update_mask.paths) == paths


@pytest.mark.parametrize(
    ("query", "body", "field", "reason"),
    [
        ("?updateMask=nome", {"name": "x"}, "updateMask", "UNKNOWN_FIELD"),
        ("", {}, "", "EMPTY_UPDATE"),
        ("", {"id": "x", "etag": "y"}, "", "EMPTY_UPDATE"),
    ],
)
def test_an_update_of_nothing_is_refused(
    client: httpx.Client, backend: Backend, query: str, body: Any, field: str, reason: str
) -> None:
    answer = client.patch(f"/api/v1/products/{UUID}{query}", json=body)

    assert answer.status_code == 400
    assert [(e["field"], e["reason"]) for e in answer.json()["errors"]] == [(field, reason)]
    assert not backend.calls


@pytest.mark.parametrize(("given", "etag"), [('"7"', "7"), ('W/"7"', "7"), ("7", "7"), ("*", ""), ('""', "")])
def test_if_match_is_the_etag(client: httpx.Client, backend: Backend, given: str, etag: str) -> None:
    client.patch(f"/api/v1/products/{UUID}", json={"name": "원두"}, headers={"If-Match": given})

    assert backend.called("UpdateProduct")[0].request.etag == etag


def test_the_etag_of_the_answer_is_a_header(client: httpx.Client, backend: Backend) -> None:
    backend.answer("GetProduct", catalog_pb2.GetProductResponse(product=catalog_pb2.Product(etag="v3")))
    assert client.get(f"/api/v1/products/{UUID}").headers["ETag"] == '"v3"'

    backend.answer("GetProduct", catalog_pb2.GetProductResponse(product=catalog_pb2.Product(etag="줄\r\n바꿈")))
    assert "ETag" not in client.get(f"/api/v1/products/{UUID}").headers

    assert "ETag" not in client.get("/api/v1/workspace").headers


def test_the_idempotency_key_is_the_request_id(client: httpx.Client, backend: Backend) -> None:
    client.post(f"/api/v1/campaigns/{UUID}:launch", headers={"Idempotency-Key": UUID})
    client.post(f"/api/v1/campaigns/{UUID}:launch", json={"requestId": UUID, "etag": "3"})

    header, body = backend.called("LaunchCampaign")
    assert header.request.request_id == body.request.request_id == UUID
    assert (header.request.etag, body.request.etag) == ("", "3")


def test_without_a_key_each_request_gets_one_of_its_own(client: httpx.Client, backend: Backend) -> None:
    for _ in range(2):
        client.post(f"/api/v1/campaigns/{UUID}:launch")

    first, second = (call.request.request_id for call in backend.called("LaunchCampaign"))
    assert len(first) == len(second) == 36
    assert first != second


def test_a_key_said_twice_must_be_the_same(client: httpx.Client, backend: Backend) -> None:
    path, other = f"/api/v1/campaigns/{UUID}:launch", "9" + UUID[1:]

    same = client.post(path, json={"requestId": UUID}, headers={"Idempotency-Key": UUID})
    differing = client.post(path, json={"requestId": UUID}, headers={"Idempotency-Key": other})

    assert same.status_code == 200
    assert differing.status_code == 400
    assert differing.json()["errors"][0]["reason"] == "CONFLICTING_VALUES"
    assert len(backend.calls) == 1


def test_who_calls_and_the_ids_travel_along(client: httpx.Client, backend: Backend) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    headers = {"X-API-Key": "key-1", "X-Request-Id": "mine-1", "traceparent": trace}

    answer = client.get("/api/v1/workspace", headers=headers)

    (call,) = backend.calls
    assert call.metadata["authorization"] == "Bearer ada-token"
    assert call.metadata["x-api-key"] == "key-1"
    assert call.metadata["x-request-id"] == answer.headers["X-Request-Id"] == "mine-1"
    assert call.metadata["traceparent"] == trace
    assert call.metadata["x-origin"] == "127.0.0.1"  # R-PII-5: from where, for the access log
    assert 0 < call.seconds_left < 11


def test_ids_that_are_none_are_made_or_left_out(client: httpx.Client, backend: Backend) -> None:
    answer = client.get("/api/v1/workspace", headers={"X-Request-Id": "a b<script>", "traceparent": "x"})

    (call,) = backend.calls
    assert len(answer.headers["X-Request-Id"]) == 32
    assert call.metadata["x-request-id"] == answer.headers["X-Request-Id"]
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", call.metadata["traceparent"])  # a new one


def test_query_parameters_take_both_spellings(client: httpx.Client, backend: Backend) -> None:
    client.get("/api/v1/products?pageSize=3&page_token=abc&showArchived=true&filter=name%20%3A%20%22%EC%9B%90%EB%91%90%22")

    (call,) = backend.calls
    wanted = catalog_pb2.ListProductsRequest(page_size=3, page_token="abc", show_archived=True, filter='name : "원두"')
    assert call.request == wanted


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ("pageSize=many", "pageSize", "WRONG_TYPE"),
        ("pageSize=3&page_size=4", "page_size", "DUPLICATE_FIELD"),
        ("pageSize=99999999999", "pageSize", "OUT_OF_RANGE"),
        ("showArchived=yes", "showArchived", "WRONG_TYPE"),
        ("colour=red", "colour", "UNKNOWN_FIELD"),
        ("requestId=1", "requestId", "UNKNOWN_FIELD"),
        ("filter.x=1", "filter.x", "UNKNOWN_FIELD"),
    ],
)
def test_query_parameters_that_are_wrong(client: httpx.Client, backend: Backend, query: str, field: str, reason: str) -> None:
    answer = client.get(f"/api/v1/products?{query}")

    assert answer.status_code == 400
    assert [(e["field"], e["reason"]) for e in answer.json()["errors"]] == [(field, reason)]
    assert not backend.calls


def test_a_field_of_the_path_is_unknown_in_the_body(client: httpx.Client) -> None:
    answer = client.post(f"/api/v1/campaigns/{UUID}:pause", json={"campaignId": UUID})

    sentence = "알 수 없는 항목입니다. 쓸 수 있는 항목: requestId"
    assert answer.json()["errors"] == [{"field": "campaignId", "message": sentence, "reason": "UNKNOWN_FIELD"}]


def test_everything_wrong_is_said_at_once(client: httpx.Client, backend: Backend) -> None:
    body = {"name": 1, "prize": 2, "imageIds": [UUID, 3], "priceKrw": 1.5}

    answer = client.post("/api/v1/products", json=body)

    problem = answer.json()
    assert answer.status_code == 400
    assert problem["reason"] == "INVALID_INPUT"
    assert [(e["field"], e["reason"]) for e in problem["errors"]] == [
        ("name", "WRONG_TYPE"),
        ("prize", "UNKNOWN_FIELD"),
        ("imageIds[1]", "WRONG_TYPE"),
        ("priceKrw", "WRONG_TYPE"),
    ]
    assert not backend.calls


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"name": "\xb0\xa1"}', "BAD_ENCODING"),
        (b"\xff\xfe{", "BAD_ENCODING"),
        (b'{"name": ', "BAD_JSON"),
        (b'{"name": "a", "name": "b"}', "BAD_JSON"),
        (b'{"priceKrw": NaN}', "BAD_JSON"),
        (b"[" * 100_000, "BAD_JSON"),
        (b'{"priceKrw": ' + b"9" * 5000 + b"}", "BAD_JSON"),
        (b"[]", "INVALID_INPUT"),
        (b"null", "INVALID_INPUT"),
        (b'"text"', "INVALID_INPUT"),
        (b'{"name": "\\ud800"}', "INVALID_INPUT"),
        (b'{"\\ud800": 1}', "INVALID_INPUT"),
        (b'{"priceKrw": 1e400}', "INVALID_INPUT"),
    ],
)
def test_bodies_that_are_no_product(client: httpx.Client, backend: Backend, body: bytes, reason: str) -> None:
    answer = client.post("/api/v1/products", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["reason"] == reason
    assert not backend.calls


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON", None])
def test_content_types_that_are_json(client: httpx.Client, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}

    assert client.post("/api/v1/products", content=b'{"name": "a"}', headers=headers).status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "application/xml", "garbage"]
)
def test_content_types_that_are_not(client: httpx.Client, backend: Backend, kind: str) -> None:
    answer = client.post("/api/v1/products", content=b"{}", headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert not backend.calls


def test_a_custom_method_needs_no_body(client: httpx.Client, backend: Backend) -> None:
    assert client.post(f"/api/v1/products/{UUID}:archive").status_code == 200
    assert backend.called("ArchiveProduct")[0].request.product_id == UUID


def test_ids_go_through_as_they_are(client: httpx.Client, backend: Backend) -> None:
    client.get("/api/v1/messages/%EA%B0%80%20%3F%2B%25")

    assert backend.called("GetMessage")[0].request.message_id == "가 ?+%"


def test_head_is_get_without_a_body(client: httpx.Client, backend: Backend) -> None:
    answer = client.head("/api/v1/workspace")

    assert (answer.status_code, answer.content) == (200, b"")
    assert backend.called("GetWorkspace")[0].request == account_pb2.GetWorkspaceRequest()

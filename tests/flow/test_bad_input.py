"""A hostile newcomer: whatever is wrong is refused with a sentence and a place, and nothing of it stays behind."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import catalog_pb2

from deploy.local.product import Product
from tests.flow import doors, stubs
from tests.flow.running import login
from tests.flow.unchanged import nothing_stays

# They name no resource, or one that is only used.
NO_RESOURCE = {"request_id", "sender_number_id", "event_id", "order_id"}
TAKES_A_TEMPLATE = {"SendMessage", "BatchSend"}


def ids_of(rpc: str) -> list[str]:
    return [
        field.json_name
        for field in doors.METHODS[rpc].input_type.fields
        if field.name.endswith("_id") and field.name not in NO_RESOURCE
    ]


# What a request needs besides the id, to be wrong in nothing else.
NEEDED: dict[str, dict[str, Any]] = {
    "RescheduleCampaign": {"scheduleTime": "2090-01-01T00:00:00Z"},
    "OverrulePurpose": {"reason": "REASON_SURVEY"},
    "ResolveAttempt": {"decision": "DECISION_CLOSE"},
    "UpdateProviderAccount": {"settings": {"priority": 1}, "updateMask": "priority"},
    "RecordCertificate": {"certificate": {"number": "제2026-0001호", "checkDate": "2026-11-01"}},
    "RecordConsent": {"ads": True, "source": "매장", "wordingId": str(uuid4())},
    "RecordTrade": {"orderId": "1", "kind": "원두", "endDate": "2026-01-02"},
    "UnmaskContact": {"reason": "고객의 전화"},
    "CreatePrivacyRequest": {"kind": "KIND_ACCESS"},
}
WITH_ID = {rpc: ids_of(rpc)[0] for rpc in doors.METHODS if ids_of(rpc) and rpc not in TAKES_A_TEMPLATE}


@pytest.mark.parametrize("rpc", WITH_ID)
def test_an_unknown_id_is_not_found_and_nonsense_names_the_field(door: doors.Door, rpc: str) -> None:
    name = WITH_ID[rpc]
    subject = next((field for field in ("product", "contact", "campaign", "segment") if rpc == f"Update{field.title()}"), "")
    more = {subject: {"name": "x"}, "updateMask": "name"} if subject else NEEDED.get(rpc, {})
    unknown = "999999999999999999" if name == "contactId" else f"{uuid4()}-1" if name == "messageId" else str(uuid4())
    found = door.refused(rpc, **{name: unknown}, **more)
    assert (found.codes, found.reason) == ({"NOT_FOUND"}, "NOT_FOUND")
    nonsense = door.refused(rpc, **{name: "DROP TABLE"}, **more)
    assert nonsense.codes == {"NOT_FOUND"} if name == "messageId" else name in nonsense.fields


HUGE: list[tuple[str, dict[str, Any], str]] = [
    ("CreateProduct", {"product": {"name": "가" * 81}}, "name"),
    ("CreateProduct", {"product": {"name": ""}}, "name"),
    ("CreateProduct", {"product": {"name": "x", "description": "가" * 2001}}, "description"),
    ("CreateProduct", {"product": {"name": "x", "priceKrw": 2_147_483_647}}, "priceKrw"),
    ("CreateProduct", {"product": {"name": "x", "priceKrw": -1}}, "priceKrw"),
    ("CreateProduct", {"product": {"name": "x", "imageIds": ["x"]}}, "imageIds[0]"),
    ("CreateProduct", {"product": {"name": "x", "imageIds": [str(uuid4()) for _ in range(7)]}}, "imageIds"),
    ("CreateProduct", {"product": {"name": "x\u0000y"}}, "name"),
    ("CreateFlyer", {"flyer": {"productIds": []}}, "productIds"),
    ("CreateFlyer", {"flyer": {"productIds": [str(uuid4())], "accent": "red; DROP TABLE"}}, "accent"),
    ("CreateContact", {"contact": {"phone": "02-123-4567"}}, "phone"),
    ("CreateContact", {"contact": {"phone": "0" * 41}}, "phone"),
    ("CreateContact", {"contact": {"phone": "01012345678", "tags": ["x" * 31]}}, "tags[0]"),
    ("CreateContact", {"contact": {"phone": "01012345678", "attributes": {str(n): "x" for n in range(21)}}}, "attributes"),
    ("CreateSuppression", {"phone": "nobody"}, "phone"),
    ("CreateCampaign", {"campaign": {"name": "x", "body": "가" * 4001, "purpose": "PURPOSE_AD"}}, "body"),
    ("CreateCampaign", {"campaign": {"name": "x", "purpose": "PURPOSE_UNSPECIFIED"}}, "purpose"),
    ("CreateImageUpload", {"fileName": "x", "contentType": "text/html"}, "contentType"),
    ("CreateProduct", {"product": {"name": "x"}, "requestId": "not-a-uuid"}, "requestId"),
    ("ListProducts", {"pageSize": -1}, "pageSize"),
    ("ListProducts", {"pageToken": "x" * 1001}, "pageToken"),
]


@pytest.mark.parametrize(("rpc", "request_", "field"), HUGE, ids=[f"{rpc}-{field}-{n}" for n, (rpc, _, field) in enumerate(HUGE)])
def test_a_wrong_value_is_refused_by_field(
    door: doors.Door, rest: doors.Rest, rpc: str, request_: dict[str, Any], field: str
) -> None:
    with nothing_stays(rest):
        found = door.refused(rpc, **request_)
    assert found.codes & {"INVALID_ARGUMENT"}
    assert field in found.fields or doors.HEADERS.get(field) in found.fields, found
    assert all(sentence.endswith(".") for why in found.fields.values() for sentence in why.values()), found


BAD_FILTERS = (
    "nonsense",
    "name",
    'name = "x"',
    'secret : "x"',
    'name : "x" OR name : "y"',
    'name : "x" AND',
    "name : 'x'",
    '"; DROP',
)


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_a_filter_that_cannot_be_read_is_refused(door: doors.Door, text: str) -> None:
    found = door.refused("ListProducts", filter=text)
    assert found.reason == "BAD_FILTER" and "filter" in found.fields


def test_an_order_that_does_not_exist_is_refused(door: doors.Door) -> None:
    for text in ("secret", "name sideways", "name desc, price_krw"):
        assert "orderBy" in door.refused("ListProducts", orderBy=text).fields


def test_a_page_token_is_good_for_its_own_list_only(door: doors.Door, rest: doors.Rest) -> None:
    for number in range(3):
        door("CreateProduct", product={"name": f"쪽 {number}"})
    token = door("ListProducts", pageSize=1, orderBy="name")["nextPageToken"]
    assert door("ListProducts", pageSize=2_000_000_000, orderBy="name", pageToken=token)["products"]
    changed = ("A" if token[5] != "A" else "B").join((token[:5], token[6:]))
    others = [
        ("ListProducts", {"orderBy": "name", "pageToken": changed}),
        ("ListProducts", {"orderBy": "name", "pageToken": token[:-3]}),
        ("ListProducts", {"orderBy": "price_krw", "pageToken": token}),
        ("ListProducts", {"pageToken": "한글"}),
        ("ListCampaigns", {"orderBy": "name", "pageToken": token}),
    ]
    for rpc, request in others:
        assert door.refused(rpc, **request).reason == "BAD_PAGE_TOKEN", request


# --- what only one of the doors can be told -----------------------------------------------------------------------


def test_an_unknown_field_is_refused_over_grpc(channel: grpc.Channel, shop: dict[str, str], rest: doors.Rest) -> None:
    product = catalog_pb2.CreateProductRequest(product=catalog_pb2.Product(name="x")).SerializeToString()
    for body, code, reason in (
        (product + b"\xfa\x3f\x01x", grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_FIELD"),
        (b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, ""),
        (bytes(17 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
    ):
        with nothing_stays(rest), pytest.raises(grpc.RpcError) as raised:
            raw = channel.unary_unary("/jeondan.v1.CatalogService/CreateProduct")
            raw(body, metadata=(("x-api-key", shop["api_key"]),), timeout=20)
        assert raised.value.code() == code, raised.value.details()
        if reason:
            assert [why for _, why, _ in stubs.Refused.of(raised.value).violations] == [reason]


BODIES: list[tuple[bytes, int, str]] = [
    (b'{"name": "x", "prise": 1}', 400, "prise"),
    (b'{"name": "x", "priceKrw": "a lot"}', 400, "priceKrw"),
    (b'{"name": "x", "priceKrw": 1e99}', 400, "priceKrw"),
    (b'{"name": "x", "priceKrw": 1.5}', 400, "priceKrw"),
    (b'{"name": ["x"]}', 400, "name"),
    (b'{"name": "\\ud800"}', 400, "name"),
    (b'{"name": "x", "imageIds": "y"}', 400, "imageIds"),
    (b"[]", 400, ""),
    (b'"x"', 400, ""),
    (b"{", 400, ""),
    (b"", 400, ""),
    (b"\xff\xfe", 400, ""),
    (b"[" * 100_000, 400, ""),
    (b'{"name": "' + b"x" * (2 << 20) + b'"}', 413, ""),
]


@pytest.mark.parametrize(("body", "status", "field"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_not_what_it_should_be_is_refused_over_rest(
    rest: doors.Rest, body: bytes, status: int, field: str
) -> None:
    with nothing_stays(rest):
        answer = rest.http.post("/api/v1/products", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert not field or field in {one["field"] for one in answer.json()["errors"]}


def test_other_ways_to_ask_wrongly_over_rest(rest: doors.Rest) -> None:
    http = rest.http
    with nothing_stays(rest):
        assert http.post("/api/v1/products", content=b"name=x", headers={"Content-Type": "text/plain"}).status_code == 415
        assert http.get("/api/v1/products", params={"pageSize": "99999999999"}).status_code == 400
        assert http.get("/api/v1/products", params={"colour": "red"}).json()["errors"][0]["field"] == "colour"
        assert http.delete("/api/v1/products").status_code == 405
        assert http.get("/api/v1/nothing").status_code == 404
        assert http.get("/api/v1/products", headers={"X-API-Key": "jd_x"}).status_code == 401


def test_the_demo_merchant_never_noticed(product: Product, rest: doors.Rest) -> None:
    """Everything above happened in another workspace: the doors are one, the rooms behind them are not."""
    other = doors.Rest(product.gateway_url, login(product)["api_key"])
    assert not other("ListProducts", filter='name : "쪽"')["products"]
    other.http.close()

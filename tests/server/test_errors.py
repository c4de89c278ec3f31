"""What a client gets when something is wrong: code, reason, fields, retry, Korean sentence; and never our own words."""

from uuid import uuid4

import grpc
import pytest
from google.rpc import error_details_pb2 as details
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import catalog_pb2 as pb
from jeondan.v1.errors_pb2 import ErrorReason

from core import errors
from core.db.session import database
from core.rules.phone import BadPhone
from server.caller import remaining
from server.errors import CODES, LARGEST, at, code_of, status_of, status_of_defect
from server.interceptors import Rpc, bounded
from tests.server.shop import Refusal, Shop


def every_problem() -> list[type[errors.Problem]]:
    found = [errors.Problem]
    for kind in found:
        found.extend(kind.__subclasses__())
    return [kind for kind in found if kind.__module__ == "core.errors"]


@pytest.mark.parametrize("kind", every_problem())
def test_every_class_of_core_errors_has_its_code_and_a_known_reason(kind: type[errors.Problem]) -> None:
    assert kind in CODES
    assert ErrorReason.Value(f"ERROR_REASON_{kind.reason}")


def test_a_more_special_refusal_has_the_code_of_its_kind() -> None:
    assert code_of(BadPhone("PHONE_EMPTY")) is grpc.StatusCode.INVALID_ARGUMENT


def unpacked(status: object, kind: type) -> object:
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            found = kind()
            packed.Unpack(found)
            return found
    return None


def test_a_status_says_everything_once() -> None:
    problem = errors.Unavailable("잠시 후 다시 시도해 주세요.", retry_seconds=1.5)
    status = status_of(problem, "request-1")
    assert (status.code, status.message) == (14, "잠시 후 다시 시도해 주세요.")
    assert unpacked(status, details.ErrorInfo).reason == "DEPENDENCY_UNAVAILABLE"
    assert unpacked(status, details.RetryInfo).retry_delay.ToMilliseconds() == 1500
    assert unpacked(status, details.LocalizedMessage).locale == "ko-KR"
    assert unpacked(status, details.RequestInfo).request_id == "request-1"
    assert unpacked(status, details.BadRequest) is None


def test_many_violations_still_fit_into_the_trailers() -> None:
    many = [errors.Violation(f"contact.tags[{number}]", "가" * 100, "TOO_LONG") for number in range(500)]
    status = status_of(errors.InvalidInput("입력한 내용을 확인해 주세요.", many), "r")
    shown = unpacked(status, details.BadRequest).field_violations
    assert 5 < len(shown) < 500
    assert status.ByteSize() <= LARGEST


def test_a_defect_shows_nothing_but_the_request_id() -> None:
    status = status_of_defect("request-1")
    assert status.code == 13
    assert "request-1" in status.message
    assert unpacked(status, details.ErrorInfo).metadata == {"request_id": "request-1"}


def test_at_names_the_field_only_when_nobody_has() -> None:
    with pytest.raises(errors.InvalidInput) as caught, at("contact.phone"):
        raise BadPhone("PHONE_EMPTY")
    assert caught.value.violations == (errors.Violation("contact.phone", caught.value.message, "PHONE_EMPTY"),)
    named = errors.InvalidInput("x", [errors.Violation("other", "y")])
    with pytest.raises(errors.InvalidInput) as caught, at("contact.phone"):
        raise named
    assert caught.value is named


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (pb.CreateProductRequest(), {"product": "REQUIRED"}),
        (
            pb.CreateProductRequest(product=pb.Product(price_krw=-1, image_ids=["x"]), request_id="1"),
            {
                "product.name": "REQUIRED",
                "product.price_krw": "OUT_OF_RANGE",
                "product.image_ids[0]": "INVALID_ID",
                "request_id": "INVALID_ID",
            },
        ),
        (
            pb.CreateProductRequest(product=pb.Product(name="x", price_krw=5, sale_price_krw=5)),
            {"product": "SALE_PRICE_NOT_BELOW_PRICE"},
        ),
        (pb.CreateProductRequest(product=pb.Product(name="a\0b")), {"product.name": "UNSUPPORTED_CHARACTERS"}),
    ],
)
def test_a_broken_rule_names_its_field(shop: Shop, request_: pb.CreateProductRequest, fields: dict[str, str]) -> None:
    refusal = shop.refused("CreateProduct", request_)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT")
    assert refusal.fields == fields
    assert all(any("가" <= letter <= "힣" for letter in sentence) for sentence in refusal.sentences.values())


def test_numbers_of_a_rule_stand_in_its_sentence(shop: Shop) -> None:
    too_dear = pb.Product(name="가" * 81, price_krw=100_000_001)
    sentences = shop.refused("CreateProduct", pb.CreateProductRequest(product=too_dear)).sentences
    assert sentences["product.name"] == "80자까지 쓸 수 있습니다."
    assert sentences["product.price_krw"] == "0 이상 100,000,000 이하여야 합니다."


def test_a_field_nobody_knows_is_refused(shop: Shop) -> None:
    known = pb.CreateProductRequest(product=pb.Product(name="x")).SerializeToString()
    method = shop.channel.unary_unary("/jeondan.v1.CatalogService/CreateProduct")
    with pytest.raises(grpc.RpcError) as caught:
        method(known + b"\x98\x06\x01", metadata=shop.metadata, timeout=20)  # field 99
    assert Refusal.of(caught.value).fields == {"99": "UNKNOWN_FIELD"}


def test_bytes_that_are_no_message_are_the_clients_mistake(shop: Shop) -> None:
    method = shop.channel.unary_unary("/jeondan.v1.CatalogService/CreateProduct")
    with pytest.raises(grpc.RpcError) as caught:
        method(b"\x0a\xff", metadata=shop.metadata, timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_unforeseen_error_leaks_nothing_but_is_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[BaseException] = []
    monkeypatch.setattr("core.telemetry.report", reported.append)

    def broken(*_: object) -> None:
        raise RuntimeError("secret inside 010-2345-6789")

    monkeypatch.setattr("core.db.catalog.get_product", broken)
    missing = pb.GetProductRequest(product_id="00000000-0000-7000-8000-000000000000")
    refusal = shop.refused("GetProduct", missing, metadata=(*shop.metadata, ("x-request-id", "abc-1")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in str(refusal.status)
    assert "abc-1" in refusal.message
    assert [str(error) for error in reported] == ["secret inside 010-2345-6789"]


def test_the_request_id_comes_back(shop: Shop) -> None:
    missing = pb.GetProductRequest(product_id="00000000-0000-7000-8000-000000000000")
    mine = shop.refused("GetProduct", missing, metadata=(*shop.metadata, ("x-request-id", "abc-1")))
    assert mine.trailers["x-request-id"] == mine.detail(details.RequestInfo).request_id == "abc-1"
    fresh = shop.refused("GetProduct", missing, metadata=(*shop.metadata, ("x-request-id", "not ok!")))
    assert len(fresh.trailers["x-request-id"]) == 32


def test_a_deadline_ends_the_query_too(process: None) -> None:
    """The statement gets the time that is left: without that it would go on for half a minute."""
    rpc = Rpc("/jeondan.v1.CatalogService/GetProduct", 1)
    context = type("Context", (), {"time_remaining": lambda self: 0.2})()

    def slow(request: object, context: object) -> None:
        with database().read(uuid4(), timeout=remaining()) as tx:
            assert tx.value("SELECT setting::int BETWEEN 1 AND 200 FROM pg_settings WHERE name = 'statement_timeout'")
            tx.value("SELECT pg_sleep(30)")

    with pytest.raises(errors.TooLate):
        bounded(rpc, slow)(None, context)


@pytest.mark.parametrize(("given", "least", "most"), [(None, 9, 10), (1e9, 59, 60), (3.0, 2, 3)])
def test_every_call_has_a_deadline(given: float | None, least: float, most: float) -> None:
    context = type("Context", (), {"time_remaining": lambda self: given})()
    left = bounded(Rpc("/x.Y/Z", 1), lambda request, context: remaining())(None, context)
    assert least < left <= most
    assert remaining() is None


def test_too_many_tries_say_when_to_come_back(shop: Shop) -> None:
    request = account.CreateSessionRequest(email=shop.email, password="wrong")
    refusals = [shop.refused("CreateSession", request, metadata=()) for _ in range(6)]
    assert refusals[-1].code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert refusals[-1].detail(details.RetryInfo).retry_delay.seconds == 900

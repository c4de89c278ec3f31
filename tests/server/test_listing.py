"""Pages, filters and orders over the wire."""

import grpc
import pytest
from jeondan.v1 import catalog_pb2 as pb

from tests.server.shop import Shop

NAMES = ["다", "가", "나", "가", "마", "라", "가"]


@pytest.fixture
def shelf(shop: Shop) -> Shop:
    for number, name in enumerate(NAMES):
        product = pb.Product(name=name, sku=f"S-{number}", price_krw=1000 * (number % 3), badge="NEW" if number % 2 else "")
        shop.call("CreateProduct", pb.CreateProductRequest(product=product))
    return shop


def skus(shelf: Shop, **arguments: object) -> list[str]:
    """All pages, two at a time."""
    found: list[str] = []
    token = ""
    while True:
        request = pb.ListProductsRequest(page_size=2, page_token=token, **arguments)
        answer = shelf.call("ListProducts", request)
        assert len(answer.products) <= 2
        found += [product.sku for product in answer.products]
        token = answer.next_page_token
        if not token:
            return found


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", "6543210"),
        ("create_time", "0123456"),
        ("create_time desc", "6543210"),
        ("name", "1362054"),
        ("name asc", "1362054"),
        ("name desc", "4502631"),
        ("price_krw desc", "5241630"),
    ],
)
def test_pages_hold_everything_once_in_order(shelf: Shop, order: str, expected: str) -> None:
    assert skus(shelf, order_by=order) == [f"S-{number}" for number in expected]


def test_a_new_row_before_the_place_does_not_disturb(shelf: Shop) -> None:
    first = shelf.call("ListProducts", pb.ListProductsRequest(page_size=3))
    shelf.call("CreateProduct", pb.CreateProductRequest(product=pb.Product(name="새것")))
    rest = shelf.call("ListProducts", pb.ListProductsRequest(page_size=9, page_token=first.next_page_token))
    assert [product.sku for product in rest.products] == ["S-3", "S-2", "S-1", "S-0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('sku = "S-2"', "2"),
        ('badge = "NEW"', "531"),
        ('badge="NEW" AND name:"가"', "31"),
        ('name : "가"', "631"),
        ('name : "%"', ""),
        ('name : "_"', ""),
        ('sku = "S\\"2"', ""),
        ("  ", "6543210"),
    ],
)
def test_a_filter_narrows(shelf: Shop, query: str, expected: str) -> None:
    assert skus(shelf, filter=query) == [f"S-{number}" for number in expected]


UNREADABLE = ["sku", "sku = S-1", 'sku : "S"', 'nmae = "x"', '"']
UNREADABLE += ['sku = "a" badge = "b"', 'sku = "a" AND', 'sku = "a" OR badge = "b"']


@pytest.mark.parametrize("query", UNREADABLE)
def test_a_filter_that_cannot_be_read_is_refused(shop: Shop, query: str) -> None:
    refusal = shop.refused("ListProducts", pb.ListProductsRequest(filter=query))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_FILTER")
    assert refusal.fields == {"filter": "BAD_FILTER"}


def test_a_state_that_does_not_exist_is_refused_in_a_filter(shop: Shop) -> None:
    assert shop.refused("ListFlyers", pb.ListFlyersRequest(filter='state = "ready"')).fields == {"filter": "BAD_FILTER"}


@pytest.mark.parametrize("order", ["sku", "name up", "name desc x", "name,price_krw", "id; drop"])
def test_an_order_that_is_not_offered_is_refused(shop: Shop, order: str) -> None:
    assert shop.refused("ListProducts", pb.ListProductsRequest(order_by=order)).fields == {"order_by": "BAD_FILTER"}


def test_a_page_token_goes_with_its_other_arguments(shelf: Shop) -> None:
    token = shelf.call("ListProducts", pb.ListProductsRequest(page_size=2, filter='badge = ""')).next_page_token
    again = pb.ListProductsRequest(page_size=1, filter='badge = ""', page_token=token)
    assert len(shelf.call("ListProducts", again).products) == 1
    for changed in [
        pb.ListProductsRequest(page_token=token),
        pb.ListProductsRequest(page_token=token, filter='badge = ""', order_by="name"),
        pb.ListProductsRequest(page_token=token, filter='badge = ""', show_archived=True),
        pb.ListProductsRequest(page_token="x" + token, filter='badge = ""'),
        pb.ListProductsRequest(page_token=token[:-1], filter='badge = ""'),
        pb.ListProductsRequest(page_token="봄", filter='badge = ""'),
    ]:
        assert shelf.refused("ListProducts", changed).reason == "BAD_PAGE_TOKEN"
    assert shelf.refused("ListFlyers", pb.ListFlyersRequest(page_token=token)).reason == "BAD_PAGE_TOKEN"


def test_too_large_a_page_is_cut_and_a_negative_one_refused(shelf: Shop) -> None:
    assert len(shelf.call("ListProducts", pb.ListProductsRequest(page_size=10_000)).products) == len(NAMES)
    assert shelf.refused("ListProducts", pb.ListProductsRequest(page_size=-1)).fields == {"page_size": "OUT_OF_RANGE"}

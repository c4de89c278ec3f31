"""The same request_id gives the same answer once, also when asked twice at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import audience_pb2 as audience
from jeondan.v1 import catalog_pb2 as pb

from core import jobs
from core.db import catalog
from core.db.session import database
from tests.server.shop import PHONE, Shop


def create(name: str, request_id: str) -> pb.CreateProductRequest:
    return pb.CreateProductRequest(product=pb.Product(name=name), request_id=request_id)


def products(shop: Shop) -> int:
    return len(shop.call("ListProducts", pb.ListProductsRequest()).products)


def test_a_repeated_request_gets_the_stored_answer(shop: Shop) -> None:
    request = create("원두", str(uuid4()))
    first = shop.call("CreateProduct", request)
    shop.call("UpdateProduct", pb.UpdateProductRequest(product_id=first.product.id, product=pb.Product(name="둘")))
    assert shop.call("CreateProduct", request) == first
    assert products(shop) == 1


def test_without_a_request_id_every_call_counts(shop: Shop) -> None:
    shop.call("CreateProduct", create("원두", "")), shop.call("CreateProduct", create("원두", ""))
    assert products(shop) == 2


def test_the_same_id_for_another_request_is_refused(shop: Shop) -> None:
    request_id = str(uuid4())
    shop.call("CreateProduct", create("원두", request_id))
    refusal = shop.refused("CreateProduct", create("다른 원두", request_id))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
    assert products(shop) == 1


def test_ids_of_another_workspace_and_another_rpc_are_their_own(shop: Shop, other: Shop) -> None:
    request_id = str(uuid4())
    mine = shop.call("CreateProduct", create("원두", request_id)).product.id
    assert other.call("CreateProduct", create("원두", request_id)).product.id != mine
    contact = audience.CreateContactRequest(contact=audience.Contact(phone=PHONE), request_id=request_id)
    assert shop.call("CreateContact", contact).contact.id


def test_a_refused_request_may_be_tried_again_with_its_id(shop: Shop) -> None:
    request_id = str(uuid4())
    taken = pb.CreateProductRequest(product=pb.Product(name="x", sku="A"), request_id=request_id)
    blocking = shop.call("CreateProduct", pb.CreateProductRequest(product=pb.Product(name="y", sku="A"))).product
    assert shop.refused("CreateProduct", taken).reason == "ALREADY_EXISTS"
    free = pb.UpdateProductRequest(product_id=blocking.id, product=pb.Product(sku="B"))
    shop.call("UpdateProduct", free)
    assert shop.call("CreateProduct", taken).product.sku == "A"


def test_simultaneous_duplicates_do_the_work_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    request = create("원두", str(uuid4()))
    inside, go_on = threading.Semaphore(0), threading.Event()
    add = catalog.add_product

    def slowly(*arguments: object) -> object:
        inside.release()
        go_on.wait(10)
        return add(*arguments)

    monkeypatch.setattr(catalog, "add_product", slowly)
    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(shop.call, "CreateProduct", request) for _ in range(6)]
        inside.acquire()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid' AND datname = current_database()"
        while True:  # until the others stand before the unique key
            with database().owner() as tx:
                if tx.value(waiting) == 5:
                    break
        go_on.set()
        answers = [call.result(20) for call in calls]
    assert all(answer == answers[0] for answer in answers)
    assert not inside.acquire(blocking=False)
    assert products(shop) == 1


def test_a_repeated_order_queues_one_job(shop: Shop) -> None:
    wanted = [shop.call("CreateProduct", create("원두", "")).product.id]
    request = pb.CreateFlyerRequest(flyer=pb.Flyer(product_ids=wanted), request_id=str(uuid4()))
    before = jobs.depths()["compose"]
    assert shop.call("CreateFlyer", request) == shop.call("CreateFlyer", request)
    assert jobs.depths()["compose"] == before + 1


def test_an_order_that_fails_queues_no_job_and_leaves_nothing(shop: Shop) -> None:
    before = jobs.depths()["compose"]
    request = pb.CreateFlyerRequest(flyer=pb.Flyer(product_ids=[str(uuid4())]), request_id=str(uuid4()))
    shop.refused("CreateFlyer", request)
    assert jobs.depths()["compose"] == before
    with database().read(shop.workspace) as tx:
        assert tx.value("SELECT count(*) FROM requests") == tx.value("SELECT count(*) FROM flyers") == 0

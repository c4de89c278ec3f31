"""Products, photos and flyers over the wire."""

import urllib.request
from uuid import UUID, uuid4

import grpc
import pytest
from jeondan.v1 import catalog_pb2 as pb

from core import jobs
from core.db.session import database
from core.images import storage
from tests.server.shop import Shop

NOBODY = str(uuid4())


def product(shop: Shop, **values: object) -> pb.Product:
    values.setdefault("name", "원두 200g")
    return shop.call("CreateProduct", pb.CreateProductRequest(product=pb.Product(**values))).product


def photo(shop: Shop, *, ready: bool = True) -> str:
    """An image as the worker leaves it."""
    upload = shop.call("CreateImageUpload", pb.CreateImageUploadRequest(file_name="a.jpg", content_type="image/jpeg")).upload
    storage().put(upload.object_name, b"jpeg", "image/jpeg")
    image = shop.call("CreateImage", pb.CreateImageRequest(object_name=upload.object_name)).image
    state = "READY" if ready else "REFUSED"
    with database().write(shop.workspace) as tx:
        tx.run("UPDATE images SET state = :state, photo_name = 'photos/x.jpg' WHERE id = :id", state=state, id=UUID(image.id))
    return str(image.id)


def test_a_photo_is_put_to_storage_and_then_named(shop: Shop) -> None:
    request = pb.CreateImageUploadRequest(file_name="봄 커피 (1).jpg", content_type="image/png")
    upload = shop.call("CreateImageUpload", request).upload
    assert upload.object_name.startswith(f"uploads/{shop.workspace}/")
    put = urllib.request.Request(upload.upload_url, b"png bytes", dict(upload.headers), method="PUT")
    with urllib.request.urlopen(put) as answer:
        assert answer.status == 200
    before = jobs.depths()["compose"]
    image = shop.call("CreateImage", pb.CreateImageRequest(object_name=upload.object_name, file_name="봄 커피.jpg")).image
    assert (image.state, image.file_name, image.view_url) == (pb.Image.STATE_PENDING, "봄 커피.jpg", "")
    assert jobs.depths()["compose"] == before + 1
    assert shop.call("GetImage", pb.GetImageRequest(image_id=image.id)).image == image


def test_a_ready_photo_can_be_looked_at(shop: Shop) -> None:
    image = shop.call("GetImage", pb.GetImageRequest(image_id=photo(shop))).image
    storage().put("photos/x.jpg", b"a picture", "image/jpeg")
    with urllib.request.urlopen(image.view_url) as answer:
        assert answer.read() == b"a picture"


@pytest.mark.parametrize("name", ["never uploaded", "another workspace", "somewhere else", "climbing"])
def test_only_an_own_upload_becomes_a_photo(shop: Shop, other: Shop, name: str) -> None:
    upload = other.call("CreateImageUpload", pb.CreateImageUploadRequest(file_name="a.jpg", content_type="image/jpeg")).upload
    storage().put(upload.object_name, b"theirs", "image/jpeg")
    storage().put("photos/x.jpg", b"x", "image/jpeg")
    mine = f"uploads/{shop.workspace}/"
    names = {
        "never uploaded": f"{mine}{uuid4()}/a.jpg",
        "another workspace": upload.object_name,
        "somewhere else": "photos/x.jpg",
        "climbing": f"{mine}../{upload.object_name.removeprefix('uploads/')}",
    }
    refusal = shop.refused("CreateImage", pb.CreateImageRequest(object_name=names[name]))
    assert (refusal.reason, refusal.fields) == ("OBJECT_MISSING", {"object_name": "OBJECT_MISSING"})


def test_a_product_comes_back_as_it_was_registered(shop: Shop) -> None:
    image = photo(shop)
    made = product(shop, name="원두", sku="A-1", price_krw=12000, sale_price_krw=9900, badge="NEW", image_ids=[image])
    assert made.etag
    assert made.create_time == made.update_time
    assert not made.HasField("archive_time")
    assert shop.call("GetProduct", pb.GetProductRequest(product_id=made.id)).product == made


def test_a_product_without_sale_has_none_and_a_free_one_costs_nothing(shop: Shop) -> None:
    assert not product(shop, price_krw=100).HasField("sale_price_krw")
    assert product(shop, price_krw=100, sale_price_krw=0).sale_price_krw == 0


def test_a_taken_sku_is_refused_on_create_and_update(shop: Shop, other: Shop) -> None:
    product(shop, sku="A-1")
    product(other, sku="A-1")
    product(shop), product(shop)  # empty ones do not collide
    refusal = shop.refused("CreateProduct", pb.CreateProductRequest(product=pb.Product(name="x", sku="A-1")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")
    second = product(shop, sku="A-2")
    change = pb.UpdateProductRequest(product_id=second.id, product=pb.Product(sku="A-1"))
    assert shop.refused("UpdateProduct", change).reason == "ALREADY_EXISTS"
    assert shop.call("GetProduct", pb.GetProductRequest(product_id=second.id)).product.sku == "A-2"


@pytest.mark.parametrize("whose", ["nobody's", "another workspace's", "a refused one"])
def test_a_product_takes_only_own_usable_photos(shop: Shop, other: Shop, whose: str) -> None:
    image = {"nobody's": NOBODY, "another workspace's": photo(other), "a refused one": photo(shop, ready=False)}[whose]
    refusal = shop.refused("CreateProduct", pb.CreateProductRequest(product=pb.Product(name="x", image_ids=[image])))
    assert refusal.fields == {"product.image_ids": "NOT_FOUND"}
    assert image in refusal.sentences["product.image_ids"]


@pytest.mark.parametrize(
    ("mask", "given", "changed"),
    [
        ([], {"name": "새 이름"}, {"name": "새 이름"}),
        (["price_krw"], {"name": "ignored", "price_krw": 9500}, {"price_krw": 9500}),
        (["sale_price_krw"], {}, {"sale_price_krw": None}),
        (["badge", "description"], {"description": "설명"}, {"badge": "", "description": "설명"}),
        (["id", "etag", "create_time", "name"], {"name": "둘", "id": NOBODY, "etag": "x"}, {"name": "둘"}),
        (
            ["*"],
            {"name": "전부", "price_krw": 1},
            {"name": "전부", "price_krw": 1, "sale_price_krw": None, "badge": "", "sku": "", "description": ""},
        ),
    ],
)
def test_an_update_changes_exactly_what_the_mask_names(
    shop: Shop, mask: list[str], given: dict[str, object], changed: dict[str, object]
) -> None:
    before = product(shop, sku="S", price_krw=9000, sale_price_krw=8000, badge="1+1", description="옛 설명")
    request = pb.UpdateProductRequest(product_id=before.id, product=pb.Product(**given))
    request.update_mask.paths.extend(mask)
    after = shop.call("UpdateProduct", request).product
    expected = pb.Product()
    expected.CopyFrom(before)
    for name, value in changed.items():
        expected.ClearField(name)
        if value is not None:
            setattr(expected, name, value)
    assert after.etag != before.etag
    expected.etag, after_etag = after.etag, after.etag
    expected.update_time.CopyFrom(after.update_time)
    assert after == expected
    assert shop.call("GetProduct", pb.GetProductRequest(product_id=before.id)).product.etag == after_etag


@pytest.mark.parametrize("path", ["nmae", "name.first", "image_ids.0", "", "product.name"])
def test_an_unknown_path_in_the_mask_is_named(shop: Shop, path: str) -> None:
    request = pb.UpdateProductRequest(product_id=product(shop).id, product=pb.Product(name="x"))
    request.update_mask.paths.append(path)
    refusal = shop.refused("UpdateProduct", request)
    assert refusal.fields == {"update_mask": "UNKNOWN_FIELD"}
    assert path in refusal.sentences["update_mask"]


def test_an_update_is_checked_together_with_what_is_stored(shop: Shop) -> None:
    made = product(shop, price_krw=9000, sale_price_krw=8000)
    refusal = shop.refused("UpdateProduct", pb.UpdateProductRequest(product_id=made.id, product=pb.Product(price_krw=7000)))
    assert refusal.fields == {"product": "SALE_PRICE_NOT_BELOW_PRICE"}
    refusal = shop.refused("UpdateProduct", pb.UpdateProductRequest(product_id=made.id, product=pb.Product(name="가" * 81)))
    assert refusal.fields == {"product.name": "TOO_LONG"}
    assert refusal.sentences == {"product.name": "80자까지 쓸 수 있습니다."}
    assert shop.call("GetProduct", pb.GetProductRequest(product_id=made.id)).product == made


def test_an_old_etag_is_refused_and_the_present_one_is_not(shop: Shop) -> None:
    made = product(shop)
    change = pb.UpdateProductRequest(product_id=made.id, product=pb.Product(name="둘"), etag=made.etag)
    shop.call("UpdateProduct", change)
    refusal = shop.refused("UpdateProduct", change)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


def test_archiving_takes_out_of_lists_and_twice_is_once(shop: Shop) -> None:
    made = product(shop)
    archived = shop.call("ArchiveProduct", pb.ArchiveProductRequest(product_id=made.id)).product
    assert archived.HasField("archive_time")
    assert shop.call("ArchiveProduct", pb.ArchiveProductRequest(product_id=made.id)).product == archived
    assert not shop.call("ListProducts", pb.ListProductsRequest()).products
    assert shop.call("ListProducts", pb.ListProductsRequest(show_archived=True)).products == [archived]
    assert shop.call("GetProduct", pb.GetProductRequest(product_id=made.id)).product == archived


def test_a_flyer_is_ordered_and_queued(shop: Shop) -> None:
    wanted = [product(shop, name=name).id for name in ("하나", "둘", "셋")]
    before = jobs.depths()["compose"]
    flyer = shop.call("CreateFlyer", pb.CreateFlyerRequest(flyer=pb.Flyer(headline="봄맞이", product_ids=wanted))).flyer
    assert jobs.depths()["compose"] == before + 1
    assert (flyer.state, flyer.layout) == (pb.Flyer.STATE_PENDING, pb.Flyer.LAYOUT_HIGHLIGHT)
    assert list(flyer.product_ids) == wanted
    assert shop.call("GetFlyer", pb.GetFlyerRequest(flyer_id=flyer.id)).flyer == flyer
    assert shop.call("ListFlyers", pb.ListFlyersRequest(filter='layout = "HIGHLIGHT"')).flyers == [flyer]
    assert not shop.call("ListFlyers", pb.ListFlyersRequest(filter='state = "READY"')).flyers
    shop.call("ArchiveFlyer", pb.ArchiveFlyerRequest(flyer_id=flyer.id))
    assert not shop.call("ListFlyers", pb.ListFlyersRequest()).flyers


def test_a_ready_flyer_has_an_address(shop: Shop) -> None:
    flyer = shop.call("CreateFlyer", pb.CreateFlyerRequest(flyer=pb.Flyer(product_ids=[product(shop).id]))).flyer
    with database().write(shop.workspace) as tx:
        change = "UPDATE flyers SET state = 'READY', object_name = 'flyers/a.jpg', size_bytes = 7 WHERE id = :id"
        tx.run(change, id=UUID(flyer.id))
    storage().put("flyers/a.jpg", b"a flyer", "image/jpeg")
    ready = shop.call("GetFlyer", pb.GetFlyerRequest(flyer_id=flyer.id)).flyer
    assert ready.size_bytes == 7
    with urllib.request.urlopen(ready.view_url) as answer:
        assert answer.read() == b"a flyer"


@pytest.mark.parametrize(("layout", "count"), [("HERO", 2), ("GRID", 1), ("HIGHLIGHT", 1), ("HIGHLIGHT", 6)])
def test_a_layout_that_cannot_hold_the_products_is_refused(shop: Shop, layout: str, count: int) -> None:
    wanted = [product(shop, name=f"상품 {number}").id for number in range(count)]
    flyer = pb.Flyer(product_ids=wanted, layout=pb.Flyer.Layout.Value(f"LAYOUT_{layout}"))
    assert shop.refused("CreateFlyer", pb.CreateFlyerRequest(flyer=flyer)).fields == {"flyer.product_ids": "FLYER_ITEM_COUNT"}


def test_a_flyer_takes_only_own_products_in_use(shop: Shop, other: Shop) -> None:
    archived = product(shop).id
    shop.call("ArchiveProduct", pb.ArchiveProductRequest(product_id=archived))
    wanted = [product(shop).id, product(other).id, archived, NOBODY]
    refusal = shop.refused("CreateFlyer", pb.CreateFlyerRequest(flyer=pb.Flyer(product_ids=wanted)))
    assert refusal.fields == {
        "flyer.product_ids[1]": "NOT_FOUND",
        "flyer.product_ids[2]": "WRONG_STATE",
        "flyer.product_ids[3]": "NOT_FOUND",
    }

"""Compose: uploads are checked and cleaned, flyers are made; an outage delays, a defect ends with a sentence."""

from io import BytesIO
from uuid import UUID, uuid4

import pytest
from PIL import Image

from core import clock, images
from core.db import catalog
from core.db.session import database
from core.errors import Unavailable
from tests.workers.shop import Logs, Shop, open_shop
from workers import compose


def jpeg(colour: str = "orange", size: tuple[int, int] = (640, 480)) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, colour).save(made, "JPEG")
    return made.getvalue()


def photo(shop: Shop, data: bytes) -> UUID:
    name = images.upload_name(shop.workspace, f"{uuid4()}.jpg")
    images.storage().put(name, data, "image/jpeg")
    with database().write(shop.workspace) as tx:
        return catalog.add_image(tx, shop.workspace, name, "사진.jpg", clock.now()).id


def product(shop: Shop, name: str, *photos: UUID, **more: object) -> UUID:
    values = {"name": name, "price_krw": 12_000, "sale_price_krw": 9_900, "badge": "", "image_ids": list(photos), **more}
    with database().write(shop.workspace) as tx:
        return catalog.add_product(tx, shop.workspace, values, clock.now()).id


def flyer(shop: Shop, *products: UUID, layout: str = "") -> UUID:
    values = {"layout": layout, "headline": "가을 할인", "footer": "", "accent": "", "product_ids": list(products)}
    with database().write(shop.workspace) as tx:
        return catalog.add_flyer(tx, shop.workspace, values, clock.now()).id


def row(shop: Shop, table: str, identifier: UUID):
    return shop.sql(f"SELECT * FROM {table} WHERE id = :id", id=identifier)[0]


def down(*_: object, **__: object) -> None:
    raise Unavailable("down")


def test_a_photo_becomes_ready_with_a_clean_copy(shop: Shop) -> None:
    image = photo(shop, jpeg())
    compose.check_image.fn(str(shop.workspace), str(image))
    found = row(shop, "images", image)
    assert (found.state, found.width, found.height) == ("READY", 640, 480)
    clean = images.storage().get(found.photo_name, most=10_000_000)
    assert (len(clean), clean[:2]) == (found.size_bytes, b"\xff\xd8")
    compose.check(shop.workspace, image)
    assert row(shop, "images", image) == found


@pytest.mark.parametrize(
    ("data", "reason"), [(b"no image at all", "IMAGE_NOT_AN_IMAGE"), (b"", "IMAGE_EMPTY"), (jpeg(size=(8, 8)), "IMAGE_TOO_SMALL")]
)
def test_what_is_no_photo_is_refused_with_a_sentence(shop: Shop, data: bytes, reason: str) -> None:
    image = photo(shop, data)
    compose.check(shop.workspace, image)
    found = row(shop, "images", image)
    assert (found.state, found.refusal_reason, bool(found.refusal)) == ("REFUSED", reason, True)
    compose.check(shop.workspace, image)
    assert row(shop, "images", image) == found


def test_an_upload_that_vanished_is_refused(shop: Shop) -> None:
    image = photo(shop, jpeg())
    images.storage().delete(row(shop, "images", image).object_name)
    compose.check(shop.workspace, image)
    assert row(shop, "images", image).refusal_reason == "OBJECT_MISSING"


def test_storage_that_is_down_only_delays(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photo(shop, jpeg())
    made = flyer(shop, product(shop, "원두"))
    monkeypatch.setattr(images.Storage, "get", down)
    monkeypatch.setattr(images.Storage, "put", down)
    for work, what in ((compose.check, image), (compose.make, made)):
        with pytest.raises(Unavailable):
            work(shop.workspace, what)
    assert (row(shop, "images", image).state, row(shop, "flyers", made).state) == ("PENDING", "COMPOSING")
    monkeypatch.undo()
    compose.check(shop.workspace, image)
    compose.make(shop.workspace, made)
    assert (row(shop, "images", image).state, row(shop, "flyers", made).state) == ("READY", "READY")


def test_a_flyer_is_made_and_the_same_products_give_the_same_bytes(shop: Shop) -> None:
    image = photo(shop, jpeg())
    compose.check(shop.workspace, image)
    products = [product(shop, f"원두 {number}", image) for number in range(3)]
    first, second = flyer(shop, *products), flyer(shop, *products)
    for one in (first, second):
        compose.compose_flyer.fn(str(shop.workspace), str(one))
    found, again = row(shop, "flyers", first), row(shop, "flyers", second)
    assert (found.state, found.steps_done, found.steps_total) == ("READY", 4, 4)
    assert found.object_name == again.object_name
    picture = images.storage().get(found.object_name, most=300_000)
    assert len(picture) == found.size_bytes <= 300_000
    assert Image.open(BytesIO(picture)).format == "JPEG"
    other = flyer(shop, *reversed(products))
    compose.make(shop.workspace, other)
    assert row(shop, "flyers", other).object_name != found.object_name


def test_a_product_without_a_usable_photo_gets_a_placeholder(shop: Shop) -> None:
    refused, waiting = photo(shop, b"x"), photo(shop, jpeg())
    compose.check(shop.workspace, refused)
    made = flyer(shop, product(shop, "사진 없음"), product(shop, "거절됨", refused), product(shop, "기다림", waiting))
    compose.make(shop.workspace, made)
    assert row(shop, "flyers", made).state == "READY"


def test_the_first_usable_photo_is_taken(shop: Shop) -> None:
    refused, red, blue = photo(shop, b"x"), photo(shop, jpeg("red")), photo(shop, jpeg("blue"))
    for image in (refused, red, blue):
        compose.check(shop.workspace, image)
    names = []
    for photos in ((refused, red, blue), (red,), (blue, red)):
        made = flyer(shop, product(shop, "원두", *photos))
        compose.make(shop.workspace, made)
        names.append(row(shop, "flyers", made).object_name)
    assert names[0] == names[1] != names[2]


def test_products_archived_after_the_order_are_still_drawn(shop: Shop) -> None:
    products = [product(shop, f"원두 {number}") for number in range(2)]
    before, later = flyer(shop, *products), flyer(shop, *products)
    compose.make(shop.workspace, before)
    shop.sql("UPDATE products SET archived_at = now()")
    compose.make(shop.workspace, later)
    assert row(shop, "flyers", later).object_name == row(shop, "flyers", before).object_name


def test_a_flyer_that_cannot_be_drawn_fails_with_a_sentence(shop: Shop) -> None:
    made = flyer(shop, product(shop, "원두"))
    shop.sql("DELETE FROM products")
    compose.make(shop.workspace, made)
    found = row(shop, "flyers", made)
    assert found.state == "FAILED" and found.failure and found.failure_reason
    compose.make(shop.workspace, made)
    assert row(shop, "flyers", made) == found


def test_a_name_that_no_font_shows_fails_by_its_reason(shop: Shop) -> None:
    made = flyer(shop, product(shop, "원두 \U0001f9cb"))
    compose.make(shop.workspace, made)
    found = row(shop, "flyers", made)
    assert (found.state, found.failure_reason) in {("FAILED", "MISSING_GLYPH"), ("READY", "")}


def test_a_defect_ends_the_work_and_is_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    made, image = flyer(shop, product(shop, "원두")), photo(shop, jpeg())
    monkeypatch.setattr(compose, "compose", lambda drawing: 1 / 0)
    monkeypatch.setattr(compose.photo, "check", lambda data: 1 / 0)
    logs.expect("compose_defect")
    compose.make(shop.workspace, made)
    compose.check(shop.workspace, image)
    assert (row(shop, "flyers", made).state, row(shop, "flyers", made).failure_reason) == ("FAILED", "INTERNAL")
    assert row(shop, "images", image).state == "REFUSED"
    assert "ZeroDivision" not in row(shop, "flyers", made).failure


def test_a_ready_flyer_stays_ready_whatever_a_second_worker_finds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers compose the same one; the slower fails. A campaign may stand on the first result."""
    made = flyer(shop, product(shop, "원두"))
    drawn = compose._drawn

    def slower(*arguments):
        monkeypatch.setattr(compose, "_drawn", drawn)
        compose.make(shop.workspace, made)
        shop.sql("DELETE FROM products")
        raise compose.Problem("too late")

    monkeypatch.setattr(compose, "_drawn", slower)
    compose.make(shop.workspace, made)
    found = row(shop, "flyers", made)
    assert (found.state, found.failure, found.steps_done) == ("READY", "", 2)


def test_another_workspace_touches_nothing(shop: Shop) -> None:
    other = open_shop()
    made, image = flyer(shop, product(shop, "원두")), photo(shop, jpeg())
    compose.make(other.workspace, made)
    compose.check(other.workspace, image)
    assert (row(shop, "flyers", made).state, row(shop, "images", image).state) == ("PENDING", "PENDING")

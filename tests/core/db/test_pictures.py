"""Photos and flyers on their way: who waits, what is drawn, and an end that stays."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from core.db import accounts, catalog, pictures
from core.db.session import database

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def workspace(process: None) -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄날커피")


def image(workspace: UUID) -> UUID:
    with database().write(workspace) as tx:
        return catalog.add_image(tx, workspace, "x", "a.jpg", NOW).id


def product(workspace: UUID, name: str, images: list[UUID]) -> UUID:
    with database().write(workspace) as tx:
        return catalog.add_product(tx, workspace, {"name": name, "price_krw": 1, "image_ids": images}, NOW).id


def flyer(workspace: UUID, products: list[UUID]) -> UUID:
    with database().write(workspace) as tx:
        return catalog.add_flyer(tx, workspace, {"layout": "HERO", "product_ids": products}, NOW).id


def test_an_image_is_checked_once(workspace: UUID) -> None:
    one = image(workspace)
    with database().write(workspace) as tx:
        assert pictures.pending_image(tx, one).id == one
        pictures.save_image(tx, one, {"state": "READY", "photo_name": "p"})
        assert pictures.pending_image(tx, one) is None
        pictures.save_image(tx, one, {"state": "REFUSED"})
        assert catalog.get_image(tx, one).state == "READY"


def test_a_flyer_ends_once(workspace: UUID) -> None:
    one = flyer(workspace, [])
    with database().write(workspace) as tx:
        assert pictures.open_flyer(tx, one).shop == "봄날커피"
        pictures.save_flyer(tx, one, {"state": "COMPOSING", "steps_total": 2})
        assert pictures.flyer_object(tx, one) == ""
        pictures.save_flyer(tx, one, {"state": "READY", "object_name": "o", "steps_done": 2})
        pictures.save_flyer(tx, one, {"state": "FAILED", "steps_done": 1})
        assert (pictures.flyer_state(tx, one), pictures.flyer_object(tx, one)) == ("READY", "o")
        assert pictures.open_flyer(tx, one) is None


def test_products_come_in_the_order_of_the_flyer_with_their_first_ready_photo(workspace: UUID) -> None:
    waiting, ready, other = (image(workspace) for _ in range(3))
    with database().write(workspace) as tx:
        pictures.save_image(tx, ready, {"state": "READY", "photo_name": "ready"})
        pictures.save_image(tx, other, {"state": "READY", "photo_name": "other"})
    one = product(workspace, "하나", [waiting, ready, other])
    two, three = product(workspace, "둘", []), product(workspace, "셋", [other, ready])
    with database().read(workspace) as tx:
        rows = pictures.flyer_products(tx, [three, one, uuid4(), two, one])
    assert [(row.name, row.photo) for row in rows] == [("셋", "other"), ("하나", "ready"), ("둘", ""), ("하나", "ready")]


def test_the_forgotten_are_those_that_wait_for_long(workspace: UUID) -> None:
    old_image, done_image, old_flyer, done_flyer = image(workspace), image(workspace), flyer(workspace, []), flyer(workspace, [])
    with database().write(workspace) as tx:
        pictures.save_image(tx, done_image, {"state": "REFUSED"})
        pictures.save_flyer(tx, done_flyer, {"state": "FAILED"})
        pictures.save_flyer(tx, old_flyer, {"state": "COMPOSING"})
    with database().system() as tx:
        later = NOW + timedelta(seconds=1)
        assert [row.id for row in pictures.forgotten_images(tx, later)] == [old_image]
        assert [row.id for row in pictures.forgotten_flyers(tx, later)] == [old_flyer]
        assert [*pictures.forgotten_images(tx, NOW), *pictures.forgotten_flyers(tx, NOW)] == []


def test_what_is_not_ours_is_missing(workspace: UUID) -> None:
    one = flyer(workspace, [])
    with database().system() as tx:
        other = accounts.create_workspace(tx, "남의 가게")
    with database().read(other) as tx:
        assert (pictures.flyer_state(tx, one), pictures.flyer_object(tx, one)) == ("MISSING", "")
        assert pictures.open_flyer(tx, one) is None

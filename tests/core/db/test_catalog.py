"""Products, photos, flyers as rows; and the pages they are listed in."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from core.db import accounts, catalog
from core.db.ids import new_id
from core.db.listing import Page
from core.db.session import Tx, database
from core.errors import AlreadyExists, NotFound

pytestmark = pytest.mark.usefixtures("process")

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def workspace() -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄날커피")


def add(tx: Tx, workspace: UUID, name: str, **values: Any) -> Any:
    return catalog.add_product(tx, workspace, {"name": name, "price_krw": 1000, "image_ids": [], **values}, NOW)


def test_a_taken_sku_is_refused_and_leaves_nothing(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        add(tx, workspace, "하나", sku="A")
        add(tx, workspace, "둘", sku="")
        add(tx, workspace, "셋", sku="")
    with pytest.raises(AlreadyExists), database().write(workspace) as tx:
        add(tx, workspace, "넷", sku="A")
    with database().read(workspace) as tx:
        assert len(catalog.list_products(tx, Page(10)).rows) == 3


def test_pages_continue_where_they_ended_also_among_equals(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        for number in range(7):
            add(tx, workspace, "같은 이름", sku=str(number))
        for descending in (True, False):
            seen, after = [], None
            while True:
                found = catalog.list_products(tx, Page(3, "name", descending, after=after))
                seen += [row.sku for row in found.rows]
                after = found.next
                if after is None:
                    break
            assert seen == sorted(seen, reverse=descending)
            assert len(seen) == 7


def test_a_full_last_page_has_no_successor(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        for number in range(4):
            add(tx, workspace, str(number))
        assert catalog.list_products(tx, Page(4)).next is None
        assert catalog.list_products(tx, Page(3)).next is not None


def test_archived_products_are_listed_only_when_asked_for(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        row = add(tx, workspace, "하나", sku="A")
        archived = catalog.archive_product(tx, row.id, NOW)
        assert catalog.archive_product(tx, row.id, NOW) == archived
        assert not catalog.list_products(tx, Page(10)).rows
        assert len(catalog.list_products(tx, Page(10, archived=True)).rows) == 1


def test_refused_photos_are_unknown(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        good = catalog.add_image(tx, workspace, "uploads/1", "a.jpg", NOW).id
        bad = catalog.add_image(tx, workspace, "uploads/2", "b.jpg", NOW).id
        tx.run("UPDATE images SET state = 'REFUSED' WHERE id = :id", id=bad)
        nobody = new_id()
        assert catalog.unknown_images(tx, [good, bad, nobody]) == {bad, nobody}
        assert catalog.unknown_images(tx, []) == set()


def test_flyers_are_archived_once(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        row = catalog.add_flyer(tx, workspace, {"layout": "HERO", "product_ids": [new_id()]}, NOW)
        first = catalog.archive_flyer(tx, row.id, NOW)
        assert catalog.archive_flyer(tx, row.id, datetime.now(UTC)) == first
        assert not catalog.list_flyers(tx, Page(10)).rows


def test_what_belongs_to_others_is_not_found(workspace: UUID) -> None:
    with database().write(workspace) as tx:
        product = add(tx, workspace, "하나").id
        image = catalog.add_image(tx, workspace, "uploads/1", "a.jpg", NOW).id
        flyer = catalog.add_flyer(tx, workspace, {"layout": "HERO", "product_ids": [product]}, NOW).id
    with database().write(new_id()) as tx:
        for get, identifier in [(catalog.get_product, product), (catalog.get_image, image), (catalog.get_flyer, flyer)]:
            with pytest.raises(NotFound):
                get(tx, identifier)
        with pytest.raises(NotFound):
            catalog.archive_flyer(tx, flyer, NOW)
        assert catalog.products_by_id(tx, [product]) == {}
        assert catalog.unknown_images(tx, [image]) == {image}

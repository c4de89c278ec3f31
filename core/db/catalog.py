"""Queries about products, their photos, and the flyers made from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db import listing
from core.db.ids import new_id
from core.db.session import Tx
from core.db.tables import flyers, images, products
from core.errors import AlreadyExists, NotFound
from core.rules.states import FlyerState, ImageState

_SKU_TAKEN = "같은 상품 코드(SKU)를 쓰는 상품이 이미 있습니다."


def add_image(tx: Tx, workspace: UUID, object_name: str, file_name: str, now: datetime) -> Row[Any]:
    """A photo that waits for its check."""
    values = {"id": new_id(), "workspace_id": workspace, "object_name": object_name, "file_name": file_name}
    return _made(tx, images.insert().values(**values, state=ImageState.PENDING, created_at=now).returning(images))


def get_image(tx: Tx, image: UUID) -> Row[Any]:
    """One photo."""
    return _found(tx.row(sa.select(images).where(images.c.id == image)), "이런 사진이 없습니다.")


def list_images(tx: Tx, page: listing.Page) -> listing.Rows:
    """Filter: state. Order: create_time."""
    return listing.fetch(
        tx,
        sa.select(images),
        page,
        key=images.c.id,
        filters={"state": lambda value: images.c.state == value},
        orders={"create_time": images.c.id},
    )


def unknown_images(tx: Tx, wanted: Sequence[UUID]) -> set[UUID]:
    """Those that are not photos of this workspace, or were refused."""
    usable = images.c.id.in_(wanted) & (images.c.state != ImageState.REFUSED)
    return set(wanted) - {row.id for row in tx.rows(sa.select(images.c.id).where(usable))} if wanted else set()


def add_product(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """A new product; refuses a SKU that is taken."""
    fixed = {"id": new_id(), "workspace_id": workspace, "created_at": now, "updated_at": now}
    return _with_free_sku(tx, products.insert().values({**values, **fixed}).returning(products))


def get_product(tx: Tx, product: UUID, *, lock: bool = False) -> Row[Any]:
    """One product, also when archived; locked for an update."""
    query = sa.select(products).where(products.c.id == product)
    return _found(tx.row(query.with_for_update() if lock else query), "이런 상품이 없습니다.")


def list_products(tx: Tx, page: listing.Page) -> listing.Rows:
    """Filter: sku, badge, name (contains). Order: create_time, name, price_krw."""
    query = sa.select(products) if page.archived else sa.select(products).where(products.c.archived_at.is_(None))
    return listing.fetch(
        tx,
        query,
        page,
        key=products.c.id,
        filters={
            "sku": lambda value: products.c.sku == value,
            "badge": lambda value: products.c.badge == value,
            "name": lambda value: listing.contains(products.c.name, value),
        },
        orders={"create_time": products.c.id, "name": products.c.name, "price_krw": products.c.price_krw},
    )


def update_product(tx: Tx, product: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """New values; the version goes up."""
    change = {**values, "updated_at": now, "version": products.c.version + 1}
    return _with_free_sku(tx, products.update().where(products.c.id == product).values(change).returning(products))


def archive_product(tx: Tx, product: UUID, now: datetime) -> Row[Any]:
    """Out of lists; a second time changes nothing. Its SKU stays taken."""
    row = get_product(tx, product, lock=True)
    return row if row.archived_at else update_product(tx, product, {"archived_at": now}, now)


def products_by_id(tx: Tx, wanted: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """The products by id, archived ones too."""
    return {row.id: row for row in tx.rows(sa.select(products).where(products.c.id.in_(wanted)))}


def add_flyer(tx: Tx, workspace: UUID, values: Mapping[str, Any], now: datetime) -> Row[Any]:
    """A flyer that waits for the composer."""
    fixed = {"id": new_id(), "workspace_id": workspace, "state": FlyerState.PENDING, "created_at": now}
    return _made(tx, flyers.insert().values({**values, **fixed}).returning(flyers))


def get_flyer(tx: Tx, flyer: UUID) -> Row[Any]:
    """One flyer, also when archived."""
    return _found(tx.row(sa.select(flyers).where(flyers.c.id == flyer)), "이런 전단이 없습니다.")


def list_flyers(tx: Tx, page: listing.Page) -> listing.Rows:
    """Filter: state, layout. Order: create_time."""
    query = sa.select(flyers) if page.archived else sa.select(flyers).where(flyers.c.archived_at.is_(None))
    return listing.fetch(
        tx,
        query,
        page,
        key=flyers.c.id,
        filters={
            "state": lambda value: flyers.c.state == value,
            "layout": lambda value: flyers.c.layout == value,
        },
        orders={"create_time": flyers.c.id},
    )


def archive_flyer(tx: Tx, flyer: UUID, now: datetime) -> Row[Any]:
    """Out of lists; a second time changes nothing."""
    change = {"archived_at": sa.func.coalesce(flyers.c.archived_at, now)}
    return _found(tx.row(flyers.update().where(flyers.c.id == flyer).values(change).returning(flyers)), "이런 전단이 없습니다.")


def _with_free_sku(tx: Tx, statement: sa.Executable) -> Row[Any]:
    try:
        return _made(tx, statement)
    except sa.exc.IntegrityError as error:
        if "products_sku" not in str(error.orig):
            raise
        raise AlreadyExists(_SKU_TAKEN, facts={"field": "product.sku"}) from None


def _made(tx: Tx, statement: sa.Executable) -> Row[Any]:
    row = tx.row(statement)
    assert row is not None
    return row


def _found(row: Row[Any] | None, sentence: str) -> Row[Any]:
    if row is None:
        raise NotFound(sentence)
    return row

"""Queries about what a campaign is about: the products on its flyer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.session import Tx
from core.rules.goods import Goods, Item, of_items

_PRODUCTS = "FROM flyers f JOIN products p ON p.id = ANY (f.product_ids) WHERE f.id = :flyer"


def items(tx: Tx, flyer: UUID) -> list[Item]:
    """The products of a flyer, as they are now."""
    rows = tx.rows(f"SELECT p.name, p.kind, p.category {_PRODUCTS} ORDER BY p.name", flyer=flyer)
    return [Item(row.name, row.kind, row.category) for row in rows]


def offers(tx: Tx, flyer: UUID) -> tuple[str, ...]:
    """What its picture says: names, badges and prices."""
    rows: Sequence[Row[Any]] = tx.rows(
        f"SELECT p.name, p.badge, coalesce(p.sale_price_krw, p.price_krw) AS price {_PRODUCTS} ORDER BY p.name",
        flyer=flyer,
    )
    return tuple(word for row in rows for word in (row.name, row.badge, str(row.price)) if word)


def running_with(tx: Tx, product: UUID) -> list[UUID]:
    """The campaigns on their way whose flyer shows this product."""
    rows = tx.rows(
        "SELECT c.id FROM campaigns c JOIN flyers f ON f.id = c.flyer_id"
        " WHERE c.state IN ('PLANNING', 'SENDING') AND :product = ANY (f.product_ids) ORDER BY c.id",
        product=product,
    )
    return [row.id for row in rows]


def of_campaign(tx: Tx, campaign: Row[Any]) -> Goods:
    """What a launch would freeze: what the merchant says it is about, and what its flyer shows."""
    shown = of_items(items(tx, campaign.flyer_id)) if campaign.flyer_id else Goods()
    named = {kind for kind in campaign.goods if kind}
    known = bool(shown.kinds) or not campaign.flyer_id
    return Goods(
        kinds=tuple(sorted(named | set(shown.kinds))) if known else (),
        adult=campaign.adult or shown.adult,
        prohibited=shown.prohibited,
    )

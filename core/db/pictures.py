"""Queries of the composer: photos waiting for their check, flyers waiting for their picture."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Row

from core.db.columns import every
from core.db.session import Tx
from core.db.tables import flyers, images


def pending_image(tx: Tx, image: UUID) -> Row[Any] | None:
    """The image while it waits for its check."""
    return tx.row(images.select().where(images.c.id == image, images.c.state == "PENDING"))


def save_image(tx: Tx, image: UUID, values: Mapping[str, Any]) -> None:
    """What the check found; the first word stays."""
    _save(tx, "images", image, values, "PENDING")


def open_flyer(tx: Tx, flyer: UUID) -> Row[Any] | None:
    """The flyer while it has no picture, with the name of the shop."""
    return tx.row(
        f"SELECT {every(flyers, 'f')}, w.name AS shop FROM flyers f JOIN workspaces w ON w.id = f.workspace_id"  # noqa: S608 - constants
        " WHERE f.id = :flyer AND f.state IN ('PENDING', 'COMPOSING')",
        flyer=flyer,
    )


def flyer_products(tx: Tx, products: Sequence[UUID]) -> Sequence[Row[Any]]:
    """The products of a flyer in its order, each with the object name of its first usable photo or ''."""
    return tx.rows(
        "SELECT p.name, p.price_krw, p.sale_price_krw, p.badge, coalesce((SELECT i.photo_name FROM images i,"
        " unnest(p.image_ids) WITH ORDINALITY o(id, place)"
        " WHERE i.id = o.id AND i.state = 'READY' ORDER BY o.place LIMIT 1), '') AS photo"
        " FROM unnest(CAST(:products AS uuid[])) WITH ORDINALITY wanted(id, place)"
        " JOIN products p ON p.id = wanted.id ORDER BY wanted.place",
        products=list(products),
    )


def save_flyer(tx: Tx, flyer: UUID, values: Mapping[str, Any]) -> None:
    """Progress, picture or failure; a flyer that has ended stays as it is, because a campaign may stand on it."""
    _save(tx, "flyers", flyer, values, "PENDING", "COMPOSING")


def forgotten_images(tx: Tx, before: datetime) -> Sequence[Row[Any]]:
    """Photos whose check was queued long ago and did not happen; across workspaces."""
    return tx.rows(
        "SELECT id, workspace_id FROM images WHERE state = 'PENDING' AND created_at < :before LIMIT 100",
        before=before,
    )


def forgotten_flyers(tx: Tx, before: datetime) -> Sequence[Row[Any]]:
    """Flyers without a picture that were ordered long ago; across workspaces."""
    return tx.rows(
        "SELECT id, workspace_id FROM flyers WHERE state IN ('PENDING', 'COMPOSING') AND created_at < :before LIMIT 100",
        before=before,
    )


def _save(tx: Tx, table: str, identifier: UUID, values: Mapping[str, Any], *open_states: str) -> None:
    names = ", ".join(f"{name} = :{name}" for name in values)
    statement = f"UPDATE {table} SET {names} WHERE id = :identifier AND state = ANY(:open_states)"  # noqa: S608
    tx.run(statement, identifier=identifier, open_states=list(open_states), **values)


def flyer_state(tx: Tx, flyer: UUID) -> str:
    """PENDING, COMPOSING, READY, FAILED, or MISSING when there is no such flyer here."""
    return str(tx.value("SELECT state FROM flyers WHERE id = :flyer", flyer=flyer) or "MISSING")


def flyer_object(tx: Tx, flyer: UUID) -> str:
    """The object name of a READY flyer's picture."""
    return str(tx.value("SELECT object_name FROM flyers WHERE id = :flyer AND state = 'READY'", flyer=flyer) or "")

"""Compose: check uploaded photos, and make flyers from products."""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import dramatiq

from core import images, jobs, telemetry
from core.db import pictures
from core.db.session import Row, database
from core.errors import Problem, Unavailable
from core.rules import photo
from core.rules.flyer.compose import compose
from core.rules.flyer.spec import Flyer, Item, Layout, best_layout
from workers.ledger import as_ids

_log = telemetry.log("compose")


@dramatiq.actor(actor_name="check_image", queue_name=jobs.COMPOSE)
def check_image(workspace: str, image: str) -> None:
    """Job: decide whether an upload is a photo, and keep a clean copy of it."""
    check(*as_ids(workspace, image))


def check(workspace: UUID, image: UUID) -> None:
    """READY with a normalised copy in storage, or REFUSED with the reason; running it twice changes nothing."""
    with database().read(workspace) as tx:
        row = pictures.pending_image(tx, image)
    if row is None:
        return
    try:
        values = _checked(workspace, images.storage().get(row.object_name, most=photo.MAX_BYTES))
    except Unavailable:
        raise
    except Exception as trouble:
        refusal = _explained(trouble)
        values = {"state": "REFUSED", "refusal": refusal.message, "refusal_reason": refusal.reason}
    with database().write(workspace) as tx:
        pictures.save_image(tx, image, values)


def _explained(trouble: Exception) -> Problem:
    """A refusal as it is; a defect is reported, and ends the work instead of repeating it for ever."""
    if isinstance(trouble, Problem):
        return trouble
    telemetry.report(trouble)
    _log.error("compose_defect", error=type(trouble).__name__)
    return Problem("내부 오류로 만들지 못했습니다. 다시 시도해 주세요.")


def _checked(workspace: UUID, data: bytes) -> dict[str, object]:
    found = photo.check(data)
    clean = photo.normalise(data)
    name = f"photos/{workspace}/{hashlib.sha256(clean).hexdigest()[:32]}.jpg"
    images.storage().put(name, clean, "image/jpeg")
    return {"state": "READY", "width": found.width, "height": found.height, "size_bytes": len(clean), "photo_name": name}


@dramatiq.actor(actor_name="compose_flyer", queue_name=jobs.COMPOSE)
def compose_flyer(workspace: str, flyer: str) -> None:
    """Job: make the picture of a flyer."""
    make(*as_ids(workspace, flyer))


def make(workspace: UUID, flyer: UUID) -> None:
    """READY with its picture in storage, or FAILED with the reason; the same products give the same bytes."""
    with database().write(workspace) as tx:
        row = pictures.open_flyer(tx, flyer)
        if row is None:
            return
        products = pictures.flyer_products(tx, row.product_ids)
        pictures.save_flyer(tx, flyer, {"state": "COMPOSING", "steps_total": len(products) + 1})
    try:
        picture = _drawn(workspace, row, products)
        name = f"flyers/{workspace}/{hashlib.sha256(picture).hexdigest()[:32]}.jpg"
        images.storage().put(name, picture, "image/jpeg")
    except Unavailable:
        raise
    except Exception as trouble:
        failure = _explained(trouble)
        values: dict[str, object] = {"state": "FAILED", "failure": failure.message, "failure_reason": failure.reason}
    else:
        values = {"state": "READY", "object_name": name, "size_bytes": len(picture), "steps_done": len(products) + 1}
    with database().write(workspace) as tx:
        pictures.save_flyer(tx, flyer, values)


def _drawn(workspace: UUID, row: Row[Any], products: Sequence[Row[Any]]) -> bytes:
    """The photos read one by one, each a step of progress; then the picture."""
    items = []
    for product in products:
        data = images.storage().get(product.photo, most=photo.MAX_BYTES) if product.photo else None
        items.append(Item(product.name, product.price_krw, product.sale_price_krw, product.badge, data))
        with database().write(workspace) as tx:
            pictures.save_flyer(tx, row.id, {"steps_done": len(items)})
    layout = Layout(row.layout.lower()) if row.layout else best_layout(len(items))
    drawing = Flyer(layout, row.headline or row.shop, row.shop, row.footer, tuple(items), row.accent)
    with telemetry.COMPOSE_SECONDS.time():
        return compose(drawing)

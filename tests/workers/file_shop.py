"""A merchant's customer files in storage, and what became of them."""

import csv
import io
from uuid import UUID, uuid4

from core import clock, images
from core.db import imports as rows
from core.db.session import database
from tests.workers.shop import Shop
from workers import imports

HEADER = "이름,휴대폰,수신동의,동의일시,동의경로,등급"


def line(number: int, name: str = "김하나") -> str:
    return f"{name},010-2{number // 10000:03d}-{number % 10000:04d},Y,2026-03-02 14:00,매장,VIP"


def put(shop: Shop, text: str | bytes) -> str:
    name = images.upload_name(shop.workspace, f"{uuid4()}.csv")
    images.storage().put(name, text if isinstance(text, bytes) else text.encode(), "text/csv")
    return name


def order(shop: Shop, object_name: str, name: str = "고객.csv", **values: object) -> UUID:
    given = {"object_name": object_name, "file_name": name, "tag": "", "mapping": {}, **values}
    given["mapping_from"] = "GIVEN" if given["mapping"] else ""
    with database().write(shop.workspace) as tx:
        return rows.add_import(tx, shop.workspace, given, clock.now()).id


def upload(shop: Shop, text: str | bytes, name: str = "고객.csv", **values: object) -> UUID:
    return order(shop, put(shop, text), name, **values)


def after(shop: Shop, made: UUID):
    with database().read(shop.workspace) as tx:
        return rows.get_import(tx, made)


def read(shop: Shop, text: str | bytes, **values: object):
    made = upload(shop, text, **values)
    imports.read(shop.workspace, made)
    return after(shop, made)


def counts(row) -> tuple[int, int, int, int]:
    return row.created_count, row.updated_count, row.duplicate_count, row.error_count


def errors(row) -> list[list[str]]:
    """The lines of the error file, as Excel would read them."""
    text = images.storage().get(row.errors_object, most=1 << 20).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))

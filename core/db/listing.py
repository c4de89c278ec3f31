"""One page of rows: what a list RPC asks for (`Page`), turned into conditions, an order and a keyset."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Row

from core.db.session import Tx

# field -> the condition that a value of it makes
Filters = Mapping[str, Callable[[str], sa.ColumnElement[bool]]]
# name in order_by -> its column; the key column itself stands for the order of creation
Orders = Mapping[str, sa.ColumnElement[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """What was asked: every pair of `where` must hold; `after` is the place where the previous page ended."""

    limit: int
    order: str = "create_time"
    descending: bool = True
    where: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What was found, and the place to go on from; None at the end."""

    rows: Sequence[Row[Any]] = field(default_factory=tuple)
    next: tuple[str, ...] | None = None


def fetch(tx: Tx, query: sa.Select[Any], page: Page, *, key: sa.Column[Any], filters: Filters, orders: Orders) -> Rows:
    """The rows of one page. `key` is unique and breaks ties; it must be among the columns of the query."""
    column = orders[page.order]
    keyset = [key] if column is key else [column, key]
    query = query.where(*(filters[name](value) for name, value in page.where))
    if page.after is not None:
        query = query.where(_beyond(keyset, page))
    query = query.order_by(*(place.desc() if page.descending else place.asc() for place in keyset))
    rows = tx.rows(query.limit(page.limit + 1))
    if len(rows) <= page.limit:
        return Rows(rows)
    rows = rows[: page.limit]
    return Rows(rows, tuple(_written(rows[-1]._mapping[place]) for place in keyset))


def contains(column: sa.Column[str], text: str) -> sa.ColumnElement[bool]:
    """Whether the text stands in the column, letters large or small."""
    return column.icontains(text, autoescape=True)


def _beyond(keyset: Sequence[sa.ColumnElement[Any]], page: Page) -> sa.ColumnElement[bool]:
    values = [_read(place, text) for place, text in zip(keyset, page.after or (), strict=True)]
    place = sa.tuple_(*keyset)
    bound = sa.tuple_(*(sa.literal(value, column.type) for value, column in zip(values, keyset, strict=True)))
    return place < bound if page.descending else place > bound


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _read(column: sa.ColumnElement[Any], text: str) -> Any:
    readers: dict[type, Callable[[str], Any]] = {int: int, str: str, UUID: UUID, datetime: datetime.fromisoformat}
    return readers[column.type.python_type](text)

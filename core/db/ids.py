"""Identifiers that sort by time (UUID version 7), and the partitions that follow from them."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUID version 7: its first 48 bits are the milliseconds since 1970."""
    return uuid7()


def first_id(instant: datetime) -> UUID:
    """The smallest identifier that a moment can have: the lower bound of a partition or a search."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


def instant_of(identifier: UUID) -> datetime:
    """When an identifier was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def month_bounds(month: datetime) -> tuple[UUID, UUID]:
    """[first, next) identifiers of the month (UTC) that holds the instant."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return first_id(start), first_id(next_month(start))


def next_month(start: datetime) -> datetime:
    """The first instant of the following month (UTC)."""
    return datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=UTC)

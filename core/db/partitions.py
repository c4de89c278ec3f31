"""The monthly partitions of the ledger: made ahead of time, so that no insert ever finds none."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from core.db.ids import month_bounds, next_month
from core.db.session import APP_ROLE, SYSTEM_ROLE, Tx

LEDGER = ("batches", "attempts", "receipts", "direct_messages", "events", "access_log")
DIRECT_MONTHS = 3  # how many whole months the numbers and texts of SendService are kept
LOCK_SECONDS = "500ms"  # less than deadlock_timeout: who works with the ledger never gives way to us; we come again in an hour
LOCK = 0x70617274  # "part": two processes never make the same partition


def ensure(tx: Tx, instant: datetime, *, ahead: int = 2) -> list[str]:
    """Create the partitions of the month of `instant`, the one before and `ahead` more; names of the new ones."""
    _begin(tx)
    start = datetime(instant.year, instant.month, 1, tzinfo=UTC)
    months = [(start - timedelta(days=1)).replace(day=1), start]
    for _ in range(ahead):
        months.append(next_month(months[-1]))
    return [name for month in months for table in LEDGER if (name := _ensure_one(tx, table, month))]


def forget_direct(tx: Tx, instant: datetime) -> list[str]:
    """Drop the months of `direct_messages` that are past keeping: numbers and texts go, the ledger stays; what was dropped."""
    oldest = datetime(instant.year, instant.month, 1, tzinfo=UTC)
    for _ in range(DIRECT_MONTHS):
        oldest = (oldest - timedelta(days=1)).replace(day=1)
    return drop(tx, "direct_messages", oldest)


def _ensure_one(tx: Tx, table: str, month: datetime) -> str:
    name = f"{table}_{month:%Y_%m}"
    if tx.value("SELECT to_regclass(:name)", name=name) is not None:
        return ""
    first, beyond = month_bounds(month)
    # identifiers cannot be bound as parameters in DDL; table and month come from the constants above
    # Made apart and attached: PARTITION OF would lock the whole ledger against everybody, reports included.
    tx.run(sa.text(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"))
    tx.run(sa.text(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{beyond}')"))
    tx.run(sa.text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {APP_ROLE}, {SYSTEM_ROLE}"))
    tx.run(sa.text(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"))  # reached only through its parent's policies
    tx.run(sa.text(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"))
    return name


def drop(tx: Tx, table: str, before: datetime) -> list[str]:
    """Drop the months of a table that ended before this moment; their names. Whoever is using one is not waited for long."""
    _begin(tx)
    rows = tx.rows(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = CAST(:table AS regclass)", table=table
    )
    old = [row.name for row in rows if row.name[-7:] < f"{before:%Y_%m}"]
    for name in old:
        tx.run(sa.text(f"DROP TABLE {name}"))
    return old


def _begin(tx: Tx) -> None:
    tx.run("SELECT pg_advisory_xact_lock(:lock)", lock=LOCK)
    tx.run(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}'"))

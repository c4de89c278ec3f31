"""What PostgreSQL says about itself: how large it is, how its ledger grows, which statements are slow. No tenant rows."""

from datetime import UTC, datetime, timedelta

from core.db.ids import next_month
from core.db.partitions import LEDGER
from core.db.session import Tx
from core.rules.checks.disk import Growth
from core.rules.checks.slow_queries import Seen, Statement

YOUNG = 7  # days: before that a month is not divided by less

_SIZE_OF = "SELECT coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) FROM unnest(CAST(:names AS text[])) AS name"

# What runs a statement now; a replica's sender and whoever waits for a client run nothing.
_LONGEST = """SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)), 0) FROM pg_stat_activity
    WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()"""

_STATEMENTS = """SELECT coalesce(queryid::text, '?') AS query, sum(calls)::bigint AS calls,
        sum(total_exec_time) / greatest(sum(calls), 1) AS mean_ms
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()
    GROUP BY 1, s.userid ORDER BY 3 DESC LIMIT 200"""


def growth(tx: Tx, now: datetime) -> Growth:
    """The size of the database, and how many bytes its ledger grew a day: this month or the last one, whichever was more."""
    this = datetime(now.year, now.month, 1, tzinfo=UTC)
    last = (this - timedelta(days=1)).replace(day=1)
    empty = _months(tx, next_month(this))  # made ahead: what the tables of a month take with nothing in them
    rates = [
        (_months(tx, this) - empty) / max(YOUNG, (now - this) / timedelta(days=1)),
        (_months(tx, last) - empty) / ((this - last) / timedelta(days=1)),
    ]
    return Growth(int(tx.value("SELECT pg_database_size(current_database())")), max(0.0, *rates))


def _months(tx: Tx, month: datetime) -> int:
    """Bytes of the ledger of one month, indexes included."""
    names = [f"{table}_{month:%Y_%m}" for table in LEDGER]
    return int(tx.value(_SIZE_OF, names=names))


def statements(tx: Tx) -> Seen:
    """Slow ones, on average and now. As the owner of the schema: it may see what its own sessions run."""
    found = None
    if tx.value("SELECT to_regclass('pg_stat_statements')") is not None:
        found = [Statement(row.query, row.calls, float(row.mean_ms)) for row in tx.rows(_STATEMENTS)]
    setting = str(tx.value("SELECT setting FROM pg_settings WHERE name = 'log_min_duration_statement'") or "-1")
    return Seen(found, float(tx.value(_LONGEST)), int(setting))

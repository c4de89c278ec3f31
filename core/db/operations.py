"""What the checklists ask: figures of the workspaces that the transaction sees, so one of them or the whole installation."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Row

from core import clock
from core.db.access import REVIEW
from core.db.ids import first_id
from core.db.session import Tx
from core.rules.checks import access
from core.rules.checks.access import Access
from core.rules.checks.cost import Spent
from core.rules.checks.errors import Troubles
from core.rules.checks.queues import Trend
from core.rules.checks.sending import Handed, Results
from core.rules.checks.usage import Usage

# A campaign that was launched lately was made not long before.
_LATELY = timedelta(days=40)

_STUCK = ["QUEUE_STUCK", "DELIVERY_STUCK", "QUEUES_UNREACHABLE"]

_HANDED = """SELECT provider, channel, coalesce(sum(accepted), 0)::int AS taken,
        coalesce(sum(CASE WHEN outcome = 'REFUSED' THEN cardinality(positions) ELSE refused END), 0)::int AS refused
    FROM attempts WHERE id >= :first AND provider <> 'rehearsal' GROUP BY provider, channel ORDER BY provider, channel"""

_RESULTS = """SELECT coalesce(sum(k.delivered), 0)::int AS delivered, coalesce(sum(k.failed), 0)::int AS failed
    FROM campaigns c JOIN campaign_counters k ON k.campaign_id = c.id
    WHERE c.id >= :first AND c.launched_at >= :since AND NOT c.test"""

# Of single messages only calls that are not over: each is a row of its own, and one that is over has no unknown message.
_UNKNOWN = """SELECT coalesce(sum(k.unknown), 0)::int FROM campaign_counters k JOIN (
        SELECT id FROM campaigns WHERE kind = 'CAMPAIGN' AND NOT test
        UNION SELECT id FROM campaigns WHERE state IN ('PLANNING', 'SENDING') AND NOT test) c ON c.id = k.campaign_id"""

_KEYS = """SELECT count(*) AS keys, count(*) FILTER (WHERE coalesce(used_at, created_at) < :before) AS unused
    FROM api_keys WHERE revoked_at IS NULL"""

_WITHOUT_OWNER = """SELECT count(*) FROM workspaces w WHERE NOT EXISTS
    (SELECT FROM users u WHERE u.workspace_id = w.id AND u.role = 'OWNER' AND u.disabled_at IS NULL)"""

_UNSIGNED = """SELECT count(*) FROM (SELECT workspace_id FROM access_log WHERE id >= :first AND id < :beyond AND action <> :review
    GROUP BY workspace_id) seen WHERE NOT EXISTS (SELECT FROM access_log s WHERE s.workspace_id = seen.workspace_id
    AND s.action = :review AND s.subject = :month)"""


def open_incidents(tx: Tx) -> list[Troubles]:
    """By kind: how many, since when."""
    rows = tx.rows("SELECT kind, count(*) AS many, min(opened_at) AS since FROM incidents WHERE closed_at IS NULL GROUP BY kind")
    return [Troubles(row.kind, row.many, row.since) for row in rows]


def ended_incidents(tx: Tx, since: datetime) -> int:
    """How many are over since then."""
    return int(tx.value("SELECT count(*) FROM incidents WHERE closed_at >= :since", since=since))


def handed(tx: Tx, since: datetime) -> list[Handed]:
    """Calls begun since then, by provider and channel; a call that was not answered counts when its answer is known."""
    rows = tx.rows(_HANDED, first=first_id(since))
    return [Handed(row.provider, row.channel, row.taken, row.refused) for row in rows]


def results(tx: Tx, since: datetime) -> Results:
    """What became of messages launched since then, and of how many nobody knows."""
    row: Any = tx.row(_RESULTS, first=first_id(since - _LATELY), since=since)
    return Results(row.delivered, row.failed, int(tx.value(_UNKNOWN)))


def week(tx: Tx, now: datetime) -> Trend:
    """Seven days beside the seven before. Queues belong to the house: a workspace sees only its messages."""
    today = clock.kst(now).date()
    messages, before = (
        int(tx.value("SELECT coalesce(sum(accepted), 0) FROM workspace_days WHERE day > :since AND day <= :until", **span))
        for span in (
            {"since": today - timedelta(days=7), "until": today},
            {"since": today - timedelta(days=14), "until": today - timedelta(days=7)},
        )
    )
    stuck, stuck_before = (
        int(
            tx.value(
                "SELECT count(*) FROM incidents WHERE kind = ANY(:kinds) AND opened_at > :since AND opened_at <= :until",
                kinds=_STUCK,
                since=now - timedelta(days=7 * (weeks + 1)),
                until=now - timedelta(days=7 * weeks),
            )
        )
        for weeks in (0, 1)
    )
    return Trend(stuck, stuck_before, messages, before)


def spent(tx: Tx, first: date, last: date) -> list[Spent]:
    """Per channel over these Korean days, the last included."""
    rows = tx.rows(
        "SELECT channel, sum(accepted)::int AS messages, sum(cost) AS won FROM workspace_days"
        " WHERE day >= :first AND day <= :last GROUP BY channel ORDER BY channel",
        first=first,
        last=last,
    )
    return [Spent(row.channel, row.messages, row.won) for row in rows]


def called(tx: Tx, begin: datetime, end: datetime) -> list[tuple[str, Spent]]:
    """Per (channel, provider and channel), by the day on which the call ended, as `workspace_days` counts: the ledger itself.

    Read by the operator's command only: it looks at every call of a month.
    """
    rows = tx.rows(
        "SELECT provider, channel, sum(accepted)::int AS messages, sum(accepted * unit_price) AS won FROM attempts"
        " WHERE id >= :first AND finished_at >= :begin AND finished_at < :end AND outcome = 'ACCEPTED'"
        " GROUP BY provider, channel ORDER BY provider, channel",
        first=first_id(begin - timedelta(days=2)),
        begin=begin,
        end=end,
    )
    return [(row.channel, Spent(f"{row.provider} {row.channel}", row.messages, row.won)) for row in rows]


def by_channel(called_: Sequence[tuple[str, Spent]]) -> dict[str, Decimal]:
    """Won per channel of calls."""
    sums: dict[str, Decimal] = {}
    for channel, one in called_:
        sums[channel] = sums.get(channel, Decimal(0)) + one.won
    return sums


def usage(tx: Tx, spans: Sequence[tuple[datetime, datetime]], days: Sequence[tuple[date, date]]) -> list[Usage]:
    """Figures of two spans: this month until now, and the same days of the month before."""
    launched = [
        int(
            tx.value(
                "SELECT count(*) FROM campaigns WHERE kind = 'CAMPAIGN' AND NOT test AND id >= :first"
                " AND launched_at >= :begin AND launched_at < :end",
                first=first_id(begin - _LATELY),
                begin=begin,
                end=end,
            )
        )
        for begin, end in spans
    ]
    messages = [sum(one.messages for one in spent(tx, first, last)) for first, last in days]
    active = [
        int(
            tx.value(
                "SELECT count(DISTINCT workspace_id) FROM workspace_days WHERE accepted > 0 AND day >= :first AND day <= :last",
                first=first,
                last=last,
            )
        )
        for first, last in days
    ]
    return [
        Usage("workspaces", "보낸 상점", *active),
        Usage("campaigns", "시작한 캠페인", *launched),
        Usage("messages", "접수된 메시지", *messages),
    ]


def rights(tx: Tx, month: str, begin: datetime, end: datetime, now: datetime) -> Access:
    """Who may do what, and what the access log of a whole month says."""
    roles = tx.rows("SELECT role, count(*) AS many FROM users WHERE disabled_at IS NULL GROUP BY role")
    keys: Any = tx.row(_KEYS, before=now - access.UNUSED)
    looks = tx.rows(
        "SELECT action, count(*) AS times FROM access_log WHERE id >= :first AND id < :beyond AND action = ANY(:actions)"
        " GROUP BY action",
        first=first_id(begin),
        beyond=first_id(end),
        actions=list(access.LOOKS),
    )
    unsigned = tx.value(_UNSIGNED, first=first_id(begin), beyond=first_id(end), review=REVIEW, month=month)
    return Access(
        roles={row.role: row.many for row in roles},
        keys=keys.keys,
        unused_keys=keys.unused,
        looks={row.action: row.times for row in looks},
        unsigned=int(unsigned),
        without_owner=int(tx.value(_WITHOUT_OWNER)),
    )


def alive(tx: Tx, since: datetime) -> Sequence[Row[Any]]:
    """lanes, seen_at of each process that was seen since then; across the installation."""
    return tx.rows("SELECT lanes, seen_at FROM worker_processes WHERE seen_at > :since", since=since)

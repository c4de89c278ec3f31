"""Service levels out of the ledger itself: a message that never left counts, and it is in no worker's metrics."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from core.db.ids import first_id
from core.db.session import Tx
from core.rules import service_level
from core.rules.schedule import LIFETIME
from core.rules.service_level import SINGLE_IN, Level

# How long before the span a call may have begun that ended in it, and a message may have been asked for that expired in it.
_LONG_CALL, _LONG_WAIT = timedelta(days=1), timedelta(days=40)

# An Alimtalk is handed over when Kakao has it: the text that follows to whom it does not reach is no second one.
_HANDED_OVER = """SELECT coalesce(sum(cardinality(a.positions)), 0) AS total, coalesce(sum(cardinality(a.positions))
        FILTER (WHERE a.finished_at <= coalesce(c.scheduled_at, c.launched_at) + :within), 0) AS kept
    FROM attempts a JOIN batches b ON b.id = a.batch_id JOIN campaigns c ON c.id = a.campaign_id
    WHERE a.id >= :first AND a.finished_at >= :since AND a.finished_at < :until AND a.outcome = 'ACCEPTED'
    AND c.kind = 'SEND' AND NOT c.test AND (a.channel = 'ALIMTALK' OR NOT a.positions && b.fallen)"""

_EXPIRED = """SELECT coalesce(sum(k.expired), 0) FROM campaigns c JOIN campaign_counters k ON k.campaign_id = c.id
    WHERE c.kind = 'SEND' AND NOT c.test AND c.id >= :first AND c.expires_at >= :since AND c.expires_at < :until"""

_WAITING = """SELECT coalesce(sum(k.planned + k.claimed + k.unknown), 0) FROM campaigns c
    JOIN campaign_counters k ON k.campaign_id = c.id WHERE c.state = 'SENDING' AND c.kind = 'SEND' AND NOT c.test
    AND coalesce(c.scheduled_at, c.launched_at) < :before"""

_IN_TIME = "c.state = 'DONE' AND NOT EXISTS (SELECT FROM campaign_counters k WHERE k.campaign_id = c.id AND k.expired > 0)"

# Cancelled and paused ones are the merchant's own doing, and so is one that failed before its time was over.
_ENDED = f"""SELECT count(*) AS total, count(*) FILTER (WHERE {_IN_TIME}) AS kept FROM campaigns c
    WHERE c.kind = 'CAMPAIGN' AND NOT c.test AND (
        (c.state = 'DONE' AND c.ended_at >= :since AND c.ended_at < :until)
        OR (c.state = 'FAILED' AND c.ended_at >= :since AND c.ended_at < :until
            AND coalesce(c.expires_at, c.scheduled_at + :lifetime) <= c.ended_at)
        OR (c.state IN ('SCHEDULED', 'PLANNING', 'SENDING')
            AND coalesce(c.expires_at, c.scheduled_at + :lifetime) >= :since
            AND coalesce(c.expires_at, c.scheduled_at + :lifetime) < :until))"""  # noqa: S608 - constants


def measure(tx: Tx, since: datetime, until: datetime) -> tuple[Level, ...]:
    """Every level over [since, until), across workspaces."""
    return singles(tx, since, until), campaigns(tx, since, until)


def singles(tx: Tx, since: datetime, until: datetime) -> Level:
    """Single messages: handed over in the span, expired in it, or waiting at its end for longer than promised."""
    row = tx.row(_HANDED_OVER, first=first_id(since - _LONG_CALL), since=since, until=until, within=SINGLE_IN)
    kept, total = (int(row.kept), int(row.total)) if row else (0, 0)
    expired = tx.value(_EXPIRED, first=first_id(since - _LONG_WAIT), since=since, until=until)
    return service_level.single(kept, total + int(expired) + waiting(tx, until))


def waiting(tx: Tx, now: datetime) -> int:
    """Single messages that no provider has although their time is over: they cannot be in time any more."""
    return int(tx.value(_WAITING, before=now - SINGLE_IN))


def campaigns(tx: Tx, since: datetime, until: datetime) -> Level:
    """Campaigns that ended in the span, or whose time ended in it."""
    row = tx.row(_ENDED, since=since, until=until, lifetime=LIFETIME)
    return service_level.campaign(int(row.kept), int(row.total)) if row else service_level.campaign(0, 0)


def of_campaigns(tx: Tx, done: Collection[UUID]) -> Level:
    """The same for campaigns that have just become DONE; what SendService made counts by the message."""
    row = tx.row(
        f"SELECT count(*) AS total, count(*) FILTER (WHERE {_IN_TIME}) AS kept FROM campaigns c"  # noqa: S608 - a constant
        " WHERE c.id = ANY(:done) AND c.kind = 'CAMPAIGN' AND NOT c.test",
        done=list(done),
    )
    return service_level.campaign(int(row.kept), int(row.total)) if row else service_level.campaign(0, 0)

"""Queries that see what is wrong, across workspaces: asked every few seconds, so each is answered from few rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.engine import Row

from core import clock
from core.db import certificates, send, senders
from core.db.session import Tx
from core.rules import personal
from core.rules.alerts import Condition, Kind

CLOCK = "clock"  # what the scheduler calls itself among the processes
_MOST_WORDS = 5

# Only campaigns that count somebody as unknown are looked into.
_UNRESOLVED = """SELECT a.workspace_id, a.provider_account_id, a.provider, sum(cardinality(a.positions)) AS people
    FROM (SELECT campaign_id FROM campaign_counters GROUP BY campaign_id HAVING sum(unknown) > 0) k
    JOIN batches b ON b.campaign_id = k.campaign_id AND b.state = 2 JOIN attempts a ON a.batch_id = b.id
    WHERE a.outcome = 'UNKNOWN' AND (a.escalated_at IS NOT NULL OR a.started_at < :before)
    GROUP BY a.workspace_id, a.provider_account_id, a.provider"""

# Among the latest calls: a long campaign waits its turn, and that is no trouble.
_GOING = """SELECT count(*) FROM (SELECT campaign_id, started_at FROM attempts ORDER BY id DESC LIMIT 1000) a
    JOIN campaigns c ON c.id = a.campaign_id WHERE c.kind = :kind AND a.started_at > :before"""


def breakers(tx: Tx) -> Iterator[Condition]:
    """Accounts to which no calls go because the provider does not answer."""
    for row in tx.rows("SELECT id, workspace_id, provider FROM provider_accounts WHERE breaker <> 'CLOSED'"):
        yield _about_account(Kind.BREAKER_OPEN, row, row.id)


def paused(tx: Tx) -> Iterator[Condition]:
    """Accounts that their provider refuses as a whole."""
    for row in tx.rows("SELECT id, workspace_id, provider, pause_reason FROM provider_accounts WHERE state = 'PAUSED'"):
        yield _about_account(Kind.ACCOUNT_PAUSED, row, row.id, cause=row.pause_reason)


def senders_dead(tx: Tx) -> Iterator[Condition]:
    """Sender numbers that their provider does not accept any more. The number itself is nobody's to read here."""
    for row in senders.dead(tx):
        yield _about_account(
            Kind.SENDER_DEAD, row, f"{row.provider_account_id} {row.sender_number_id}", words=row.words or senders.NOT_LISTED
        )


def certificates_ending(tx: Tx, now: datetime) -> Iterator[Condition]:
    """Accounts whose certificate has ended or soon will."""
    for row in certificates.ending(tx, now):
        yield _about_account(Kind.CERTIFICATE_ENDING, row, row.id, last_day=row.last_day.isoformat())


def clocks_wrong(tx: Tx, now: datetime, most: timedelta) -> Iterator[Condition]:
    """Processes alive whose machine does not know what time it is; once they know that, they were seen by our time."""
    rows = tx.rows(
        "SELECT id, skew_seconds FROM worker_processes WHERE abs(skew_seconds) > :most AND seen_at > :since",
        most=int(most.total_seconds()),
        since=now - timedelta(minutes=2),
    )
    for row in rows:
        yield Condition(Kind.CLOCK_WRONG, str(row.id), None, {"seconds": f"{abs(row.skew_seconds):,}"})


def engine_errors(tx: Tx, since: datetime) -> Iterator[Condition]:
    """Running campaigns of which a batch could not be judged lately."""
    rows = tx.rows(
        "SELECT id, workspace_id FROM campaigns WHERE engine_failed_at > :since AND state IN ('PLANNING', 'SENDING')", since=since
    )
    for row in rows:
        yield Condition(Kind.ENGINE_ERROR, str(row.id), row.workspace_id)


def unresolved(tx: Tx, before: datetime) -> Iterator[Condition]:
    """Calls of which nobody knows what became: for too long, or given to a person."""
    for row in tx.rows(_UNRESOLVED, before=before):
        yield _about_account(Kind.UNKNOWN_UNRESOLVED, row, row.provider_account_id, people=f"{row.people:,}")


def words(tx: Tx, since: datetime) -> Iterator[Condition]:
    """Results in words that were first seen lately."""
    rows = tx.rows(
        "SELECT workspace_id, provider, array_agg(words ORDER BY people DESC, words) AS words FROM unknown_words"
        " WHERE first_seen_at > :since GROUP BY workspace_id, provider",
        since=since,
    )
    for row in rows:
        listed = ", ".join(f"‘{each[:40]}’" for each in row.words[:_MOST_WORDS])
        facts = {"provider": row.provider, "words": listed}
        yield Condition(Kind.UNKNOWN_WORDS, f"{row.workspace_id} {row.provider}", row.workspace_id, facts)


def endpoints(tx: Tx) -> Iterator[Condition]:
    """Addresses of merchants that were given up because they failed too long."""
    rows = tx.rows(
        "SELECT id, workspace_id, url FROM webhook_endpoints"
        " WHERE state = 'DISABLED' AND failing_since IS NOT NULL AND archived_at IS NULL"
    )
    for row in rows:  # the rest of an address may be a secret
        yield Condition(Kind.ENDPOINT_DISABLED, str(row.id), row.workspace_id, {"host": urlsplit(row.url).hostname or "?"})


def notices(tx: Tx, by: datetime) -> Iterator[Condition]:
    """Merchants who have people to tell of something before this moment, and have not."""
    rows = tx.rows(
        "SELECT workspace_id, count(*) AS people FROM notices WHERE state = 'DUE' AND deadline_at <= :by GROUP BY workspace_id",
        by=by,
    )
    for row in rows:
        yield Condition(Kind.NOTICES_LATE, str(row.workspace_id), row.workspace_id, {"people": f"{row.people:,}"})


def stuck(tx: Tx, now: datetime, before: datetime) -> Iterator[Condition]:
    """Campaigns or single messages that could have gone long ago, while none of their kind goes."""
    for kind in ("CAMPAIGN", "SEND"):
        if send.due_batches(tx, before, now, 1, kind) and not tx.value(_GOING, kind=kind, before=before):
            yield Condition(Kind.DELIVERY_STUCK, kind, None, {"minutes": str(int((now - before).total_seconds() // 60))})


def privacy_requests(tx: Tx, before: datetime) -> Iterator[Condition]:
    """What people asked about their own data and nobody has answered since."""
    rows = tx.rows(
        "SELECT workspace_id, count(*) AS requests, min(due_at) AS due FROM privacy_requests"
        " WHERE state = 'OPEN' AND received_at < :before GROUP BY workspace_id",
        before=before,
    )
    for row in rows:
        facts = {"requests": f"{row.requests:,}", "due": f"{clock.kst(row.due):%Y-%m-%d}"}
        yield Condition(Kind.PRIVACY_REQUEST_DUE, f"{row.workspace_id} requests", row.workspace_id, facts)


def people_levels(tx: Tx, since: datetime) -> Iterator[Condition]:
    """Workspaces that hold data of so many people, since a few days, that a further duty of the law applies."""
    rows = tx.rows("SELECT id, people_level FROM workspaces WHERE people_level > 0 AND people_level_at > :since", since=since)
    for row in rows:
        duty = personal.DUTIES[row.people_level - 1]
        facts = {"people": f"{duty.from_people:,}", "duty": duty.text}
        yield Condition(Kind.PEOPLE_LEVEL, f"{row.id} {duty.from_people}", row.id, facts)


def consumed(tx: Tx, alive_since: datetime) -> set[str]:
    """The lanes that some living process works on."""
    rows = tx.rows("SELECT DISTINCT lanes FROM worker_processes WHERE seen_at > :since", since=alive_since)
    return {lane for row in rows for lane in row.lanes.split()}


def clock_silent(tx: Tx, now: datetime, since: datetime) -> Iterator[Condition]:
    """No scheduler has been seen for a while."""
    if not tx.value("SELECT count(*) FROM worker_processes WHERE lanes = :clock AND seen_at > :since", clock=CLOCK, since=since):
        yield Condition(Kind.SCHEDULER_SILENT, CLOCK, None, {"seconds": str(int((now - since).total_seconds()))})


def _about_account(kind: Kind, row: Row[Any], account: object, **facts: str) -> Condition:
    return Condition(kind, str(account), row.workspace_id, {"provider": row.provider, **facts})

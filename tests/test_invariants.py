"""The questions about the ledger find what they are meant to find: a judge that finds nothing proves nothing."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core import clock
from core.db.ids import new_id
from tests import invariants
from tests.stack import named

Connection = psycopg.Connection[Any]
NOW = clock.now()


@pytest.fixture
def ledger(database: str, superuser_url: str) -> Iterator[Connection]:
    """The database of this test, past row security."""
    with psycopg.connect(named(superuser_url, database.rpartition("/")[2]), autocommit=True) as connection:
        yield connection


@pytest.fixture
def shop(ledger: Connection) -> dict[str, UUID]:
    """Three people, two accepted and one failed in a single call of 16.80 won; one was left out."""
    ids = {name: new_id() for name in ("workspace", "account", "campaign", "batch", "attempt")}
    statements = (
        "INSERT INTO workspaces (id, name, data_key, lookup_key, created_at) VALUES (%(workspace)s, '가게', '', '', now())",
        "INSERT INTO provider_accounts (id, workspace_id, provider, credentials, created_at)"
        " VALUES (%(account)s, %(workspace)s, 'aligo', '', now())",
        "INSERT INTO campaigns (id, workspace_id, name, purpose, state, created_at)"
        " VALUES (%(campaign)s, %(workspace)s, '가을', 'AD', 'DONE', now())",
        "INSERT INTO batches (id, workspace_id, campaign_id, first_contact, last_contact, contact_ids, states, reasons, state,"
        " due_at, attempt) VALUES (%(batch)s, %(workspace)s, %(campaign)s, 1, 3, '{1,2,3}', '\\x040506', '{\"2\": \"DEAD\"}', 3,"
        " now(), 1)",
        "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel, sender,"
        " positions, text_hashes, unit_price, started_at, outcome, reference, accepted, refused) VALUES (%(attempt)s,"
        " %(workspace)s, %(batch)s, %(campaign)s, 1, %(account)s, 'aligo', 'SMS', '0212345678', '{0,1,2}', '', 8.40, now(),"
        " 'ACCEPTED', '700', 2, 1)",
        "INSERT INTO provider_references (provider_account_id, reference, workspace_id, attempt_id)"
        " VALUES (%(account)s, '700', %(workspace)s, %(attempt)s)",
        "INSERT INTO exclusions (workspace_id, campaign_id, reason, contact_ids)"
        " VALUES (%(workspace)s, %(campaign)s, 'NO_CONSENT', '{4}')",
        "INSERT INTO campaign_counters (campaign_id, shard, workspace_id, selected, excluded, accepted, delivered, failed, cost)"
        " VALUES (%(campaign)s, 0, %(workspace)s, 4, 1, 1, 1, 0, 10), (%(campaign)s, 1, %(workspace)s, 0, 0, 0, 0, 1, 6.80)",
        "INSERT INTO campaign_reasons (campaign_id, bucket, reason, workspace_id, people)"
        " VALUES (%(campaign)s, 'failed', 'DEAD', %(workspace)s, 1), (%(campaign)s, 'excluded', 'NO_CONSENT', %(workspace)s, 1)",
        "INSERT INTO workspace_days (workspace_id, day, channel, shard, accepted, cost)"
        " VALUES (%(workspace)s, current_date, 'SMS', 0, 2, 16.80)",
    )
    for statement in statements:
        ledger.execute(statement, ids)
    return ids


def test_a_true_ledger_has_nothing_to_say(ledger: Connection, shop: dict[str, UUID]) -> None:
    assert invariants.violations(ledger, shop["campaign"]) == []
    assert invariants.days(ledger, shop["workspace"]) == []


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ("UPDATE campaign_counters SET accepted = 2 WHERE shard = 0", "not the sum of the buckets"),
        ("UPDATE campaign_counters SET accepted = 0, delivered = 2 WHERE shard = 0", "counter accepted says 0"),
        ("UPDATE campaign_counters SET cost = 11 WHERE shard = 0", "cost is 17.80"),
        ("UPDATE campaign_reasons SET people = 2 WHERE bucket = 'failed'", "reasons are counted"),
        ("UPDATE batches SET reasons = '{}'", "FAILED with reason None"),
        ("UPDATE batches SET contact_ids = '{1,2,4}'", "contact 4 stands in the plan 2 times"),
        ("UPDATE batches SET contact_ids = '{1,2}'", "has 2 people and 3 states"),
        ("UPDATE batches SET states = '\\x000506'", "stands in an accepted call and is PLANNED"),
        ("UPDATE batches SET state = 1", "is LEASED"),
        ("UPDATE attempts SET positions = '{0,2}'", "is DELIVERED and stands in no accepted call"),
        ("UPDATE attempts SET outcome = 'UNKNOWN'", "is UNKNOWN"),
        ("UPDATE attempts SET reference = '701'", "owns '700'"),
        ("DELETE FROM provider_references", "owns None"),
    ],
)
def test_every_lie_is_found(ledger: Connection, shop: dict[str, UUID], lie: str, said: str) -> None:
    ledger.execute(lie)  # type: ignore[arg-type]
    assert said in "\n".join(invariants.violations(ledger, shop["campaign"]))


def test_two_accepted_calls_for_one_person_are_found(ledger: Connection, shop: dict[str, UUID]) -> None:
    ledger.execute(
        "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel, sender,"
        " positions, text_hashes, unit_price, started_at, outcome, reference) SELECT %s, workspace_id, batch_id, campaign_id, 2,"
        " provider_account_id, provider, channel, sender, '{1}', '', 0, now(), 'ACCEPTED', '701' FROM attempts",
        [new_id()],
    )
    assert "position 1 stands in 2 accepted calls" in "\n".join(invariants.violations(ledger, shop["campaign"]))
    assert "2 accepted calls" not in "\n".join(invariants.violations(ledger, shop["campaign"], retried=True))


def test_a_day_that_was_counted_twice_is_found(ledger: Connection, shop: dict[str, UUID]) -> None:
    ledger.execute("UPDATE workspace_days SET accepted = 4, cost = 33.60")
    assert len(invariants.days(ledger, shop["workspace"])) == 1

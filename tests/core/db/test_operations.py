"""What the checklists read: sums over everything for the operator, over its own for a workspace; and what PostgreSQL says."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core import clock
from core.db import access, accounts, house, operations, upkeep
from core.db.ids import first_id, new_id
from core.db.session import Tx, database
from core.rules.checks.finding import Finding, State
from core.rules.checks.house import kept

DAY = timedelta(days=1)


@pytest.fixture
def shops(process: None) -> tuple[UUID, UUID]:
    """Two merchants; the second has sent twice as much."""
    with database().system() as tx:
        return accounts.create_workspace(tx, "봄"), accounts.create_workspace(tx, "가을")


def called(shop: UUID, at: datetime, *, taken: int, refused: int = 0, provider: str = "aligo", outcome: str = "ACCEPTED") -> None:
    with database().write(shop) as tx:
        tx.run(
            "INSERT INTO attempts (id, workspace_id, batch_id, campaign_id, number, provider_account_id, provider, channel,"
            " sender, positions, text_hashes, unit_price, started_at, finished_at, outcome, accepted, refused) VALUES (:id,"
            " :shop, :id, :id, 1, :id, :provider, 'SMS', '02', :positions, '', 8.4, :at, :at, :outcome, :taken, :refused)",
            id=UUID(int=first_id(at).int + new_id().int % 2**60),
            shop=shop,
            provider=provider,
            positions=list(range(taken + refused)),
            at=at,
            outcome=outcome,
            taken=taken if outcome == "ACCEPTED" else 0,
            refused=refused,
        )


def campaign(shop: UUID, state: str, *, launched: datetime, test: bool = False, **counters: int) -> None:
    made = UUID(int=first_id(launched).int + new_id().int % 2**60)
    with database().write(shop) as tx:
        tx.run(
            "INSERT INTO campaigns (id, workspace_id, name, purpose, state, launched_at, created_at, test)"
            " VALUES (:id, :shop, 'x', 'AD', :state, :at, :at, :test)",
            id=made,
            shop=shop,
            state=state,
            at=launched,
            test=test,
        )
        names = ", ".join(counters)
        tx.run(
            f"INSERT INTO campaign_counters (campaign_id, shard, workspace_id, {names})"
            f" VALUES (:id, 0, :shop, {', '.join(f':{name}' for name in counters)})",
            id=made,
            shop=shop,
            **counters,
        )


def day(shop: UUID, on: date, messages: int) -> None:
    with database().write(shop) as tx:
        tx.run(
            "INSERT INTO workspace_days (workspace_id, day, channel, shard, accepted, cost)"
            " VALUES (:shop, :on, 'SMS', 0, :n, :won)",
            shop=shop,
            on=on,
            n=messages,
            won=messages * Decimal("8.4"),
        )


def seen(shop: UUID, ask: Callable[[Tx], Any]) -> list[Any]:
    """By the operator, then by the shop."""
    with database().system() as all_of_them, database().read(shop) as own:
        return [ask(all_of_them), ask(own)]


def test_calls_of_a_day_by_way_without_rehearsals(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    for shop, times in zip(shops, (1, 2), strict=True):
        called(shop, now - timedelta(hours=1), taken=10 * times, refused=times)
        called(shop, now - timedelta(hours=1), taken=5, outcome="REFUSED")
        called(shop, now - timedelta(hours=25), taken=1000)
        called(shop, now, taken=7, provider="rehearsal")
    found = seen(shops[0], lambda tx: operations.handed(tx, now - DAY))
    told = [[(one.provider, one.channel, one.taken, one.refused) for one in each] for each in found]
    assert told == [[("aligo", "SMS", 30, 13)], [("aligo", "SMS", 10, 6)]]


def test_results_of_what_was_launched_and_all_that_is_unknown(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    for shop in shops:
        campaign(shop, "DONE", launched=now - timedelta(hours=2), delivered=8, failed=2)
        campaign(shop, "DONE", launched=now - timedelta(hours=2), test=True, delivered=100)
        campaign(shop, "PAUSED", launched=now - 9 * DAY, delivered=50, unknown=3)
    found = seen(shops[0], lambda tx: operations.results(tx, now - DAY))
    assert [(one.delivered, one.failed, one.unknown) for one in found] == [(16, 4, 6), (8, 2, 3)]


def test_a_week_beside_the_one_before(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    today = clock.kst(now).date()
    for shop in shops:
        day(shop, today, 5)
        day(shop, today - timedelta(days=6), 6)
        day(shop, today - timedelta(days=7), 70)
    with database().system() as tx:
        for subject, ago in (("bulk", 1), ("plan", 8), ("single", 15)):
            tx.run(
                "INSERT INTO incidents (id, kind, subject, opened_at) VALUES (:id, 'QUEUE_STUCK', :subject, :at)",
                id=new_id(),
                subject=subject,
                at=now - ago * DAY,
            )
    told = seen(shops[0], lambda tx: operations.week(tx, now))
    assert [(one.messages, one.messages_before, one.stuck, one.stuck_before) for one in told] == [(22, 140, 1, 1), (11, 70, 0, 0)]


def test_cost_by_call_is_cost_by_day(shops: tuple[UUID, UUID]) -> None:
    """I7 over a month: the two ways to know it."""
    begin = datetime(2026, 11, 1, tzinfo=clock.KST)
    noon = datetime(2026, 11, 25, 3, tzinfo=UTC)
    for shop in shops:
        called(shop, noon, taken=10, refused=3)
        called(shop, noon, taken=4, outcome="REFUSED")
        day(shop, date(2026, 11, 25), 10)
    with database().system() as tx:
        calls = operations.called(tx, begin, begin + 30 * DAY)
        assert [(channel, one.way, one.messages, one.won) for channel, one in calls] == [
            ("SMS", "aligo SMS", 20, Decimal("168.0"))
        ]
        days = operations.spent(tx, date(2026, 11, 1), date(2026, 11, 30))
        assert operations.by_channel(calls) == {one.way: one.won for one in days}


def test_usage_of_two_spans(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    campaign(shops[0], "DONE", launched=now - timedelta(hours=1), delivered=1)
    today = clock.kst(now).date()
    day(shops[0], today, 3)
    day(shops[1], today, 4)
    spans, days = [(now - DAY, now), (now - 9 * DAY, now - 8 * DAY)], [(today, today), (today - timedelta(days=9),) * 2]
    found = seen(shops[1], lambda tx: operations.usage(tx, spans, days))
    told = [{one.name: (one.now, one.before) for one in each} for each in found]
    assert told == [
        {"workspaces": (2, 0), "campaigns": (1, 0), "messages": (7, 0)},
        {"workspaces": (1, 0), "campaigns": (0, 0), "messages": (4, 0)},
    ]


def test_rights_keys_looks_and_signatures(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    begin = now - 20 * DAY
    with database().system() as tx:
        accounts.create_user(tx, shops[0], "a@example.com", "long-enough-1", "OWNER")
        gone = accounts.create_user(tx, shops[0], "b@example.com", "long-enough-1", "VIEWER")
        accounts.disable_user(tx, gone)
        fresh, _ = accounts.create_api_key(tx, shops[0], "fresh", "OWNER")
        old, _ = accounts.create_api_key(tx, shops[0], "old", "OWNER")
        revoked, _ = accounts.create_api_key(tx, shops[0], "revoked", "OWNER")
        tx.run("UPDATE api_keys SET created_at = :long_ago", long_ago=now - 100 * DAY)
        accounts.use_api_key(tx, fresh, now)
        accounts.use_api_key(tx, old, now - 91 * DAY)
        accounts.revoke_api_key(tx, revoked)
        for shop in shops:
            access.record(tx, shop, access.Access("user:x", "", "UnmaskContact"), now)
        access.record(tx, shops[0], access.Access("user:x", "", access.REVIEW, "2026-10"), now)
    told = seen(shops[0], lambda tx: operations.rights(tx, "2026-10", begin, now + DAY, now))
    assert [(one.roles, one.keys, one.unused_keys, one.looks, one.unsigned, one.without_owner) for one in told] == [
        ({"OWNER": 1}, 2, 1, {"UnmaskContact": 2}, 1, 1),
        ({"OWNER": 1}, 2, 1, {"UnmaskContact": 1}, 0, 0),
    ]


def test_a_key_is_noted_as_used_once_a_day(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    with database().system() as tx:
        key, _ = accounts.create_api_key(tx, shops[0], "orders", "OWNER")
        stamps = []
        for at in (now, now + timedelta(hours=23), now + timedelta(hours=25)):
            accounts.use_api_key(tx, key, at)
            stamps.append(tx.value("SELECT used_at FROM api_keys WHERE id = :key", key=key))
    assert stamps == [now, now, now + timedelta(hours=25)]


def test_owners_can_read_the_house_and_never_write_it(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    lines = [Finding("backup", "last", State.OK, "FRESH", "x", "", {"ended_at": now.isoformat()})]
    for _ in range(2):
        with database().system() as tx:
            house.record(tx, kept(lines, now))
    with database().read(shops[0]) as tx:
        assert [(one.check, one.reason, one.moment) for one in house.recorded(tx)] == [("backup", "FRESH", now)]
    with pytest.raises(Exception, match="permission denied"), database().write(shops[0]) as tx:
        house.record(tx, kept(lines, now))


def test_the_ledger_of_a_month_is_measured(shops: tuple[UUID, UUID]) -> None:
    now = clock.now()
    with database().owner() as tx:
        before = upkeep.growth(tx, now)
    for _ in range(200):
        called(shops[0], now, taken=500)
    with database().owner() as tx:
        after = upkeep.growth(tx, now)
    assert after.a_day > before.a_day
    assert after.size >= before.size > 1_000_000


def test_what_runs_too_long_is_seen_without_its_text(shops: tuple[UUID, UUID], environment: dict[str, str]) -> None:
    """One session works while another looks."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as working, ThreadPoolExecutor(1) as other:
        slow = other.submit(working.execute, "SELECT pg_sleep(60)")
        with database().owner() as looking:
            looking.run("SELECT pg_sleep(0.4)")
            assert 0.2 < upkeep.statements(looking).longest < 60
        working.cancel()
        assert isinstance(slow.exception(), psycopg.errors.QueryCanceled)


def test_without_statistics_it_says_so(shops: tuple[UUID, UUID]) -> None:
    with database().owner() as tx:
        found = upkeep.statements(tx)
    assert (found.statements, found.logged_from_ms) == (None, -1)

"""The months of the ledger: there before anything is inserted, and closed to every other workspace."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from core.db import partitions
from core.db.ids import first_id
from core.db.session import database as opened
from core.errors import Unavailable


def ensure(instant: datetime) -> list[str]:
    with opened().owner() as tx:
        return partitions.ensure(tx, instant)


def test_the_month_its_neighbour_and_two_ahead_are_made_once(process: None) -> None:
    made = ensure(datetime(2031, 11, 15, tzinfo=UTC))
    assert sorted({name[-7:] for name in made}) == ["2031_10", "2031_11", "2031_12", "2032_01"]
    assert len(made) == 4 * len(partitions.LEDGER)
    assert ensure(datetime(2031, 11, 15, tzinfo=UTC)) == []
    assert {name[-7:] for name in ensure(datetime(2031, 12, 1, tzinfo=UTC))} == {"2032_02"}


def test_several_at_once_make_each_month_once(process: None) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(ensure, [datetime(2033, 5, 31, 23, 59, tzinfo=UTC)] * 4))
    assert sorted(map(len, made)) == [0, 0, 0, 4 * len(partitions.LEDGER)]


@pytest.mark.parametrize("moment", [datetime(2034, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC), datetime(2034, 2, 1, tzinfo=UTC)])
def test_the_last_and_the_first_moment_of_a_month_find_their_place(process: None, moment: datetime) -> None:
    from core.db import accounts

    ensure(datetime(2034, 1, 31, tzinfo=UTC))
    with opened().system() as tx:
        workspace = accounts.create_workspace(tx, "가게")
    with opened().write(workspace) as tx:
        tx.run(
            "INSERT INTO receipts (id, workspace_id, batch_id, attempt_id, positions, states, received_at)"
            " VALUES (:id, :w, :id, :id, '{0}', '\\x05', now())",
            id=first_id(moment),
            w=workspace,
        )
        where = tx.value("SELECT tableoid::regclass::text FROM receipts")
    assert where == f"receipts_{moment:%Y_%m}"


def test_a_new_month_lets_nobody_look_past_its_workspace(process: None) -> None:
    ensure(datetime(2035, 1, 1, tzinfo=UTC))
    with opened().owner() as tx:
        rows = tx.rows(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname LIKE '%_2035_01' AND relkind = 'r'"
        )
    assert len(rows) == len(partitions.LEDGER) and all(row.relrowsecurity and row.relforcerowsecurity for row in rows)


def test_a_freshly_migrated_database_has_this_month(process: None) -> None:
    now = datetime.now(UTC)
    with opened().owner() as tx:
        for month in (now, now + timedelta(days=27)):
            assert tx.value("SELECT to_regclass(:name)", name=f"batches_{month:%Y_%m}") is not None


def test_a_long_report_neither_holds_up_the_new_month_nor_is_held_up(process: None, database: str) -> None:
    """Whoever reads the ledger for an hour, the turn of the month comes; the new months are as the ledger is."""
    with psycopg.connect(database) as report:
        report.execute("SELECT count(*) FROM batches, attempts, receipts, direct_messages, events, access_log")
        assert len(ensure(datetime(2036, 5, 5, tzinfo=UTC))) == 4 * len(partitions.LEDGER)
        report.execute("SELECT count(*) FROM batches")
        for table in partitions.LEDGER:
            [parents, children] = [
                report.execute("SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass", (name,)).fetchone()
                for name in (table, f"{table}_2036_05")
            ]
            assert parents == children, table
        storage = "SELECT attstorage FROM pg_attribute WHERE attrelid = 'batches_2036_05'::regclass AND attname = 'contact_ids'"
        assert report.execute(storage).fetchone() == ("e",)


def test_an_old_month_that_is_being_read_stays_until_the_next_hour(process: None, database: str) -> None:
    ensure(datetime(2020, 3, 3, tzinfo=UTC))
    limit = datetime(2020, 4, 1, tzinfo=UTC)

    def drop() -> list[str]:
        with opened().owner() as tx:
            return partitions.drop(tx, "attempts", limit)

    with psycopg.connect(database) as report:
        report.execute("SELECT count(*) FROM attempts")
        with pytest.raises(Unavailable):
            drop()
    assert sorted(drop()) == ["attempts_2020_02", "attempts_2020_03"]

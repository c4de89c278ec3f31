"""Statements straight on the driver: the same transaction, the same scope, the same failure, and counted like the others."""

import contextlib
import os
import socket
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from prometheus_client import REGISTRY

from core.db import driver, trips
from core.db.ids import new_id
from core.db.session import database
from core.errors import Unavailable

ADD = "INSERT INTO sender_numbers (id, workspace_id, number, created_at) VALUES (:id, :workspace, :number, now())"


@pytest.fixture(autouse=True)
def here(process: None) -> None:
    """This process has a database."""


def opened() -> UUID:
    workspace = new_id()
    with database().write(workspace) as tx:
        tx.run(
            "INSERT INTO workspaces (id, name, data_key, lookup_key, created_at) VALUES (:id, '가게', '', '', now())",
            id=workspace,
        )
    return workspace


def test_it_shares_the_transaction_and_what_is_rolled_back_is_gone() -> None:
    workspace = opened()
    with pytest.raises(ZeroDivisionError), database().write(workspace) as tx:
        assert driver.run(tx, ADD, id=new_id(), workspace=workspace, number="02") == 1
        assert tx.value("SELECT count(*) FROM sender_numbers") == 1
        raise ZeroDivisionError
    with database().write(workspace) as tx:
        assert driver.row(tx, "SELECT id FROM sender_numbers") is None


def test_it_sees_its_own_workspace_only() -> None:
    mine, other = opened(), opened()
    with database().write(mine) as tx:
        driver.run(tx, ADD, id=new_id(), workspace=mine, number="02")
    with database().write(other) as tx:
        assert driver.tuples(tx, "SELECT number FROM sender_numbers") == []
    with database().write(mine) as tx:
        assert driver.tuples(tx, "SELECT number FROM sender_numbers") == [("02",)]


def test_names_are_parameters_and_casts_and_percent_signs_are_not() -> None:
    with database().write(opened()) as tx:
        found = driver.row(tx, "SELECT :text::text LIKE '50%' AS is_half, :number::int % 7 AS rest", text="50% 할인", number=9)
    assert (found.is_half, found.rest) == (True, 2)


def test_a_lost_connection_is_unavailable_and_the_next_transaction_works(superuser_url: str) -> None:
    workspace = opened()
    with pytest.raises(Unavailable), database().write(workspace) as tx:
        with psycopg.connect(superuser_url, autocommit=True) as hostile:
            hostile.execute("SELECT pg_terminate_backend(%s, 5000)", [driver.row(tx, "SELECT pg_backend_pid() AS pid").pid])
        driver.run(tx, "SELECT 1")
    with database().write(workspace) as tx:
        assert driver.row(tx, "SELECT 1 AS one").one == 1


# Not SHUT_RD alone: the question still leaves, and an answer that is quick enough is still read, rightly.
@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR])
def test_a_wire_that_is_cut_is_noticed_whichever_way(how: int) -> None:
    workspace = opened()
    with pytest.raises(Unavailable), database().write(workspace) as tx:
        driver.run(tx, "SELECT 1")
        connection: Any = tx.connection.connection.driver_connection
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
            wire.shutdown(how)
        driver.later(tx, "SELECT 1")
        driver.run(tx, "SELECT 2")
    with database().write(workspace) as tx:
        assert driver.row(tx, "SELECT 1 AS one").one == 1


def counted() -> float:
    return REGISTRY.get_sample_value("jeondan_db_round_trips_total") or 0.0


def test_every_statement_is_a_round_trip_and_the_beginning_goes_with_the_first() -> None:
    workspace, before = opened(), counted()
    with database().write(workspace) as tx:
        driver.run(tx, "SELECT 1")
        assert counted() == before + 1
        driver.row(tx, "SELECT 1 AS one")
        driver.tuples(tx, "SELECT 1")
        assert counted() == before + 3
    assert counted() == before + 4  # the commit


def test_what_nobody_waits_for_goes_with_the_next_statement_or_with_the_commit() -> None:
    workspace, before = opened(), counted()
    with database().write(workspace) as tx:
        driver.later(tx, ADD, id=new_id(), workspace=workspace, number="02")
        driver.later(tx, ADD, id=new_id(), workspace=workspace, number="031")
        assert driver.tuples(tx, "SELECT number FROM sender_numbers ORDER BY number") == [("02",), ("031",)]
        driver.later(tx, "DELETE FROM sender_numbers WHERE number = :number", number="02")
    assert counted() == before + 2
    with database().write(workspace) as tx:
        assert driver.tuples(tx, "SELECT number FROM sender_numbers") == [("031",)]


def test_it_keeps_its_order_with_what_goes_the_other_way() -> None:
    workspace = opened()
    with database().write(workspace) as tx:
        driver.later(tx, ADD, id=new_id(), workspace=workspace, number="02")
        assert tx.value("SELECT count(*) FROM sender_numbers") == 1
        driver.later(tx, "DELETE FROM sender_numbers")
        assert tx.run("UPDATE sender_numbers SET number = '1'") == 0


def test_a_transaction_in_which_nothing_is_asked_never_was() -> None:
    workspace, before = opened(), counted()
    with database().write(workspace):
        pass
    assert counted() == before


def test_what_fails_at_the_commit_leaves_nothing_and_a_connection_that_works() -> None:
    workspace, same = opened(), new_id()
    with pytest.raises(psycopg.errors.UniqueViolation), database().write(workspace) as tx:
        driver.later(tx, ADD, id=same, workspace=workspace, number="02")
        driver.later(tx, ADD, id=same, workspace=workspace, number="031")
        driver.later(tx, ADD, id=new_id(), workspace=workspace, number="032")
    with database().write(workspace) as tx:
        assert driver.tuples(tx, "SELECT number FROM sender_numbers") == []


def test_what_is_prepared_survives_what_the_library_forgets() -> None:
    """After a rollback it deallocates everything, if it had prepared something itself."""
    workspace = opened()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), database().write(workspace) as tx:
            for _ in range(7):
                tx.value("SELECT 1")
            assert driver.row(tx, "SELECT :given::text AS given", given="a").given == "a"
            raise ZeroDivisionError
    with database().owner() as tx:
        tx.run("CREATE TABLE to_be_dropped (id INT)")
        tx.run("DROP TABLE to_be_dropped")
        assert driver.row(tx, "SELECT :given::text AS given", given="b").given == "b"


def test_what_cannot_be_written_is_refused_before_anything_is_sent() -> None:
    workspace = opened()
    with pytest.raises(psycopg.ProgrammingError), database().write(workspace) as tx:
        driver.run(tx, "SELECT :thing", thing=object())
    with database().write(workspace) as tx:
        assert driver.row(tx, "SELECT 1 AS one").one == 1


def test_who_goes_on_after_such_a_refusal_asks_nothing_outside_the_scope() -> None:
    with pytest.raises(psycopg.ProgrammingError), database().write(opened()) as tx:
        with contextlib.suppress(psycopg.ProgrammingError):
            driver.run(tx, "SELECT :thing", thing=object())
        tx.value("SELECT count(*) FROM sender_numbers")


def test_values_come_back_as_they_went() -> None:
    given = {
        "nothing": None,
        "number": 2**40,
        "won": Decimal("8.40"),
        "moment": datetime(2026, 3, 2, 11, 59, 59, 999999, tzinfo=UTC),
        "sealed": bytes(range(256)),
        "identifier": new_id(),
        "words": ["가", "", 'a"b,{}'],
        "yes": True,
    }
    types = {"nothing": "text", "won": "numeric", "moment": "timestamptz", "words": "text[]"}
    columns = ", ".join(f":{name}{f'::{types[name]}' if name in types else ''} AS {name}" for name in given)
    with database().write(opened()) as tx:
        assert driver.row(tx, f"SELECT {columns}", **given)._asdict() == given


def test_more_kinds_of_statements_than_are_prepared_work_all_the_same() -> None:
    with database().write(opened()) as tx:
        for number in range(trips.MOST_PREPARED + 5):
            assert driver.row(tx, f"SELECT :given::int + {number} AS sum", given=1).sum == number + 1


def test_what_was_prepared_before_a_failure_is_prepared_once() -> None:
    workspace, same = opened(), new_id()

    def statements() -> int:
        with database().write(workspace) as tx:
            return int(driver.row(tx, "SELECT count(*) AS all FROM pg_prepared_statements WHERE name LIKE 'jeondan_%'").all)

    counts = []
    for _ in range(3):
        with pytest.raises(psycopg.errors.UniqueViolation), database().write(workspace) as tx:
            for _ in range(2):
                driver.later(tx, ADD, id=same, workspace=workspace, number="02")
        counts.append(statements())
    assert counts[0] == counts[1] == counts[2]

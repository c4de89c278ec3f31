"""Statements straight on the driver: the same transaction, the same scope, the same failure, and counted like the others."""

from uuid import UUID

import psycopg
import pytest
from prometheus_client import REGISTRY

from core.db import driver
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


def test_every_statement_counts_as_a_round_trip() -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("jeondan_db_round_trips_total") or 0.0

    with database().write(opened()) as tx:
        before = counted()
        driver.run(tx, "SELECT 1")
        driver.row(tx, "SELECT 1 AS one")
        driver.tuples(tx, "SELECT 1")
        assert counted() == before + 3

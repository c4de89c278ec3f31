"""Stored answers: one per workspace, method and request_id; kept until swept away."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from core.db import requests
from core.db.ids import new_id
from core.db.requests import Key, Stored
from core.db.session import database

pytestmark = pytest.mark.usefixtures("process")

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


def test_the_first_one_works_and_the_second_gets_its_answer() -> None:
    key = Key(new_id(), "CreateProduct", uuid4())
    with database().write(key.workspace) as tx:
        assert requests.claim(tx, key, b"hash", NOW) is None
        requests.answer(tx, key, b"answer")
    with database().write(key.workspace) as tx:
        assert requests.claim(tx, key, b"other hash", NOW) == Stored(b"hash", b"answer")


def test_method_and_workspace_belong_to_the_key() -> None:
    key = Key(new_id(), "CreateProduct", uuid4())
    for other in [key, Key(key.workspace, "CreateFlyer", key.request_id), Key(new_id(), key.method, key.request_id)]:
        with database().write(other.workspace) as tx:
            assert requests.claim(tx, other, b"hash", NOW) is None


def test_what_was_rolled_back_was_never_claimed() -> None:
    key = Key(new_id(), "CreateProduct", uuid4())
    with pytest.raises(ZeroDivisionError), database().write(key.workspace) as tx:
        requests.claim(tx, key, b"hash", NOW)
        raise ZeroDivisionError
    with database().write(key.workspace) as tx:
        assert requests.claim(tx, key, b"hash", NOW) is None


def test_old_answers_are_forgotten() -> None:
    key = Key(new_id(), "CreateProduct", uuid4())
    with database().write(key.workspace) as tx:
        requests.claim(tx, key, b"hash", NOW)
    with database().system() as tx:
        assert requests.forget(tx, NOW) == 0
        assert requests.forget(tx, NOW + timedelta(seconds=1)) == 1

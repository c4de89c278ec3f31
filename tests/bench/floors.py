"""The floors: the best loops one would write with the product's own parts, without a ledger and without any check.

bare    bodies that were written before the clock started, posted
render  numbers and names in memory in clear; the text written, the form encoded, posted
sealed  contacts read from PostgreSQL by their range (binary, prepared, one session), numbers decrypted, then as render
"""

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import psycopg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.db import accounts
from core.db.session import database
from core.rules.personalise import Body, parse
from tests.bench.ground import BODY, SENDER
from tests.bench.hands import SIZE, Task, Turn
from workers import forms, http

BODIES = 40
_READ = "SELECT phone_sealed, name FROM contacts WHERE id BETWEEN %s AND %s ORDER BY id"

Pair = tuple[str, str]  # number, name


def bare(task: Task) -> Callable[[], Turn]:
    """A few prepared bodies per process, posted again and again; the last one as short as it should be."""
    people, body = read_all(task), parse(BODY)
    full = [encode(body, people[at : at + SIZE]) for at in range(0, min(len(people), BODIES * SIZE), SIZE)]
    last = encode(body, people[(task.batches - 1) * SIZE :])

    def turn(batch: int) -> None:
        post(last if batch == task.batches - 1 else full[batch % len(full)])

    return lambda: turn


def render(task: Task) -> Callable[[], Turn]:
    """From clear numbers and names."""
    people, body = read_all(task), parse(BODY)

    def turn(batch: int) -> None:
        post(encode(body, people[batch * SIZE : (batch + 1) * SIZE]))

    return lambda: turn


def sealed(task: Task) -> Callable[[], Turn]:
    """From the database; one connection per thread."""
    body, unseal = parse(BODY), opener(task.workspace)

    def make() -> Turn:
        connection = connect(task.workspace)

        def turn(batch: int) -> None:
            ids = task.ids(batch)
            rows = connection.execute(_READ, (ids[0], ids[-1]), prepare=True, binary=True).fetchall()
            post(encode(body, opened(rows, unseal)))

        return turn

    return make


def connect(workspace: UUID) -> psycopg.Connection[Any]:
    """A session that sees one workspace for good."""
    connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    connection.execute("SET ROLE jeondan_app")
    connection.execute("SELECT set_config('jeondan.workspace', %s, false)", [str(workspace)])
    return connection


def opener(workspace: UUID) -> Callable[[bytes], bytes]:
    """How this workspace's numbers are decrypted."""
    with database().read(workspace) as tx:
        decrypt = AESGCM(accounts.keys(tx, workspace).data).decrypt
    return lambda box: decrypt(box[:12], box[12:], None)


def opened(rows: Iterable[Any], unseal: Callable[[bytes], bytes]) -> list[Pair]:
    """Rows (sealed number, name) in clear."""
    return [(unseal(box).decode(), name) for box, name in rows]


def read_all(task: Task) -> list[Pair]:
    """Everybody in clear."""
    with connect(task.workspace) as connection:
        rows = connection.execute(_READ, (task.first, task.first + task.recipients - 1), binary=True).fetchall()
    return opened(rows, opener(task.workspace))


def encode(body: Body, people: Sequence[Pair]) -> tuple[bytes, str]:
    """The form of one call."""
    fields = [("key", "bench-key"), ("user_id", "bench"), ("sender", SENDER), ("msg_type", "SMS"), ("cnt", str(len(people)))]
    for number, (receiver, name) in enumerate(people, 1):
        fields += ((f"rec_{number}", receiver), (f"msg_{number}", body.render((name,))))
    return forms.multipart(fields)


def post(form: tuple[bytes, str]) -> str:
    """Hand it over; the provider's reference."""
    answer = http.post(os.environ["ALIGO_SMS_URL"] + "/send_mass/", *form, timeout=http.SEND)
    found = json.loads(answer.body)
    if str(found["result_code"]) != "1":
        raise RuntimeError("refused")
    return str(found["msg_id"])


LOOPS = {"bare": bare, "render": render, "sealed": sealed}

"""What the benchmark stands on: an embedded stack with durable settings, the fast provider, a workspace full of contacts."""

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from core import clock, settings
from core.db import accounts, migrate, session
from core.db.ids import new_id
from core.db.session import database
from deploy.local import children
from deploy.local.child import Program
from deploy.local.guardian import ROOT
from deploy.local.ports import answers
from deploy.local.stack import Stack
from tests import stack as parts

BODY = "(광고)[봄날커피] #{이름|고객}님, 원두 20% 할인\n무료거부0801234567"
SENDER, PRICE = "0212345678", "8.40"
WORKERS = ("worker-single", "worker-bulk-1", "worker-bulk-2", "worker-plan")
_SURNAMES = "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남"
_SYLLABLES = (
    "가강경규나다대도동란리림문미민범별보상새서선성소수숙순승시아연영예온용우원유윤은"
    "의이인재정주준지진창채철초태하한해현형혜호화환효훈희"
)


@dataclass(frozen=True)
class Ground:
    """Where everything is. The contacts `first` ... `first + recipients - 1` may get the advertisement, `left_out` others not."""

    stack: Stack
    workspace: UUID
    account: UUID
    sender: UUID
    recipients: int
    left_out: int
    first: int

    @property
    def superuser_url(self) -> str:
        """The product's database as a superuser, for looking only."""
        return parts.named(parts.postgres(self.stack).superuser_url, "jeondan")

    def provider(self, path: str) -> Any:
        """Ask the fast provider about itself."""
        with urllib.request.urlopen(f"{os.environ['ALIGO_SMS_URL']}/{path}", b"", timeout=60) as answer:
            return json.loads(answer.read())


@contextmanager
def prepared(recipients: int, latency_ms: float) -> Iterator[Ground]:
    """Everything up, contacts inserted, PostgreSQL settled; nothing left afterwards."""
    # No pictures are sent, so no object storage is started.
    given = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    extra = {"ALIGO_TESTMODE": "N", "CLOCK_OFFSET_SECONDS": str(_until_noon())}
    if threads := os.environ.get("BENCH_THREADS"):
        extra["WORKER_THREADS"] = threads
    with parts.folder() as var, Stack(var, environment=given, extra=extra) as stack:
        os.environ.update(stack.environment())
        settings.load()
        migrate.upgrade(settings.load().database_url)
        stack.supervisor.start([_provider(stack, latency_ms)])
        ground = _open(stack, recipients)
        workers = [program for program in children.workers(stack) if program.name in WORKERS]
        stack.supervisor.start([*workers, *children.server(stack)])
        yield ground
        session.database().dispose()


def _until_noon() -> int:
    """Seconds to shift the product's clock to noon in Korea: an advertisement must be allowed to leave."""
    now = clock.kst(clock.now())
    return int((now.replace(hour=12, minute=0) - now).total_seconds())


def _provider(stack: Stack, latency_ms: float) -> Program:
    port = stack.port("SANDBOX_PORT")
    command = children.python("tests.bench.provider", str(port), str(latency_ms))
    return Program("provider", command, children.environment(stack), ready=lambda: answers(port), rank=1, folder=ROOT)


def _open(stack: Stack, recipients: int) -> Ground:
    workspace = new_id()
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "봄날커피", optout_number="0801234567", workspace=workspace)
        account = accounts.add_provider_account(
            tx, workspace, "aligo", {"key": "bench-key", "user_id": "bench"}, poll_seconds=[86400], certificate="BENCH-1"
        )
        sender = accounts.add_sender_number(tx, workspace, SENDER)
        tx.run("UPDATE provider_accounts SET most_calls = 64, calls_per_second = 10000")  # a provider without limits
        keys = accounts.keys(tx, workspace)
    left_out = max(2, recipients // 50)
    with psycopg.connect(parts.named(parts.postgres(stack).superuser_url, "jeondan"), autocommit=True) as connection:
        first = _insert(connection, workspace, keys, recipients, left_out)
        _settle(connection)
    return Ground(stack, workspace, account, sender, recipients, left_out, first)


def _insert(connection: psycopg.Connection[Any], workspace: UUID, keys: Any, recipients: int, left_out: int) -> int:
    """Contacts in order; of those left out one half has opted out, the other never agreed. The first contact's id."""
    seal, now = keys.sealer(), clock.now() - timedelta(days=1)
    columns = "workspace_id, phone_sealed, phone_hash, name, ad_consent, consent_at, consent_source, created_at, updated_at"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY contacts ({columns}) FROM STDIN") as copy:
            for at in range(recipients + left_out):
                number, agreed = f"010{at:08d}", at < recipients + left_out // 2
                copy.write_row((workspace, seal(number), keys.lookup(number), _name(at), agreed, now, "매장", now, now))
        cursor.execute("SELECT min(id) FROM contacts WHERE workspace_id = %s", [workspace])
        [(first,)] = cursor.fetchall()
        # Also numbers that are nobody's contact: the table to look them up in has a size.
        with cursor.copy("COPY suppressions (id, workspace_id, phone_hash, phone_sealed, source, created_at) FROM STDIN") as copy:
            for at in [*range(recipients, recipients + left_out // 2), *range(10**7, 10**7 + left_out)]:
                number = f"010{at:08d}"
                copy.write_row((new_id(), workspace, keys.lookup(number), seal(number), "MANUAL", now))
    return int(first)


def _name(at: int) -> str:
    """As various as real names: some 70,000 different ones, in no order."""
    mixed = at * 2654435761 % 2**32
    kinds = len(_SYLLABLES)
    return _SURNAMES[mixed % len(_SURNAMES)] + _SYLLABLES[mixed // 31 % kinds] + _SYLLABLES[mixed // 31 // kinds % kinds]


def _settle(connection: psycopg.Connection[Any]) -> None:
    """No checkpoint and no vacuum of the contacts inside a measurement; fsync and synchronous commit stay as they are."""
    for setting in ("max_wal_size = '16GB'", "checkpoint_timeout = '1h'"):
        connection.execute(f"ALTER SYSTEM SET {setting}")
    connection.execute("SELECT pg_reload_conf()")
    connection.execute("VACUUM (ANALYZE) contacts")
    connection.execute("VACUUM (ANALYZE) suppressions")
    connection.execute("CHECKPOINT")

"""The restore drill: a real campaign, a deletion by mistake while another one runs, and the way back to the second before.

The provider's own log is the judge: nobody gets a message twice. Whoever said no gets none, the erased stay erased.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyrage

from core import clock
from deploy.backup import basebackup, checks, dump, hold, restore, role, wal
from deploy.backup.settings import Settings
from deploy.backup.store import Store
from deploy.local import demo
from deploy.local.client import Client
from deploy.local.product import Product, start_product
from tests import invariants
from tests import stack as parts
from tests.archiving import archiving
from tests.faults.ground import SMALL_BATCHES

BODY = "{name} #{{이름|고객}}님 원두 20% 할인"
PATIENCE = 120.0
LOST = ("products", "consents")  # what is deleted by mistake


@dataclass
class Outcome:
    """What the drill found; `wrong` is empty when all is well."""

    report: restore.Report | None = None
    facts: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, what: str, holds: bool) -> None:
        """One thing that must be so."""
        if not holds:
            self.wrong.append(what)


@dataclass
class Drill:
    """One product on one data directory, its backups, and what must come back."""

    var: Path
    people: int
    say: Callable[[str], object]
    outcome: Outcome = field(default_factory=Outcome)
    secret: Any = field(default_factory=pyrage.x25519.Identity.generate)

    def run(self) -> Outcome:
        """Everything, in order."""
        extra = {"CLOCK_OFFSET_SECONDS": str(int(_day().total_seconds())), "RATE_LIMIT": "600000/minute"}
        with start_product(self.var, environment={}, quiet=True, extra=extra) as product:
            self._before(product)
        self._lose()
        self._restore()
        with start_product(self.var, environment={}, quiet=True, extra=extra) as product:
            self._after(product)
        return self.outcome

    # before

    def _before(self, product: Product) -> None:
        postgres = parts.postgres(product.stack)
        role.make(postgres.superuser_url, "jeondan", "drill-password")
        told = product.environment
        names = ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        url = f"postgresql://{role.NAME}:drill-password@127.0.0.1:{postgres.port}/jeondan"
        keys = {"backup_key": str(self.secret.to_public()), "backup_identity": str(self.secret)}
        self.settings = Settings(backup_database_url=url, **keys, **{name.lower(): told[name] for name in names})
        store = Store(self.settings)
        store.prepare()
        with archiving(self.settings, store, self.var / "spool", self.say):
            client = self._merchant(product)
            with psycopg.connect(self._superuser(product), autocommit=True) as connection:
                connection.execute(SMALL_BATCHES)
                connection.execute("UPDATE provider_accounts SET calls_per_second = 3")  # slow enough for an accident in between
            self.first = self._campaign(client, "첫째")
            self._until(
                product, self.first, lambda found: found["accepted"] + found["delivered"] + found["failed"] > 0 and _over(found)
            )
            self._step("기본 백업", lambda: basebackup.take(self.settings, store))
            self._step("덤프", lambda: dump.take(self.settings, store))
            self.second = self._campaign(client, "둘째 by 10")
            self._until(product, self.second, lambda found: _left(found) >= self.people // 5)
            self._accident(product)
            self._meanwhile(product, client)

    def _accident(self, product: Product) -> None:
        with psycopg.connect(self._superuser(product), autocommit=True) as connection:
            self.counted = {name: count for name, count in checks.counts(connection).items() if name.split(".")[1] in LOST}
            self.to = datetime.now(UTC)
            self.left_then = _left(self._counters(product, self.second))
            time.sleep(1.0)
            for name in LOST:
                connection.execute(f"DELETE FROM {name}")
        self.say(f"사고: {', '.join(LOST)} 를 지움. 복구할 시각 {self.to:%H:%M:%S.%f}")

    def _meanwhile(self, product: Product, client: Client) -> None:
        """Nobody has noticed yet: messages go on, somebody says no, somebody is erased."""
        aim = self.left_then + self.people // 10
        self._until(product, self.second, lambda found: _left(found) >= aim)
        with psycopg.connect(self._superuser(product), autocommit=True) as connection:
            query = (
                "SELECT c.id::text FROM batches b CROSS JOIN LATERAL unnest(b.contact_ids) u(id) JOIN contacts c ON c.id = u.id"
                " WHERE b.campaign_id = %s AND b.state = 0 ORDER BY b.due_at DESC LIMIT 2"
            )
            self.refuser, self.erased = [row[0] for row in connection.execute(query, [self.second]).fetchall()]
            sealed = "SELECT phone_hash FROM contacts WHERE id = %s"
            self.hashes = [connection.execute(sealed, [one]).fetchone()[0] for one in (self.refuser, self.erased)]  # type: ignore[index]
        client.post(f"contacts/{self.refuser}:withdrawConsent", {})
        made = client.post("privacyRequests", {"contactId": self.erased, "kind": "KIND_ERASE", "note": "전화"})["privacyRequest"]
        client.post(f"privacyRequests/{made['id']}:decide", {"answer": "지웠습니다"})
        with psycopg.connect(self._superuser(product), autocommit=True) as connection:
            hold.begin(connection, None)  # now it is noticed: the first thing is that nothing more leaves
        time.sleep(wal.EVERY)
        self.left_at_the_end = _left(self._counters(product, self.second))

    # the loss and the way back

    def _lose(self) -> None:
        (data,) = self.var.glob("pg*")
        self.data = data
        data.rename(self.var / "lost")
        shutil.rmtree(self.var / "lost")
        shutil.rmtree(self.var / "valkey", ignore_errors=True)
        self.say("서버를 잃음: 데이터베이스와 Redis 의 파일이 없음")

    def _restore(self) -> None:
        from deploy.local.stack import Stack

        given = {"DATABASE_URL": "unused", "REDIS_URL": "unused"}  # only the bucket is left
        with Stack(self.var, environment=given) as left:
            endpoint = left.environment()["AWS_ENDPOINT_URL_S3"]
            settings = self.settings.model_copy(update={"aws_endpoint_url_s3": endpoint})
            wish = restore.Wish(self.var / "restored" / "pg", self.to)
            self.outcome.report = restore.restore(settings, Store(settings), wish, self.say)
        self.outcome.report.data.rename(self.data)

    # after

    def _after(self, product: Product) -> None:
        expect = self.outcome.expect
        with psycopg.connect(self._superuser(product), autocommit=True) as connection:
            now = checks.counts(connection)
            apart = connection.execute("SELECT count(*) FROM apart.records WHERE kind = 'consents'").fetchone()
            now["public.consents"] += apart[0] if apart else 0  # the scheduler has erased the erased again already
            came_back = all(now[name] == count for name, count in self.counted.items())
            expect(f"지운 행이 돌아왔다: {self.counted}", came_back)
            for one in checks.ask(connection):
                self.say(one.line)
                expect(one.name, not one.wrong)
        before = self._sandbox(product)["accepted_messages"]
        time.sleep(6)  # three rounds of the sweeper
        expect("멈춘 동안 아무것도 나가지 않았다", self._sandbox(product)["accepted_messages"] == before)
        self.outcome.facts["사고 뒤에 나간 메시지"] = str(self.left_at_the_end - self.left_then)
        self._step("비교와 풀기", lambda: product.task("restored", "workers.restored", "free"))
        self.say(product.log("restored").read_text().strip())
        self._until(product, self.second, _over)
        expect("두 번 받은 사람이 없다", self._sandbox(product)["duplicates"] == 0)
        with psycopg.connect(self._superuser(product), autocommit=True) as connection:
            for campaign in (self.first, self.second):
                self.outcome.wrong += invariants.violations(connection, campaign)
            refused = "SELECT count(*) FROM suppressions WHERE phone_hash = ANY(%s) AND lifted_at IS NULL"
            expect("그 사이의 거부가 남았다", connection.execute(refused, [self.hashes]).fetchone() == (2,))
            gone = "SELECT count(*) FROM contacts WHERE id = %s"
            expect("그 사이에 지운 사람이 없다", connection.execute(gone, [self.erased]).fetchone() == (0,))
            reasons = "SELECT bucket, reason, people FROM campaign_reasons WHERE campaign_id = %s AND people > 0"
            self.outcome.facts["둘째 캠페인의 제외"] = str(connection.execute(reasons, [self.second]).fetchall())

    # hands

    def _merchant(self, product: Product) -> Client:
        login = json.loads((self.var / "demo-login.json").read_text())
        client = Client(product.gateway_url, login["api_key"])
        (self.var / "demo").mkdir(exist_ok=True)
        demo.import_customers(client, self.var, self.people, "훈련")
        demo.add_product(client, json.loads((demo.SAMPLE / "catalog.json").read_text())["products"][0])
        return client

    def _campaign(self, client: Client, name: str, **more: Any) -> str:
        sender = client.get("senderNumbers")["senderNumbers"][0]["id"]
        draft = {"name": name, "purpose": "PURPOSE_AD", "body": BODY.format(name=name), "senderNumberId": sender, **more}
        made = client.post("campaigns", {**draft, "audience": {"anyTags": ["훈련"]}})["campaign"]
        client.post(f"campaigns/{made['id']}:launch", {"etag": made["etag"]})
        return str(made["id"])

    def _counters(self, product: Product, campaign: str) -> dict[str, Any]:
        names = ", ".join(f"coalesce(sum({name}), 0)::int AS {name}" for name in invariants.BUCKETS)
        query = f"SELECT c.state, c.planned AS is_planned, {names.replace('(planned)', '(k.planned)')} FROM campaigns c"
        query += " LEFT JOIN campaign_counters k ON k.campaign_id = c.id WHERE c.id = %s GROUP BY c.id"
        with psycopg.connect(self._superuser(product), row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query, [campaign]).fetchone() or {}

    def _until(self, product: Product, campaign: str, true: Callable[[dict[str, Any]], bool]) -> None:
        limit = time.monotonic() + PATIENCE
        while not true(found := self._counters(product, campaign)):
            if time.monotonic() > limit:
                raise TimeoutError(f"campaign did not get there: {found}")
            time.sleep(0.2)

    def _sandbox(self, product: Product) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{product.sandbox_url}/__sandbox/stats").json()
        return found

    def _superuser(self, product: Product) -> str:
        return parts.named(parts.postgres(product.stack).superuser_url, "jeondan")

    def _step(self, name: str, work: Callable[[], object]) -> None:
        began = time.monotonic()
        work()
        self.outcome.facts[name] = f"{time.monotonic() - began:.1f}초"
        self.say(f"{name}: {self.outcome.facts[name]}")


def _left(found: dict[str, Any]) -> int:
    return int(found["accepted"] + found["delivered"] + found["failed"])


def _over(found: dict[str, Any]) -> bool:
    waiting = found["planned"] + found["held"] + found["claimed"] + found["unknown"]
    return bool(found["is_planned"]) and waiting == 0


def _day() -> timedelta:
    """To a time of day at which advertising may leave, never backwards: what is after the restored moment stays after it."""
    offset = demo.daytime_offset(clock.now())
    return offset + timedelta(days=1) if offset < timedelta(0) else offset

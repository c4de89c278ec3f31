"""A merchant for engine tests: workspace, keys, a sandbox provider account, customers and a launched campaign."""

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from core import clock
from core.db import accounts, campaigns
from core.db.ids import new_id
from core.db.session import database
from core.db.tables import BUCKETS
from core.rules.channel import Channel
from core.rules.routing import Route
from core.rules.states import MessageState
from workers import deliver, liveness, plan, receipts, reconcile

KEY, USER, SENDER = "engine-key", "engine-user", "0212345678"
SOLAPI = {"api_key": "NCSSANDBOX000001", "api_secret": "sandbox-solapi-secret", "webhook_secret": "sandbox-webhook-secret"}


@dataclass(frozen=True)
class Sandbox:
    """A running provider sandbox."""

    url: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/__sandbox/{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"null")

    def fault(self, kind: str, **more: object) -> None:
        self.ask("faults", "POST", {"kind": kind, "count": 1, **more})

    def stats(self) -> Any:
        return self.ask("stats")

    def reset(self) -> None:
        self.ask("faults", "DELETE")
        self.ask("messages", "DELETE")
        self.ask("templates", "DELETE")
        self.ask("optouts", "DELETE")
        self.ask("clock", "POST", {"offset_seconds": 0})

    def log(self) -> list[dict[str, Any]]:
        """Every message it took, oldest first."""
        return self.ask("messages?limit=100000")["messages"][::-1]


@contextmanager
def sandbox(home: Path) -> Iterator[Sandbox]:
    """Started on a kernel-given port; results are ripe at once."""
    port_file = home / "port"
    command = [sys.executable, "-m", "deploy.local.sandbox.main", "--port", "0", "--port-file", str(port_file)]
    command += ["--state", str(home / "state"), "--key", KEY, "--user", USER, "--sender", SENDER, "--ripen", "0"]
    process = subprocess.Popen([*command, "--failing-percent", "0"])
    try:
        while not port_file.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield Sandbox(f"http://127.0.0.1:{port_file.read_text().strip()}")
    finally:
        process.terminate()
        process.wait(10)


# An alert for a person, not a defect.
ALERTS = frozenset({"account_wide_refusal"})


@dataclass
class Logs:
    """What was logged during a test."""

    entries: list[MutableMapping[str, Any]]
    expected: set[str] = field(default_factory=set)

    def events(self, name: str) -> list[MutableMapping[str, Any]]:
        return [entry for entry in self.entries if entry["event"] == name]

    def expect(self, *names: str) -> None:
        """These errors belong to the story of this test; it fails when they do not come."""
        self.expected |= set(names)

    def unexpected(self) -> list[MutableMapping[str, Any]]:
        missing = [{"event": f"{name} did not come"} for name in self.expected if not self.events(name)]
        allowed = self.expected | ALERTS
        return missing + [one for one in self.entries if one["log_level"] == "error" and one["event"] not in allowed]


@dataclass
class Time:
    """Moves the clock of this process and the provider's together."""

    sandbox: Sandbox
    monkeypatch: pytest.MonkeyPatch

    def forward(self, **span: float) -> None:
        """`forward(minutes=2)`; this process is seen alive afterwards too."""
        self.to(clock.now() + timedelta(**span))

    def at(self, hour: int, minute: int = 0, second: int = 0) -> None:
        """This time of the same Korean day."""
        self.to(clock.kst(clock.now()).replace(hour=hour, minute=minute, second=second, microsecond=0))

    def to(self, instant: datetime) -> None:
        offset = clock._offset + (instant - clock.now())
        self.monkeypatch.setattr(clock, "_offset", offset)
        self.sandbox.ask("clock", "POST", {"offset_seconds": offset.total_seconds()})
        if liveness._heart is not None and not liveness._heart._stop.is_set():
            liveness._heart._beat()


@dataclass(frozen=True)
class Shop:
    """What a test acts on."""

    workspace: UUID
    account: UUID
    sender: UUID

    def route(self, account: UUID | None = None, provider: str = "aligo", **more: Any) -> dict[str, Any]:
        """A stored route, by default the shop's first account at round prices."""
        prices = {Channel.SMS: "8.40", Channel.LMS: "25.90", Channel.MMS: "60.00"}
        exact = {channel: Decimal(price) for channel, price in prices.items()}
        return Route(account or self.account, provider, exact, **more).frozen()

    def customers(
        self, count: int, *, consent: bool = True, night: bool = True, tags: Sequence[str] = (), first: int = 0
    ) -> list[str]:
        """Add customers with synthetic numbers; the numbers."""
        phones = [f"0100{first + at:07d}" for at in range(count)]
        now = clock.now()
        with database().write(self.workspace) as tx:
            keys = accounts.keys(tx, self.workspace)
            seal = keys.sealer()
            tx.run_many(
                "INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, name, tags, ad_consent, night_consent, consent_at,"
                " consent_source, created_at, updated_at) VALUES (:workspace, :sealed, :hash, :name, :tags, :consent, :night,"
                " :now, '매장', :now, :now)",
                [
                    {
                        "workspace": self.workspace,
                        "sealed": seal(number),
                        "hash": keys.lookup(number),
                        "name": f"고객{at}",
                        "tags": list(tags),
                        "consent": consent,
                        "night": night,
                        "now": now,
                    }
                    for at, number in enumerate(phones, first)
                ],
            )
        return phones

    def campaign(self, body: str = "(광고)[봄날커피] #{이름|고객}님, 원두 20% 할인\n무료거부0801234567", **more: Any) -> UUID:
        """A launched campaign, ready to be planned."""
        now = clock.now()
        with database().write(self.workspace) as tx:
            campaign = campaigns.add(tx, self.workspace, {"name": "가을", "purpose": "AD", "body": body}, now)
            until, people = campaigns.audience_end(tx, campaigns.get(tx, campaign))
            values = {
                "state": "PLANNING",
                "frozen_body": body,
                "sender": SENDER,
                "sender_number_id": self.sender,
                "routes": [self.route()],
                "plan_until": until,
                "plan_total": people,
                "launched_at": now,
                **more,
            }
            campaigns.update(tx, campaign, values)
        return campaign

    def second(self, *, priority: int = 1, share: int = 1, senders: Sequence[UUID] | None = None) -> UUID:
        """A Solapi account beside the first."""
        with database().write(self.workspace) as tx:
            account = accounts.add_provider_account(
                tx,
                self.workspace,
                "solapi",
                SOLAPI,
                settle_seconds=2,
                poll_seconds=[1, 1, 1, 1],
                senders=senders,
                certificate="TEST-2",
            )
            tx.run(
                "UPDATE provider_accounts SET priority = :priority, share = :share, most_calls = 50, calls_per_second = 10000"
                " WHERE id = :account",
                account=account,
                priority=priority,
                share=share,
            )
        return account

    def counters(self, campaign: UUID) -> dict[str, Any]:
        """Where everybody is; every look holds the counters against the ledger itself, to the person and the won."""
        ledger = "SELECT contact_ids, states, reasons FROM batches WHERE campaign_id = :c ORDER BY id"
        with database().read(self.workspace) as tx:
            batches = tx.rows(ledger, c=campaign)
            found = campaigns.counters(tx, [campaign]).get(campaign, {})
            left_out = tx.rows("SELECT reason, contact_ids FROM exclusions WHERE campaign_id = :c", c=campaign)
            cost = tx.value(
                "SELECT coalesce(sum(unit_price * accepted), 0) FROM attempts WHERE campaign_id = :c AND outcome = 'ACCEPTED'",
                c=campaign,
            )
            reasons = self.reasons(campaign)
            moved = batches != tx.rows(ledger, c=campaign)
        if moved:  # workers of their own are at it: what was read is not of one moment
            return self.counters(campaign)
        people = [contact for row in (*batches, *left_out) for contact in row.contact_ids]
        assert len(people) == len(set(people)), "somebody stands in two places"
        buckets = Counter(MessageState(state).name.lower() for row in batches for state in bytes(row.states))
        buckets["excluded"] += sum(len(row.contact_ids) for row in left_out)
        assert {name: found.get(name, 0) for name in BUCKETS if name != "selected"} == {
            name: buckets[name] for name in BUCKETS if name != "selected"
        }
        assert found.get("selected", 0) == sum(buckets.values()) == len(people)
        assert found.get("cost", 0) == cost
        assert reasons == _reasons(batches, left_out)
        return found

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Ask or change anything of this workspace."""
        with database().write(self.workspace) as tx:
            result = tx.connection.execute(sa.text(statement), values)
            return list(result.all()) if result.returns_rows else []

    def value(self, statement: str, **values: Any) -> Any:
        """The first column of the first row."""
        return self.sql(statement, **values)[0][0]

    def plan(self, campaign: UUID, **more: Any) -> list[UUID]:
        """Plan to the end; the batches."""
        plan.plan(self.workspace, campaign, **more)
        return self.batches(campaign)

    def deliver(self, campaign: UUID) -> dict[str, Any]:
        """Every batch once; the counters."""
        for batch in self.batches(campaign):
            deliver.deliver(self.workspace, batch)
        return self.counters(campaign)

    def run(self, campaign: UUID) -> dict[str, Any]:
        """Planned and delivered."""
        self.plan(campaign)
        return self.deliver(campaign)

    def reconcile(self, campaign: UUID) -> dict[str, Any]:
        """Every batch asked about; the counters."""
        for batch in self.batches(campaign):
            reconcile.reconcile(self.workspace, batch)
        return self.counters(campaign)

    def attempts(self, campaign: UUID) -> list[Any]:
        """Every provider call, oldest first."""
        return self.sql("SELECT * FROM attempts WHERE campaign_id = :c ORDER BY id", c=campaign)

    def read_all(self, campaign: UUID) -> dict[str, Any]:
        """The results of every accepted call; the counters."""
        for attempt in self.attempts(campaign):
            receipts.read(self.workspace, attempt.id)
        return self.counters(campaign)

    def reasons(self, campaign: UUID) -> dict[tuple[str, str], int]:
        """(bucket, reason) -> people, as the merchant sees them."""
        with database().read(self.workspace) as tx:
            return {(row.bucket, row.reason): row.people for row in campaigns.reasons(tx, [campaign])}

    def why(self, campaign: UUID) -> dict[str, int]:
        """(state, reason) of every message, from the ledger itself."""
        rows = self.sql("SELECT state, reason FROM messages WHERE campaign_id = :c", c=campaign)
        found = Counter(f"{MessageState(row.state).name} {row.reason or ''}".strip() for row in rows)
        return dict(found)

    def opt_out(self, where: str = "true") -> None:
        """Everybody of whom this is true says no."""
        self.sql(
            "INSERT INTO suppressions (id, workspace_id, phone_hash, phone_sealed, source, created_at) SELECT gen_random_uuid(),"
            f" workspace_id, phone_hash, phone_sealed, 'MANUAL', now() FROM contacts WHERE {where} ON CONFLICT DO NOTHING"
        )

    def batches(self, campaign: UUID) -> list[UUID]:
        """Every batch, oldest first."""
        with database().read(self.workspace) as tx:
            return [row.id for row in tx.rows("SELECT id FROM batches WHERE campaign_id = :c ORDER BY id", c=campaign)]

    def state(self, campaign: UUID) -> str:
        """DRAFT, SENDING, ..."""
        with database().read(self.workspace) as tx:
            return str(tx.value("SELECT state FROM campaigns WHERE id = :c", c=campaign))


def _reasons(batches: Sequence[Any], left_out: Sequence[Any]) -> dict[tuple[str, str], int]:
    """What the ledger says; whoever failed or was excluded has a reason, and nobody else."""
    found = Counter[tuple[str, str]]()
    for row in left_out:
        found["excluded", row.reason] += len(row.contact_ids)
    for row in batches:
        states = [MessageState(state) for state in bytes(row.states)]
        ended = {str(at) for at, state in enumerate(states) if state in (MessageState.FAILED, MessageState.EXCLUDED)}
        assert set(row.reasons) == ended
        found.update((states[int(at)].name.lower(), reason) for at, reason in row.reasons.items())
    return dict(found)


def open_shop() -> Shop:
    """A new workspace with everything needed to send."""
    workspace = new_id()
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "봄날커피", optout_number="0801234567", workspace=workspace)
        account = accounts.add_provider_account(
            tx,
            workspace,
            "aligo",
            {"key": KEY, "user_id": USER},
            settle_seconds=2,
            poll_seconds=[1, 1, 1, 1],
            certificate="TEST-1",
        )
        tx.run("UPDATE provider_accounts SET most_calls = 50, calls_per_second = 10000")
        sender = accounts.add_sender_number(tx, workspace, SENDER)
    return Shop(workspace, account, sender)

"""A merchant for engine tests: workspace, keys, a sandbox provider account, customers and a launched campaign."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from core import clock
from core.db import accounts, campaigns
from core.db.ids import new_id
from core.db.session import database

KEY, USER, SENDER = "engine-key", "engine-user", "0212345678"


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


@dataclass(frozen=True)
class Shop:
    """What a test acts on."""

    workspace: UUID
    account: UUID

    def customers(self, count: int, *, consent: bool = True, night: bool = True, tags: Sequence[str] = (), first: int = 0) -> list[str]:
        """Add customers with synthetic numbers; the numbers."""
        phones = [f"0100{first + at:07d}" for at in range(count)]
        now = clock.now()
        with database().write(self.workspace) as tx:
            keys = accounts.keys(tx, self.workspace)
            seal = keys.sealer()
            tx.run_many(
                "INSERT INTO contacts (workspace_id, phone_sealed, phone_hash, name, tags, ad_consent, night_consent, consent_at,"
                " consent_source, created_at, updated_at) VALUES (:workspace, :sealed, :hash, :name, :tags, :consent, :night, :now,"
                " '매장', :now, :now)",
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
                "provider_account_id": self.account,
                "prices": {"SMS": "8.40", "LMS": "25.90", "MMS": "60.00"},
                "plan_until": until,
                "plan_total": people,
                "launched_at": now,
                **more,
            }
            campaigns.update(tx, campaign, values)
        return campaign

    def counters(self, campaign: UUID) -> dict[str, Any]:
        """Where everybody is; the first promise is checked at every look."""
        with database().read(self.workspace) as tx:
            found = campaigns.counters(tx, [campaign]).get(campaign, {})
        assert found.get("selected", 0) == sum(
            value for name, value in found.items() if name not in ("selected", "cost", "campaign_id")
        )
        return found

    def batches(self, campaign: UUID) -> list[UUID]:
        """Every batch, oldest first."""
        with database().read(self.workspace) as tx:
            return [row.id for row in tx.rows("SELECT id FROM batches WHERE campaign_id = :c ORDER BY id", c=campaign)]

    def state(self, campaign: UUID) -> str:
        """DRAFT, SENDING, ..."""
        with database().read(self.workspace) as tx:
            return str(tx.value("SELECT state FROM campaigns WHERE id = :c", c=campaign))


def open_shop() -> Shop:
    """A new workspace with everything needed to send."""
    workspace = new_id()
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "봄날커피", optout_number="0801234567", workspace=workspace)
        account = accounts.add_provider_account(
            tx, workspace, "aligo", {"key": KEY, "user_id": USER}, settle_seconds=2, poll_seconds=[1, 1, 1, 1]
        )
        accounts.add_sender_number(tx, workspace, SENDER)
    return Shop(workspace, account)

"""A merchant's webhook endpoint on our side, and what its real receiver on loopback is told."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from core import clock
from core.db import accounts, webhooks
from core.db.ids import new_id
from core.db.session import database
from core.rules import webhook
from tests.workers.providers.cases import Request, Stage, Step, says
from tests.workers.shop import Shop
from workers import hooks

DAY = timedelta(hours=24)


@dataclass
class Desk:
    """A merchant's endpoint on our side, and the sweeper and the worker that serve it."""

    shop: Shop
    id: UUID
    secret: bytes = field(repr=False)

    def sweep(self) -> None:
        with database().system() as tx:
            hooks.fan_out(tx, clock.now())

    def work(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            hooks.deliver(self.shop.workspace, self.id)

    def go(self) -> None:
        """Until nothing is due."""
        self.sweep()
        while self.due():
            self.work()

    def due(self) -> bool:
        with database().write(self.shop.workspace) as tx:
            return webhooks.more_is_due(tx, self.id, clock.now())

    @property
    def row(self) -> Any:
        return self.shop.sql("SELECT * FROM webhook_endpoints WHERE id = :id", id=self.id)[0]

    def deliveries(self, state: str = "") -> list[Any]:
        rows = self.shop.sql("SELECT * FROM webhook_deliveries WHERE endpoint_id = :id ORDER BY id", id=self.id)
        return [row for row in rows if state in ("", row.state)]

    def replay(self) -> int:
        with database().write(self.shop.workspace) as tx:
            return webhooks.replay(tx, clock.now(), clock.now() + DAY, endpoint=self.id)


def endpoint(shop: Shop, url: str, **values: Any) -> Desk:
    identifier, secret = new_id(), webhook.new_secret()
    wrapped = accounts.keyring().wrap(secret, f"webhook:{identifier}")
    with database().write(shop.workspace) as tx:
        webhooks.add(tx, shop.workspace, identifier, {"url": url, "secret": wrapped, **values}, clock.now())
    return Desk(shop, identifier, secret)


def takes(scene: Stage, times: int = 1, step: Step | None = None) -> None:
    scene.steps += [step or says(b"ok")] * times


def body(request: Request) -> list[dict[str, Any]]:
    return list(json.loads(request.body)["data"]["events"])


def told(scene: Stage) -> list[dict[str, Any]]:
    """Every event that was posted, in order."""
    return [event for request in scene.requests for event in body(request)]


def verified(request: Request, *secrets: bytes) -> bool:
    """An independent check, written from the public description of Standard Webhooks."""
    message = request.headers["webhook-id"] + "." + request.headers["webhook-timestamp"] + "."
    said = message.encode() + request.body
    expected = [base64.b64encode(hmac.new(secret, said, hashlib.sha256).digest()).decode() for secret in secrets]
    given = [part.split(",", 1) for part in request.headers["webhook-signature"].split(" ")]
    return [version for version, _ in given] == ["v1"] * len(secrets) and [value for _, value in given] == expected

"""A merchant of one drill: an own workspace, own customers, own accounts at the providers, so that nothing is shared."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from jeondan.v1 import account_pb2, campaign_pb2, types_pb2

from core import clock
from core.db import accounts
from core.db.ids import new_id
from core.db.session import database
from core.errors import Unavailable
from tests.faults.ground import Ground, rpc_channel
from tests.flow.stubs import Patient

SENDER, OPTOUT = "0212345678", "0801234567"
POLL_SECONDS = [2, 2, 3, 5, 10, 20, 20, 20, 20, 30, 30, 30, 60, 60, 120, 300, 600]
LONG_NAME = "아주아주 긴 이름을 가진 오래된 단골 손님"  # its text is longer than an SMS
_CREDENTIALS = {
    "aligo": lambda user: {"key": f"key-{user}", "user_id": user},
    "solapi": lambda user: {"api_key": user, "api_secret": f"key-{user}"},
}


@dataclass
class Shop:
    """Who may get what it sends, and who may not; `people` by contact id."""

    ground: Ground
    workspace: UUID
    api_key: str
    users: list[str]
    people: dict[int, str] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    at_night: frozenset[str] = frozenset()

    def launch(self, name: str, body: str, flyer: str = "", purpose: types_pb2.Purpose = types_pb2.PURPOSE_AD) -> UUID:
        """To everybody, written and launched by way of the server."""
        with rpc_channel(self.ground) as channel:
            call = Patient(channel, ("x-api-key", self.api_key))
            sender = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0]
            wanted = campaign_pb2.Campaign(
                name=name, purpose=purpose, body=body, sender_number_id=sender.id, audience=campaign_pb2.Audience()
            )
            if purpose == types_pb2.PURPOSE_INFO:
                wanted.info_reason = types_pb2.INFO_REASON_TRANSACTION
            if flyer:
                wanted.flyer_id, wanted.subject = flyer, "전단"
            made = call("CreateCampaign", campaign_pb2.CreateCampaignRequest(campaign=wanted)).campaign
            order = campaign_pb2.LaunchCampaignRequest(campaign_id=made.id, etag=made.etag, request_id=str(uuid4()))
            call("LaunchCampaign", order)
        return UUID(made.id)


def opened(ground: Ground, number: int, recipients: int, *, settle: int, providers: Sequence[str] = ("aligo",)) -> Shop:
    """A shop with so many customers who may get advertising, and a few who may not."""
    users = [f"DRILL{provider[:4].upper()}{number:07d}" for provider in providers]  # as long as a key of Solapi
    for user in users:
        account = {"user": user, "key": f"key-{user}", "senders": [SENDER], "balance_won": 10_000_000}
        ground.ask_sandbox("POST", "accounts", account)
    while True:
        try:
            shop, keys = _written(ground, users, settle, providers)
            break
        except Unavailable:  # our own connections did not survive the last drill either
            time.sleep(0.1)
    ground.look(lambda connection: _fill(connection, shop, keys, number, recipients))
    return shop


def _written(ground: Ground, users: Sequence[str], settle: int, providers: Sequence[str]) -> tuple[Shop, Any]:
    workspace = new_id()
    with database().write(workspace) as tx:
        accounts.create_workspace(tx, "훈련", optout_number=OPTOUT, workspace=workspace)
        _, api_key = accounts.create_api_key(tx, workspace, "drills", "OWNER")
        accounts.add_sender_number(tx, workspace, SENDER)
        for provider, user in zip(providers, users, strict=True):
            accounts.add_provider_account(
                tx,
                workspace,
                provider,
                _CREDENTIALS[provider](user),
                settle_seconds=settle,
                poll_seconds=POLL_SECONDS,
                certificate="DRILL-1",
            )
        return Shop(ground, workspace, api_key, list(users)), accounts.keys(tx, workspace)


def _fill(connection: psycopg.Connection[Any], shop: Shop, keys: Any, number: int, recipients: int) -> None:
    """Customers in order: some with names that make a long text, some who may be written to at night, some not at all."""
    chance, now = random.Random(number), clock.now() - timedelta(days=1)
    left_out = max(2, recipients // 25)
    agreed = [at < recipients for at in range(recipients + left_out)]
    chance.shuffle(agreed)
    phones = [_phone(number, at) for at in range(len(agreed))]
    night = [chance.random() < 0.3 for _ in agreed]
    columns = "workspace_id, phone_sealed, phone_hash, name, ad_consent, night_consent, consent_at, consent_source, created_at"
    seal = keys.sealer()
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY contacts ({columns}, updated_at) FROM STDIN") as copy:
            for phone, may, late in zip(phones, agreed, night, strict=True):
                name = LONG_NAME if chance.random() < 0.2 else f"손님{chance.randrange(1000)}"
                hashed = keys.lookup(phone)
                copy.write_row((shop.workspace, seal(phone), hashed, name, may, may and late, now, "매장", now, now))
        cursor.execute("SELECT id FROM contacts WHERE workspace_id = %s ORDER BY id", [shop.workspace])
        ids = [int(row[0]) for row in cursor.fetchall()]
    shop.people = dict(zip(ids, phones, strict=True))
    shop.wanted = frozenset(phone for phone, may in zip(phones, agreed, strict=True) if may)
    shop.at_night = frozenset(phone for phone, may, late in zip(phones, agreed, night, strict=True) if may and late)


def _phone(number: int, at: int) -> str:
    """A number that nobody else has; none of those that the sandbox treats in its own way."""
    block, place = divmod(at, 9000)
    return f"0109{block:03d}{place:04d}" if block else f"010{number % 2000:04d}{place:04d}"

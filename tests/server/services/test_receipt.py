"""TakePush: the token alone lets in; what was pushed is kept sealed, once, and a worker is told."""

from datetime import timedelta
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import receipt_pb2 as pb

from core import clock, jobs
from core.db import accounts, unknown_words
from core.db.session import database
from tests.server.shop import Shop, open_shop

BODY = b'[{"messageId":"M4V1","groupId":"G4V1","to":"01012345678","statusCode":"4000"}]\xff\x00'
HEADERS = {"x-solapi-secret": "5eba"}


@pytest.fixture
def token(shop: Shop) -> str:
    with database().write(shop.workspace) as tx:
        account = accounts.add_provider_account(tx, shop.workspace, "solapi", {"api_key": "k" * 16, "api_secret": "s"})
        return accounts.create_webhook_token(tx, account)


def push(token: str, /, **more: object) -> pb.TakePushRequest:
    fields = {"request_id": str(uuid4()), "provider": "solapi", "token": token, "headers": HEADERS, "body": BODY}
    return pb.TakePushRequest(**{**fields, **more})


def kept(shop: Shop) -> list[object]:
    with database().read(shop.workspace) as tx:
        return list(tx.rows("SELECT * FROM pushes ORDER BY received_at"))


def test_a_push_is_kept_sealed_and_a_worker_is_told(shop: Shop, token: str) -> None:
    shop.call("TakePush", push(token), metadata=())

    [row] = kept(shop)
    assert row.state == "NEW"
    assert row.due_at == row.received_at
    assert b"01012345678" not in bytes(row.body_sealed)
    assert b"5eba" not in bytes(row.headers_sealed)
    with database().read(shop.workspace) as tx:
        unseal = accounts.keys(tx, shop.workspace).opener()
    assert unseal(row.body_sealed).encode("latin-1") == BODY
    assert jobs.depths()[jobs.RECEIPTS] == 1


def test_the_same_request_is_one_push(shop: Shop, token: str) -> None:
    request = push(token)
    shop.call("TakePush", request, metadata=())
    shop.call("TakePush", request, metadata=())
    shop.call("TakePush", push(token), metadata=())
    assert len(kept(shop)) == 2


def test_a_wrong_token_learns_nothing(shop: Shop, token: str) -> None:
    wrong = [push("guess"), push(token, provider="aligo"), push(token[:-1]), push(shop.api_key)]
    refusals = [shop.refused("TakePush", request, metadata=()) for request in wrong]
    assert {(refusal.code, refusal.message) for refusal in refusals} == {(grpc.StatusCode.NOT_FOUND, "이런 주소가 없습니다.")}
    assert kept(shop) == []


def test_a_new_token_replaces_the_old_one(shop: Shop, token: str) -> None:
    with database().write(shop.workspace) as tx:
        [account] = accounts.provider_accounts(tx)
        fresh = accounts.create_webhook_token(tx, account.id)
        hashes = tx.value("SELECT webhook_token_hash FROM provider_accounts")
    assert len(fresh) >= 40
    assert fresh.encode() not in bytes(hashes)
    assert shop.refused("TakePush", push(token), metadata=()).reason == "NOT_FOUND"
    shop.call("TakePush", push(fresh), metadata=())


def test_a_token_is_made_in_its_own_workspace_only(shop: Shop, token: str) -> None:
    other = open_shop(shop.channel)
    with database().read(shop.workspace) as tx:
        [account] = accounts.provider_accounts(tx)
    with database().write(other.workspace) as tx, pytest.raises(Exception, match="이런 발송 계정이 없습니다"):
        accounts.create_webhook_token(tx, account.id)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"request_id": "7"}, "request_id"),
        ({"token": "x" * 201}, "token"),
        ({"token": ""}, "token"),
        ({"body": b"x" * (1024 * 1024 + 1)}, "body"),
        ({"headers": {str(at): "x" for at in range(51)}}, "headers"),
    ],
)
def test_what_cannot_be_a_push_is_refused(shop: Shop, token: str, wrong: dict[str, object], field: str) -> None:
    refusal = shop.refused("TakePush", push(token, **wrong), metadata=())
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(refusal.fields) == [field]
    assert kept(shop) == []


def test_an_owner_sees_the_words_that_nobody_knows(shop: Shop) -> None:
    now = clock.now()
    with database().write(shop.workspace) as tx:
        unknown_words.add(tx, shop.workspace, "aligo", {"보류": 3}, now - timedelta(hours=1))
        unknown_words.add(tx, shop.workspace, "solapi", {"코드 9999": 1}, now)
        unknown_words.add(tx, shop.workspace, "aligo", {"보류": 2}, now + timedelta(hours=1))
    found = shop.call("ListUnknownWords", pb.ListUnknownWordsRequest()).unknown_words
    assert [(one.provider, one.words, one.people) for one in found] == [("aligo", "보류", 5), ("solapi", "코드 9999", 1)]
    assert found[0].last_time.seconds - found[0].first_time.seconds == 7200


def test_nobody_less_than_an_owner_does_and_nobody_else(shop: Shop) -> None:
    with database().write(shop.workspace) as tx:
        unknown_words.add(tx, shop.workspace, "aligo", {"보류": 3}, clock.now())
    approver = open_shop(shop.channel, role="APPROVER")
    assert approver.refused("ListUnknownWords", pb.ListUnknownWordsRequest()).reason == "PERMISSION_DENIED"
    assert open_shop(shop.channel).call("ListUnknownWords", pb.ListUnknownWordsRequest()).unknown_words == []

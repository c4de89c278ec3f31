"""ProviderService: accounts are connected, ordered, limited, switched off and on; secrets go in and never come out."""

from datetime import timedelta
from uuid import uuid4

import pytest
from jeondan.v1 import account_pb2 as account
from jeondan.v1 import provider_pb2 as pb

from core import clock
from core.db import accounts, provider_accounts
from core.db.session import database
from tests.server.shop import Shop

ALIGO = {"key": "aligo-s3cret", "user_id": "shop"}
SOLAPI = {"api_key": "NCSABCDEFGHIJ123", "api_secret": "solapi-s3cret"}
State, Breaker = account.ProviderAccount, account.ProviderAccount


@pytest.fixture
def sender(shop: Shop) -> str:
    with database().write(shop.workspace) as tx:
        return str(accounts.add_sender_number(tx, shop.workspace, "0212345678"))


def connect(shop: Shop, provider: str = "aligo", **more: object) -> account.ProviderAccount:
    given = {"provider": provider, "credentials": ALIGO if provider == "aligo" else SOLAPI, **more}
    return shop.call("CreateProviderAccount", pb.CreateProviderAccountRequest(**given)).provider_account


def listed(shop: Shop) -> list[account.ProviderAccount]:
    return list(shop.call("ListProviderAccounts", account.ListProviderAccountsRequest()).provider_accounts)


def change(shop: Shop, one: account.ProviderAccount, **settings: object) -> account.ProviderAccount:
    request = pb.UpdateProviderAccountRequest(provider_account_id=one.id, settings=pb.ProviderSettings(**settings))
    return shop.call("UpdateProviderAccount", request).provider_account


def test_an_account_is_connected_and_its_secrets_are_not_shown(shop: Shop, sender: str) -> None:
    made = connect(shop, sender_number_ids=[sender])
    assert (made.provider, made.state, made.breaker) == ("aligo", State.STATE_ACTIVE, Breaker.BREAKER_CLOSED)
    assert (made.priority, made.share, list(made.sender_number_ids)) == (0, 1, [sender])
    second = connect(shop, "solapi")
    assert (second.priority, list(second.sender_number_ids)) == (1, [])
    assert listed(shop) == [made, second]
    assert b"s3cret" not in b"".join(one.SerializeToString() for one in listed(shop))
    with database().read(shop.workspace) as tx:
        [stored] = [row for row in tx.rows("SELECT id, credentials FROM provider_accounts") if str(row.id) == made.id]
        assert b"s3cret" not in bytes(stored.credentials)
        assert accounts.provider_account(tx, stored.id).credentials == ALIGO


@pytest.mark.parametrize(
    ("wrong", "field", "reason"),
    [
        ({"provider": "twilio"}, "provider", "UNKNOWN_PROVIDER"),
        ({"provider": "rehearsal", "credentials": {}}, "provider", "UNKNOWN_PROVIDER"),
        ({"credentials": {"key": "x"}}, "credentials.user_id", "CREDENTIAL_INVALID"),
        ({"sender_number_ids": [str(uuid4())]}, "sender_number_ids[0]", "SENDER_NOT_REGISTERED"),
    ],
)
def test_what_cannot_be_connected_is_said_and_nothing_is_stored(shop: Shop, wrong: dict, field: str, reason: str) -> None:
    request = pb.CreateProviderAccountRequest(**{"provider": "aligo", "credentials": ALIGO, **wrong})
    refusal = shop.refused("CreateProviderAccount", request)
    assert refusal.fields == {field: reason}
    assert listed(shop) == []


def test_order_share_and_limits_change_one_by_one(shop: Shop) -> None:
    first, second = connect(shop), connect(shop, "solapi")
    changed = change(shop, first, priority=9, share=3)
    assert (changed.priority, changed.share, changed.most_calls) == (9, 3, first.most_calls)
    assert [one.id for one in listed(shop)] == [second.id, first.id]
    changed = change(shop, first, most_calls=7, calls_per_second=70)
    assert (changed.priority, changed.most_calls, changed.calls_per_second) == (9, 7, 70)
    request = pb.UpdateProviderAccountRequest(provider_account_id=first.id, settings=pb.ProviderSettings(share=101))
    assert list(shop.refused("UpdateProviderAccount", request).fields) == ["settings.share"]


def test_new_credentials_replace_the_old_ones_whole(shop: Shop) -> None:
    made = connect(shop)
    change(shop, made, credentials={"key": "new", "user_id": "shop"})
    wrong = pb.ProviderSettings(credentials={"key": "newer"})
    request = pb.UpdateProviderAccountRequest(provider_account_id=made.id, settings=wrong)
    assert shop.refused("UpdateProviderAccount", request).reason == "CREDENTIAL_INVALID"
    with database().read(shop.workspace) as tx:
        [row] = provider_accounts.standing(tx)
        assert accounts.provider_account(tx, row.id).credentials == {"key": "new", "user_id": "shop"}


def test_one_call_brings_back_whatever_had_stopped_an_account(shop: Shop, sender: str) -> None:
    made = connect(shop, sender_number_ids=[sender])
    off = shop.call("DisableProviderAccount", pb.DisableProviderAccountRequest(provider_account_id=made.id)).provider_account
    assert off.state == State.STATE_DISABLED
    with database().write(shop.workspace) as tx:
        [row] = provider_accounts.standing(tx)
        provider_accounts.open_breaker(tx, row.id, clock.now())
        provider_accounts.refuse_sender(tx, row.id, "0212345678", clock.now())
    [stopped] = listed(shop)
    assert (stopped.breaker, list(stopped.sender_number_ids)) == (Breaker.BREAKER_OPEN, [])
    on = shop.call("ResumeProviderAccount", pb.ResumeProviderAccountRequest(provider_account_id=made.id)).provider_account
    assert (on.state, on.breaker, list(on.sender_number_ids)) == (State.STATE_ACTIVE, Breaker.BREAKER_CLOSED, [sender])


def test_the_numbers_of_an_account_are_exactly_those_named(shop: Shop, sender: str) -> None:
    with database().write(shop.workspace) as tx:
        other = str(accounts.add_sender_number(tx, shop.workspace, "0312345678", at=[]))
    made = connect(shop, sender_number_ids=[sender])
    request = pb.SetProviderSendersRequest(provider_account_id=made.id, sender_number_ids=[other])
    assert list(shop.call("SetProviderSenders", request).provider_account.sender_number_ids) == [other]


def test_an_address_for_pushes_is_shown_once_and_kept_by_nobody(shop: Shop) -> None:
    made = connect(shop, "solapi")
    request = pb.CreateProviderWebhookRequest(provider_account_id=made.id, request_id=str(uuid4()))
    path = shop.call("CreateProviderWebhook", request).path
    assert path.startswith("/webhooks/solapi/")
    token = path.rpartition("/")[2].encode()
    assert shop.call("CreateProviderWebhook", request).path == path, "the same request has the same answer"
    with database().read(shop.workspace) as tx:
        kept = tx.rows("SELECT response FROM requests UNION ALL SELECT webhook_token_hash FROM provider_accounts")
    assert kept and not any(token in bytes(row[0]) for row in kept if row[0])


def test_the_policy_is_kept(shop: Shop) -> None:
    for policy in (pb.ROUTING_COST, pb.ROUTING_PRIORITY):
        assert shop.call("SetRouting", pb.SetRoutingRequest(routing=policy)).routing == policy
    refused = shop.refused("SetRouting", pb.SetRoutingRequest())
    assert list(refused.fields) == ["routing"]


def certified(shop: Shop, one: account.ProviderAccount, **given: str) -> account.ProviderAccount:
    request = pb.RecordCertificateRequest(provider_account_id=one.id, certificate=account.Certificate(**given))
    return shop.call("RecordCertificate", request).provider_account


def test_a_certificate_is_recorded_and_says_whether_it_counts(shop: Shop) -> None:
    """R-SND-5: number, day of the check, last day; a year after the check somebody has to look again."""
    made, today = connect(shop), clock.kst(clock.now()).date()
    assert not made.HasField("certificate")
    found = certified(shop, made, number="KISA-1", check_date=today.isoformat()).certificate
    assert (found.number, found.check_date, found.valid_until, found.usable) == ("KISA-1", today.isoformat(), "", True)
    old = (today - timedelta(days=366)).isoformat()
    assert not certified(shop, made, number="KISA-1", check_date=old).certificate.usable
    ended = (today - timedelta(days=1)).isoformat()
    assert not certified(shop, made, number="KISA-1", check_date=ended, valid_until=ended).certificate.usable
    assert listed(shop)[0].certificate.valid_until == ended


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        ({"number": "", "check_date": "2026-01-01"}, "certificate.number", "REQUIRED"),
        ({"number": "1", "check_date": "2026-1-1"}, "certificate.check_date", "INVALID_FORMAT"),
        ({"number": "1", "check_date": "2026-02-30"}, "certificate.check_date", "CERTIFICATE_INVALID"),
        ({"number": "1", "check_date": "2999-01-01"}, "certificate.check_date", "CERTIFICATE_INVALID"),
        (
            {"number": "1", "check_date": "2026-02-01", "valid_until": "2026-01-31"},
            "certificate.valid_until",
            "CERTIFICATE_INVALID",
        ),
    ],
)
def test_a_certificate_that_cannot_be_is_refused(shop: Shop, given: dict, field: str, reason: str) -> None:
    """R-SND-5: what nobody can have seen is no certificate."""
    made = connect(shop)
    request = pb.RecordCertificateRequest(provider_account_id=made.id, certificate=account.Certificate(**given))
    assert shop.refused("RecordCertificate", request).fields == {field: reason}
    assert not listed(shop)[0].HasField("certificate")


def test_an_account_may_have_an_080_number_of_its_own(shop: Shop) -> None:
    """R-SND-5, R-OPT-4: failover says no by the number of the account that carries it."""
    made = connect(shop)
    assert change(shop, made, optout_number="080-765-4321").optout_number == "0807654321"
    assert change(shop, made, priority=3).optout_number == "0807654321"
    request = pb.UpdateProviderAccountRequest(provider_account_id=made.id, settings=pb.ProviderSettings(optout_number="02-1"))
    assert shop.refused("UpdateProviderAccount", request).fields == {"settings.optout_number": "OPTOUT_NUMBER_INVALID"}

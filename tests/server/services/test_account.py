"""Signing in, and the facts of the workspace."""

from datetime import timedelta

import grpc
import jwt
import pytest
from jeondan.v1 import account_pb2 as pb
from jeondan.v1 import catalog_pb2 as catalog

from core import clock
from core.cache import cache
from core.db import accounts
from core.db.session import database
from core.settings import load
from tests.server.shop import PASSWORD, Shop, open_shop


def test_a_session_says_who_and_until_when(shop: Shop) -> None:
    session = shop.call("CreateSession", pb.CreateSessionRequest(email=shop.email.upper(), password=PASSWORD), metadata=())
    assert session.workspace.id == str(shop.workspace)
    assert session.workspace.name == "봄날커피"
    assert session.role == 5
    lasts = session.expire_time.ToDatetime(tzinfo=clock.KST) - clock.now()
    assert timedelta(hours=11, minutes=59) < lasts <= timedelta(hours=12)
    claims = jwt.decode(session.token, load().jwt_secret, algorithms=["HS256"], issuer="jeondan")
    assert claims["workspace"] == str(shop.workspace)
    assert claims["role"] == "OWNER"


@pytest.mark.parametrize("known", [True, False])
def test_wrong_password_and_unknown_email_sound_the_same(shop: Shop, known: bool) -> None:
    email = shop.email if known else "nobody@example.com"
    refusal = shop.refused("CreateSession", pb.CreateSessionRequest(email=email, password="wrong"), metadata=())
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert refusal.message == "이메일 또는 비밀번호가 맞지 않습니다."


def test_after_five_wrong_passwords_even_the_right_one_waits(shop: Shop) -> None:
    def attempt(password: str) -> str:
        return shop.refused("CreateSession", pb.CreateSessionRequest(email=shop.email, password=password), metadata=()).reason

    assert [attempt("wrong") for _ in range(5)] == ["UNAUTHENTICATED"] * 5
    assert attempt(PASSWORD) == "RATE_LIMITED"


def test_a_right_password_forgets_the_wrong_ones(shop: Shop) -> None:
    for password in ["wrong", "wrong", "wrong", "wrong", PASSWORD, "wrong", "wrong", "wrong", "wrong", PASSWORD]:
        request = pb.CreateSessionRequest(email=shop.email, password=password)
        if password == PASSWORD:
            assert shop.call("CreateSession", request, metadata=()).token
        else:
            assert shop.refused("CreateSession", request, metadata=()).reason == "UNAUTHENTICATED"


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_program_calls_with_its_key(shop: Shop, header: str) -> None:
    value = shop.api_key if header == "x-api-key" else f"Bearer {shop.api_key}"
    assert shop.call("GetWorkspace", pb.GetWorkspaceRequest(), metadata=((header, value),)).workspace.id == str(shop.workspace)


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer "),),
        (("authorization", "Basic abc"),),
        (("authorization", "Bearer abc"),),
        (("x-api-key", "jd_x"),),
    ],
)
def test_without_a_good_credential_nobody_is_let_in(shop: Shop, metadata: tuple[tuple[str, str], ...]) -> None:
    refusal = shop.refused("GetWorkspace", pb.GetWorkspaceRequest(), metadata=metadata)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


@pytest.mark.parametrize("change", [{"exp": -1}, {"iss": "somebody"}, {"workspace": "other"}, {"user": "x"}, {"exp": None}])
def test_a_token_that_was_changed_or_is_old_is_refused(shop: Shop, change: dict[str, object]) -> None:
    token = shop.metadata[0][1].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False}) | change
    if change.get("exp") == -1:
        claims["exp"] = int((clock.now() - timedelta(seconds=1)).timestamp())
    forged = jwt.encode({name: value for name, value in claims.items() if value is not None}, load().jwt_secret, "HS256")
    assert shop.refused("GetWorkspace", pb.GetWorkspaceRequest(), metadata=(("authorization", f"Bearer {forged}"),)).reason
    with_another_secret = jwt.encode(claims | {"exp": 4102444800}, "x" * 40, "HS256")
    bearer = (("authorization", f"Bearer {with_another_secret}"),)
    assert shop.refused("GetWorkspace", pb.GetWorkspaceRequest(), metadata=bearer).reason == "UNAUTHENTICATED"


def test_an_unsigned_token_is_refused(shop: Shop) -> None:
    claims = jwt.decode(shop.metadata[0][1].removeprefix("Bearer "), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", "none")
    assert shop.refused("GetWorkspace", pb.GetWorkspaceRequest(), metadata=(("authorization", f"Bearer {unsigned}"),)).reason


def test_a_disabled_person_and_a_revoked_key_are_refused(shop: Shop) -> None:
    by_key = (("x-api-key", shop.api_key),)
    shop.call("GetWorkspace", pb.GetWorkspaceRequest())
    shop.call("GetWorkspace", pb.GetWorkspaceRequest(), metadata=by_key)
    with database().system() as tx:
        user = accounts.user_by_email(tx, shop.email)
        assert user is not None
        accounts.disable_user(tx, user.id)
        accounts.revoke_api_key(tx, tx.value("SELECT id FROM api_keys WHERE workspace_id = :w", w=shop.workspace))
    cache()._client.flushall()  # what was remembered is gone after FRESH_SECONDS
    assert shop.refused("GetWorkspace", pb.GetWorkspaceRequest()).reason == "UNAUTHENTICATED"
    assert shop.refused("GetWorkspace", pb.GetWorkspaceRequest(), metadata=by_key).reason == "UNAUTHENTICATED"
    again = pb.CreateSessionRequest(email=shop.email, password=PASSWORD)
    assert shop.refused("CreateSession", again, metadata=()).reason == "UNAUTHENTICATED"


def test_a_viewer_may_look_but_not_change(channel: grpc.Channel) -> None:
    viewer = open_shop(channel, role="VIEWER")
    viewer.call("ListProducts", catalog.ListProductsRequest())
    refusal = viewer.refused("CreateProduct", catalog.CreateProductRequest(product=catalog.Product(name="원두")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED")
    assert refusal.facts == {"role": "ROLE_MARKETER"}


def test_sender_numbers_and_provider_accounts_without_secrets(shop: Shop, other: Shop) -> None:
    with database().write(shop.workspace) as tx:
        accounts.add_sender_number(tx, shop.workspace, "02-1234-5678")
        accounts.add_sender_number(tx, shop.workspace, "1588-1234")
        accounts.add_provider_account(tx, shop.workspace, "aligo", {"key": "s3cret-key", "user": "u"}, test_mode=True)
    numbers = shop.call("ListSenderNumbers", pb.ListSenderNumbersRequest()).sender_numbers
    assert [number.number for number in numbers] == ["0212345678", "15881234"]
    assert all(number.active for number in numbers)
    answer = shop.call("ListProviderAccounts", pb.ListProviderAccountsRequest())
    assert b"s3cret" not in answer.SerializeToString()
    (account,) = answer.provider_accounts
    assert (account.provider, account.state, account.test_mode) == ("aligo", pb.ProviderAccount.STATE_ACTIVE, True)
    assert not account.HasField("balance_time")
    assert not other.call("ListSenderNumbers", pb.ListSenderNumbersRequest()).sender_numbers
    assert not other.call("ListProviderAccounts", pb.ListProviderAccountsRequest()).provider_accounts
    assert other.call("GetWorkspace", pb.GetWorkspaceRequest()).workspace.name == "가을서점"

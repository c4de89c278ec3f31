"""Who is calling: a signed token of a person or an API key of a program, and whether the role suffices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

import jwt
from jeondan.v1 import options_pb2

from core import clock, telemetry
from core.cache import cache
from core.crypto import check_password, hash_password, hash_token
from core.db import accounts, optouts
from core.db.session import database
from core.errors import NotAllowed, NotAuthenticated, NotFound, TooLate, TooMany, Unavailable
from core.rules import optout
from core.settings import load
from server.caller import Caller

ISSUER = "jeondan"
TOKEN_HOURS = 12
FRESH_SECONDS = 15  # how long a disabled user or a revoked key may still be let in
LOOKUP_SECONDS = 5.0
TRIES, TRIES_SECONDS = 5, 15 * 60

_ALGORITHM = "HS256"
_log = telemetry.log("auth")
_CLAIMS = ["iss", "exp", "workspace", "user", "role"]


def identify(metadata: Mapping[str, str]) -> Caller:
    """The caller named by `authorization: Bearer ...` or `x-api-key: ...`."""
    kind, _, bearer = metadata.get("authorization", "").partition(" ")
    credential = metadata.get("x-api-key") or (bearer.strip() if kind.lower() == "bearer" else "")
    if not credential:
        raise NotAuthenticated("로그인이 필요합니다.")
    if credential.startswith(accounts.API_KEY_PREFIX):
        return _program(credential)
    return _person(credential)


def authorise(caller: Caller, least: int, *, test_keys: bool = True) -> None:
    """Refuse a caller whose role does not reach, and a test key where it could do anything real."""
    if caller.role < least:
        raise NotAllowed("이 작업을 할 권한이 없습니다.", facts={"role": role_name(least)})
    if caller.test and not test_keys:
        raise NotAllowed("시험용 키로는 조회와 단건 발송(SendService)만 할 수 있습니다.", reason="TEST_KEY")


def sign_in(email: str, password: str) -> Any:
    """The user row for a right e-mail and password; five wrong tries make the e-mail wait a quarter of an hour."""
    tries = f"sign-in:{email.strip().lower()}"
    if cache().count(tries, TRIES_SECONDS) > TRIES:
        raise TooMany("로그인 시도가 너무 많습니다. 15분 뒤에 다시 시도해 주세요.", retry_seconds=TRIES_SECONDS)
    user: Any = database().look_across(lambda tx: accounts.user_by_email(tx, email), timeout=LOOKUP_SECONDS)
    # An unknown e-mail costs the same as a wrong password: nobody learns who has an account.
    if not check_password(user.password_hash if user else _nobody(), password) or user is None:
        raise NotAuthenticated("이메일 또는 비밀번호가 맞지 않습니다.")
    cache().forget(tries)
    return user


def pushing_account(provider: str, token: str) -> Any:
    """The provider account (id, workspace_id) that this address was given out for."""
    with database().system(timeout=LOOKUP_SECONDS) as tx:
        account = accounts.account_by_webhook_token(tx, provider, token)
    if account is None:
        raise NotFound("이런 주소가 없습니다.")
    return account


@dataclass(frozen=True, slots=True)
class Place:
    """The message that a link was written for."""

    workspace: UUID
    batch: UUID
    position: int


def linked_message(code: str) -> Place:
    """The message whose link this is: the code is the credential, a wrong one is told no more."""
    if said := optout.read(code):
        with database().system(timeout=LOOKUP_SECONDS) as tx:
            for row in optouts.batches_of(tx, said):
                if said.names(row.id, accounts.keys(tx, row.workspace_id).lookup_key):
                    return Place(row.workspace_id, row.id, said.position)
    raise NotFound("이런 주소가 없습니다.")


def issue(user: Any) -> tuple[str, datetime]:
    """A token for the `Authorization` header, and until when it works."""
    expires = (clock.now() + timedelta(hours=TOKEN_HOURS)).replace(microsecond=0)
    claims = {
        "iss": ISSUER,
        "exp": int(expires.timestamp()),
        "workspace": str(user.workspace_id),
        "user": str(user.id),
        "role": user.role,
    }
    return jwt.encode(claims, load().jwt_secret, algorithm=_ALGORITHM), expires


def role_number(name: str) -> int:
    """`OWNER` -> jeondan.v1.Role."""
    return int(options_pb2.Role.Value(f"ROLE_{name}"))


def role_name(number: int) -> str:
    """`ROLE_OWNER`."""
    return options_pb2.Role.Name(cast(Any, number))


def _person(token: str) -> Caller:
    try:
        # The clock of the product may be shifted, so the time is compared here and not by the library.
        options: Any = {"require": _CLAIMS, "verify_exp": False}
        claims = jwt.decode(token, load().jwt_secret, algorithms=[_ALGORITHM], issuer=ISSUER, options=options)
        user, expires = UUID(claims["user"]), float(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError):
        raise _refused() from None
    if expires <= clock.now().timestamp():
        raise NotAuthenticated("로그인 시간이 지났습니다. 다시 로그인해 주세요.")
    found = _looked_up(f"user:{user}", lambda tx: accounts.user_by_id(tx, user))
    if found is None or str(found.workspace) != claims["workspace"]:
        raise _refused()
    return found


def _program(key: str) -> Caller:
    key_hash = hash_token(key)
    found = _looked_up(f"key:{key_hash.hex()}", lambda tx: accounts.api_key_by_hash(tx, key_hash))
    if found is None:
        raise _refused()
    return found


def _looked_up(name: str, find: Any) -> Caller | None:
    """The caller by its row, remembered for a moment: every RPC asks."""
    kind = name.partition(":")[0]

    def source() -> dict[str, Any] | None:
        row = database().look_across(find, timeout=LOOKUP_SECONDS)
        if row is None:
            return None
        if kind == "key":
            _note_use(row)
        test = kind == "key" and row.test
        return {"workspace": str(row.workspace_id), "actor": f"{kind}:{row.id}", "role": row.role, "test": test}

    found = cache().read_through(name, source, most_seconds=FRESH_SECONDS)
    return found and Caller(UUID(found["workspace"]), found["actor"], role_number(found["role"]), bool(found.get("test")))


def _note_use(key: Any) -> None:
    """When a key was last used, to the day; nobody is turned away because that cannot be written down now."""
    if key.used_at and key.used_at > clock.now() - accounts.USED_EVERY:
        return
    try:
        with database().write(key.workspace_id, timeout=LOOKUP_SECONDS) as tx:
            accounts.use_api_key(tx, key.id, clock.now())
    except (Unavailable, TooLate):
        _log.warning("key_use_not_noted", key=str(key.id))


def _refused() -> NotAuthenticated:
    return NotAuthenticated("로그인 정보가 맞지 않습니다. 다시 로그인해 주세요.")


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("nobody has this password")

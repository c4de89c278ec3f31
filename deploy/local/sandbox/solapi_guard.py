"""Solapi: who may come in. A signature over date and salt, fresh, used once, from an allowed address."""

import hmac
import re
import time
from collections import OrderedDict
from datetime import datetime
from hashlib import sha256

from deploy.local.sandbox.accounts import Account
from deploy.local.sandbox.calls import Call, World
from deploy.local.sandbox.solapi_codes import Refusal

WINDOW = 15 * 60
KEY_LENGTH = 16
_PART = re.compile(r"(\w+)=([^,\s]+)")


class Guard:
    """Checks in the order of the documentation, and remembers the signatures of the last quarter of an hour."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._used: OrderedDict[str, float] = OrderedDict()

    def admit(self, call: Call) -> Account:
        """The account that a call comes from."""
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        if scheme.upper() != "HMAC-SHA256":
            raise Refusal("Unauthorized")
        parts = {name.lower(): value for name, value in _PART.findall(rest)}
        key, salt = parts.get("apikey", ""), parts.get("salt", "")
        if len(key) != KEY_LENGTH or not 12 <= len(salt) <= 64:
            raise Refusal("ValidationError", "apiKey 또는 salt의 길이가 올바르지 않습니다.")
        account = self._world.store.accounts.get(key)
        if account is None:
            raise Refusal("InvalidApiKey")
        self._check(parts, salt, account)
        if "ip_blocked" in call.faults or (account.ips and call.ip not in account.ips):
            raise Refusal("Forbidden")
        return account

    def _check(self, parts: dict[str, str], salt: str, account: Account) -> None:
        date, given = parts.get("date", ""), parts.get("signature", "")
        if not self._fresh(date):
            raise Refusal("RequestTimeTooSkewed")
        wanted = hmac.new(account.key.encode(), (date + salt).encode(), sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), given.lower().encode()):
            raise Refusal("SignatureDoesNotMatch")
        now = time.time()
        while self._used and next(iter(self._used.values())) < now - WINDOW:
            self._used.popitem(last=False)
        if wanted in self._used:
            raise Refusal("DuplicatedSignature")
        self._used[wanted] = now

    def _fresh(self, date: str) -> bool:
        """Near the real time, or near the time that the sandbox was moved to."""
        try:
            at = datetime.fromisoformat(date).timestamp()
        except ValueError:
            return False
        return min(abs(at - time.time()), abs(at - self._world.clock.now())) <= WINDOW

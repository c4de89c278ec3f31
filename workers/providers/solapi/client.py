"""The way to Solapi: every request signed anew, every answer told apart by whether it can have had an effect."""

import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from workers import http
from workers.providers import Account, Busy, Cause, Refused, Unknown

# errorCode in lower case: its HTTP status differs between the documentation and what was seen. What is wrong with a
# message is said of that message, so a code nobody knows (a quota, say) is not one of the messages: none is failed.
_CAUSES = {
    **dict.fromkeys(("unauthorized", "invalidapikey", "signaturedoesnotmatch", "inactiveapp"), Cause.AUTH),
    "notenoughbalance": Cause.BALANCE,
    "resourcenotfound": Cause.MESSAGE,
}
# Words about the state of a group: what it means for the messages only the group itself can say.
_GROUP_STATES = {"groupinprocessing", "alreadysent", "scheduledgroup", "invalidstatus", "deletedgroup", "failedgroup"}
_LATER = {"toomanyrequests", "requesttimetooskewed"}


class Client:
    """Requests in the name of one account. Holds no state between them."""

    def __init__(self, account: Account, sending: http.Timeout, reading: http.Timeout) -> None:
        self._account = account
        self._key, self._secret = account.credentials["api_key"], account.credentials["api_secret"]
        self._address = account.base_url.rstrip("/")
        self.sending, self._reading = sending, reading

    @property
    def identity(self) -> tuple[str, str]:
        """Whose things these are."""
        return self._address, self._key

    def harmless(
        self, method: str, path: str, body: bytes = b"", timeout: http.Timeout | None = None, invalid: Cause = Cause.EDGE
    ) -> Mapping[str, Any]:
        """Ask what makes nothing leave: no answer simply means asking again later."""
        try:
            return self.ask(method, path, body, timeout, invalid)
        except Unknown as error:
            raise Busy(error.reason) from None

    def ask(
        self, method: str, path: str, body: bytes = b"", timeout: http.Timeout | None = None, invalid: Cause = Cause.EDGE
    ) -> Mapping[str, Any]:
        """Ask once. `invalid` is whose fault it is when the request is called invalid."""
        headers = {"authorization": authorization(self._key, self._secret)}
        if body:
            headers["content-type"] = "application/json"
        try:
            response = http.request(method, self._address + path, body, timeout=timeout or self._reading, headers=headers)
        except http.NotSent as error:
            raise Busy(error.reason) from None
        except http.MaybeSent as error:
            raise Unknown(error.reason) from None
        return self._answer(response, invalid)

    def _answer(self, response: http.Response, invalid: Cause) -> Mapping[str, Any]:
        """The body of a success. A refusal has an errorCode; without one it came from a server before the application."""
        status, answer = response.status, decode(response.body)
        code = word(answer, "errorCode")
        if status == 429 or code.lower() in _LATER:
            raise Busy(f"HTTP {status} {code[:40]}".strip(), response.retry_seconds)
        if code and 400 <= status < 500 and status != 408:
            raise self._refusal(code, word(answer, "errorMessage"), invalid)
        if 300 <= status < 500 and status != 408:
            raise Refused(f"HTTP {status}", self._account.hide(f"HTTP {status} {response.content_type}"), Cause.EDGE)
        if not 200 <= status < 300 or not answer or code:
            raise Unknown(f"HTTP {status} without a readable answer")
        return answer

    def _refusal(self, code: str, message: str, invalid: Cause) -> Refused | Unknown:
        known = code.lower()
        if known == "duplicatedsignature":  # ours are never used twice: something on the way repeated the request
            return Unknown("the request arrived more than once")
        cause = _CAUSES.get(known, Cause.MESSAGE if known in _GROUP_STATES else Cause.EDGE)
        if known == "validationerror":
            cause = invalid
        if known == "forbidden":
            cause = Cause.IP if "IP" in message else Cause.AUTH
        code = self._account.hide(code)
        return Refused(code, self._account.hide(message) or code, cause)


def authorization(key: str, secret: str, date: str = "", salt: str = "") -> str:
    """A fresh signature: none may be used again within 15 minutes. The time is the real one, however ours is shifted."""
    date = date or datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    salt = salt or secrets.token_hex(16)
    signature = hmac.new(secret.encode(), (date + salt).encode(), sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"


def certain(outcome: Busy | Refused) -> bool:
    """Whether a request that ended like this surely had no effect: it did not leave, or was turned away at the door."""
    return isinstance(outcome, Busy) or outcome.cause in (Cause.AUTH, Cause.IP, Cause.BALANCE)


def about_the_group(outcome: Busy | Refused) -> bool:
    """Whether it was refused because of the state of a group, or because there is none."""
    return isinstance(outcome, Refused) and outcome.code.lower() in {*_GROUP_STATES, "resourcenotfound"}


def local(sentence: str) -> Refused:
    """A refusal of our own, before anything is asked."""
    return Refused("LOCAL", sentence, Cause.MESSAGE)


def encode(payload: object) -> bytes:
    """A request's body."""
    try:
        return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise local("보낼 수 없는 글자가 들어 있습니다.") from None


def decode(body: bytes) -> Mapping[str, Any]:
    """An answer's body as an object; a list becomes the `list` of one, and what cannot be read an empty one."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {"list": answer}


def number(value: object) -> int | None:
    """Numbers come bare or quoted."""
    try:
        return int(str(value))
    except ValueError:
        return None


def word(row: Mapping[str, Any], name: str) -> str:
    """A text of an answer; empty when it is anything else."""
    value = row.get(name)
    return str(value).strip() if isinstance(value, str | int) else ""

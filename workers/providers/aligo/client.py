"""The way to Aligo: every answer told apart by whether the call can have had an effect. Both hosts speak alike."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from core.clock import KST, kst
from workers import http
from workers.providers import Account, Busy, Cause, Refused, Unknown
from workers.providers.aligo import words
from workers.providers.aligo.words import number, word

_FORM = "application/x-www-form-urlencoded"
_REFUSED_FROM = 100  # the Kakao host's refusals that are not negative


class Client:
    """Requests to one host in the name of one account. Holds no state between them."""

    def __init__(
        self, account: Account, address: str, login: Mapping[str, str], waits: tuple[http.Timeout, http.Timeout], *success: int
    ) -> None:
        """`waits` for sends and for reads; `success` is what a code must be."""
        self._account, self._address, self._login = account, address.rstrip("/"), dict(login)
        (self._sending, self._reading), self._success = waits, success

    def send(self, path: str, body: bytes, content_type: str) -> Mapping[str, Any]:
        """Ask for something that costs money; the login is in the body."""
        return self._ask(path, body, content_type, self._sending)

    def change(self, path: str, **fields: str) -> Mapping[str, Any]:
        """Ask for a change that costs none."""
        return self._ask(path, self._form(fields), _FORM, self._reading)

    def read(self, path: str, **fields: str) -> Mapping[str, Any]:
        """Ask something that changes nothing: no answer simply means asking again later."""
        try:
            return self.change(path, **fields)
        except Unknown as error:
            raise Busy(error.reason) from None

    def _form(self, fields: Mapping[str, str]) -> bytes:
        return urlencode({**self._login, **fields}).encode()

    def _ask(self, path: str, body: bytes, content_type: str, timeout: http.Timeout) -> Mapping[str, Any]:
        try:
            response = http.post(self._address + path, body, content_type, timeout=timeout)
        except http.NotSent as error:
            raise Busy(error.reason) from None
        except http.MaybeSent as error:
            raise Unknown(error.reason) from None
        return self._answer(response)

    def _answer(self, response: http.Response) -> Mapping[str, Any]:
        """The body of a success. The application always says HTTP 200; anything else came from a server before it."""
        status, answer = response.status, decode(response.body)
        code = number(answer.get("result_code", answer.get("code")))
        if status == 429:
            raise Busy("HTTP 429", response.retry_seconds)
        if code is not None and self._refuses(code) and status < 500:
            raise self._refusal(code, word(answer, "message"))
        if 300 <= status < 500 and status != 408:
            raise Refused(f"HTTP {status}", self._account.hide(f"HTTP {status} {response.content_type}"), Cause.EDGE)
        if status != 200 or code not in self._success:
            raise Unknown(f"HTTP {status} without a readable answer")
        return answer

    def _refuses(self, code: int) -> bool:
        return code < 0 or (0 in self._success and code >= _REFUSED_FROM)

    def _refusal(self, code: int, message: str) -> Refused | Busy:
        cause, shown = words.cause(code, message), self._account.hide(message)
        if cause == words.LATER:
            return Busy(f"{code} {shown}")
        return Refused(str(code), shown, Cause(cause))


def local(sentence: str) -> Refused:
    """A refusal of our own, before anything is asked."""
    return Refused("LOCAL", sentence, Cause.MESSAGE)


def decode(body: bytes) -> Mapping[str, Any]:
    """An answer's body as an object; what cannot be read is an empty one."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def rows(answer: Mapping[str, Any], name: str = "list") -> list[Mapping[str, Any]]:
    """The rows of a list."""
    found = answer.get(name) or []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Busy("list not understood")
    return found


def time(row: Mapping[str, Any], *names: str) -> datetime:
    """When something was; Korean time on the wire, under one of several names."""
    text = next((found for name in names if (found := word(row, name))), "")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST).astimezone(UTC)
    except ValueError:
        raise Busy("list row without a readable time") from None


def days(since: datetime, until: datetime) -> list[date]:
    """The Korean days of a span: lists are asked for day by day."""
    first, last = kst(since).date(), kst(until).date()
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]

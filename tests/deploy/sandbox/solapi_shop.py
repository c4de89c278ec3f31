"""A Solapi client for the tests of the sandbox, written from the documentation and independent of the product's."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

KEY, SECRET, SENDER = "NCSSANDBOX000001", "sandbox-solapi-secret", "0212345678"
ONE, TWO = "01011112222", "01033334444"
GROUPS = "/messages/v4/groups"


def signed(key: str = KEY, secret: str = SECRET, date: str = "", salt: str = "") -> str:
    date = date or datetime.now(UTC).isoformat()
    salt = salt or uuid.uuid4().hex
    signature = hmac.new(secret.encode(), (date + salt).encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 apiKey={key}, date={date}, salt={salt}, signature={signature}"


def ask(sandbox: Any, method: str, path: str, body: object = None, authorization: str = "") -> httpx.Response:
    headers = {"authorization": authorization or signed()}
    answer: httpx.Response = sandbox.http.request(method, path, json=body, headers=headers)
    return answer


def good(sandbox: Any, method: str, path: str, body: object = None) -> Any:
    answer = ask(sandbox, method, path, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    return answer.json()


def refused(sandbox: Any, method: str, path: str, body: object = None) -> tuple[int, str]:
    answer = ask(sandbox, method, path, body)
    payload = answer.json()
    assert set(payload) == {"errorCode", "errorMessage"}
    return answer.status_code, payload["errorCode"]


def text(to: str = ONE, body: str = "안녕하세요", **more: object) -> dict[str, object]:
    return {"to": to, "from": SENDER, "text": body, "type": "SMS", "autoTypeDetect": False, **more}


def opened(sandbox: Any, **options: object) -> str:
    reference: str = good(sandbox, "POST", GROUPS, {"strict": True, **options})["groupId"]
    return reference


def filled(sandbox: Any, *messages: Mapping[str, object], **options: object) -> str:
    reference = opened(sandbox, **options)
    good(sandbox, "PUT", f"{GROUPS}/{reference}/messages", {"messages": list(messages) or [text()]})
    return reference


def sent(sandbox: Any, *messages: Mapping[str, object], **options: object) -> str:
    reference = filled(sandbox, *messages, **options)
    good(sandbox, "POST", f"{GROUPS}/{reference}/send", {})
    return reference


def status(sandbox: Any, reference: str) -> str:
    found: str = good(sandbox, "GET", f"{GROUPS}/{reference}")["status"]
    return found


def codes(sandbox: Any, reference: str) -> dict[str, str]:
    listed = good(sandbox, "GET", f"/messages/v4/list?groupId={reference}&limit=500")["messageList"]
    return {row["to"]: row["statusCode"] for row in listed.values()}

"""Who Solapi lets in: signatures, clocks, repetitions, addresses, and what it says to the others."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.deploy.sandbox.solapi_shop import KEY, SECRET, ask, good, signed

BALANCE = "/cash/v1/balance"


def minutes_ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def tampered() -> str:
    header = signed()
    return header[:-1] + ("0" if header[-1] != "0" else "1")


WRONG: dict[str, tuple[Callable[[], str], int, str]] = {
    "another scheme": (lambda: "Bearer abc", 401, "Unauthorized"),
    "a key of 15": (lambda: signed(key=KEY[:-1]), 400, "ValidationError"),
    "a salt of 11": (lambda: signed(salt="0" * 11), 400, "ValidationError"),
    "an unknown key": (lambda: signed(key="X" * 16), 400, "InvalidApiKey"),
    "another secret": (lambda: signed(secret="other"), 403, "SignatureDoesNotMatch"),
    "a changed signature": (tampered, 403, "SignatureDoesNotMatch"),
    "a slow clock": (lambda: signed(date=minutes_ago(16)), 403, "RequestTimeTooSkewed"),
    "a fast clock": (lambda: signed(date=minutes_ago(-16)), 403, "RequestTimeTooSkewed"),
    "no time": (lambda: signed(date="yesterday"), 403, "RequestTimeTooSkewed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_who_is_not_let_in(sandbox: Any, name: str) -> None:
    header, status, code = WRONG[name]
    answer = ask(sandbox, "GET", BALANCE, authorization=header())
    assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_without_a_header_nobody_is_known(sandbox: Any) -> None:
    answer = sandbox.http.get(BALANCE)
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "Unauthorized")


@pytest.mark.parametrize("minutes", [0, 14, -14])
def test_a_clock_may_be_a_little_off(sandbox: Any, minutes: float) -> None:
    assert ask(sandbox, "GET", BALANCE, authorization=signed(date=minutes_ago(minutes))).status_code == 200


def test_a_moved_sandbox_still_takes_the_real_time_and_its_own(sandbox: Any) -> None:
    sandbox.move_clock(7200)
    assert ask(sandbox, "GET", BALANCE).status_code == 200
    assert ask(sandbox, "GET", BALANCE, authorization=signed(date=minutes_ago(-120))).status_code == 200


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_the_names_in_the_header_may_be_written_in_any_case(sandbox: Any, spelling: Any) -> None:
    parts = [part.partition("=") for part in signed().split(", ")]
    shown = ", ".join(f"{spelling(name)}={value}" for name, _, value in parts)
    assert ask(sandbox, "GET", BALANCE, authorization=shown).status_code == 200


def test_a_signature_is_good_once(sandbox: Any) -> None:
    header = signed()
    assert ask(sandbox, "GET", BALANCE, authorization=header).status_code == 200
    again = ask(sandbox, "POST", "/messages/v4/groups", {}, authorization=header)
    assert (again.status_code, again.json()["errorCode"]) == (403, "DuplicatedSignature")


def test_a_refused_request_does_not_use_up_its_signature(sandbox: Any) -> None:
    sandbox.fault("busy", count=1, status=429)
    header = signed()
    assert ask(sandbox, "GET", BALANCE, authorization=header).status_code == 429
    assert ask(sandbox, "GET", BALANCE, authorization=header).status_code == 200


def test_an_account_may_be_tied_to_addresses(sandbox: Any) -> None:
    account = {"user": "TIEDTIEDTIEDTIED", "key": SECRET, "senders": ["0212345678"], "balance_won": 20, "ips": ["203.0.113.7"]}
    sandbox.http.post("/__sandbox/accounts", json=account).raise_for_status()
    answer = ask(sandbox, "GET", BALANCE, authorization=signed(key="TIEDTIEDTIEDTIED"))
    assert (answer.status_code, answer.json()) == (
        403,
        {"errorCode": "Forbidden", "errorMessage": "허용되지 않은 IP로 접근하고 있습니다."},
    )


def test_throttling_has_solapi_headers_and_no_standard_one(sandbox: Any) -> None:
    sandbox.fault("busy", count=1, status=429)
    answer = ask(sandbox, "GET", BALANCE)
    assert answer.status_code == 429
    assert answer.json() == {"errorCode": "TooManyRequests", "errorMessage": "잦은 호출로 제한되었습니다."}
    assert answer.headers["x-retry-after"] == "1"
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"} <= set(answer.headers)
    assert "retry-after" not in answer.headers


def test_prices_are_for_everybody(sandbox: Any) -> None:
    [korea] = sandbox.http.get("/pricing/v1/messaging/default").json()
    assert (korea["countryId"], korea["sms"], korea["lms"], korea["mms"]) == ("82", 18, 45, 110)


def test_sender_numbers_and_money_can_be_read(sandbox: Any) -> None:
    assert good(sandbox, "GET", "/senderid/v1/numbers/active") == ["0212345678"]
    money = good(sandbox, "GET", BALANCE)
    assert (money["balance"], money["point"]) == (10_000_000, 0)


@pytest.mark.parametrize(("method", "path"), [("PUT", BALANCE), ("GET", "/messages/v4/send-many/detail")])
def test_another_method_is_refused(sandbox: Any, method: str, path: str) -> None:
    answer = ask(sandbox, method, path)
    assert (answer.status_code, answer.json()["errorCode"]) == (405, "MethodNotAllowed")

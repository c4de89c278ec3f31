"""The shop whose Solapi account the tests use, and Solapi's answers as they are worded."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from core.rules.channel import Channel
from tests.workers.providers.cases import (
    HASTY,
    PATIENT,
    Case,
    Request,
    Step,
    assert_quiet,
    check_outcome,
    hangs,
    says,
    stage,
)
from workers import http
from workers.providers import Accepted, Account, Busy, Cause, Parcel, Provider, Refused, Unknown
from workers.providers.solapi import adapter as solapi

KEY, SECRET, HOOK, SENDER = "NCS0SecretOfShop", "s3cretOfTheShopInThirtyTwoSigns!", "typed-in-the-console", "0215880000"
NUMBERS = ("01011110001", "01011110002", "01011110003")
TEXTS = ("(광고)봄날커피 김하나님", "(광고)봄날커피 이두리님\n₩ 없이", "(광고)봄날커피 박세찌님")
SMS = Parcel(Channel.SMS, SENDER, NUMBERS, TEXTS)
JPEG = b"\xff\xd8\xff\xe0\r\n--\r\n\x00" + bytes(range(256))
GROUP = "G4V20261012093107BBBBBBBBBBBBBBB"
PAGE = b"<html><body>%s</body></html>"
CUT = b'{"groupId":"G4V20261012093107BBBBBBBBBBBBBBB","sta'


def account(url: str, test_mode: bool = False) -> Account:
    return Account("solapi", url, {"api_key": KEY, "api_secret": SECRET, "webhook_secret": HOOK}, test_mode)


def adapter(url: str, waiting: http.Timeout = PATIENT, test_mode: bool = False) -> Provider:
    return solapi.Adapter(account(url, test_mode), sending=waiting, reading=waiting)


def group(status: str = "PENDING", success: int = 3, failed: int = 0, **changes: object) -> dict[str, object]:
    """A group as every step answers with it."""
    count = {"total": success + failed, "sentTotal": 0, "sentFailed": 0, "sentSuccess": 0, "sentPending": 0}
    count |= {"registeredFailed": failed, "registeredSuccess": success}
    charge = {"sms": {"82": success}, "lms": {}, "mms": {}, "ata": {}}
    shown = {"groupId": GROUP, "status": status, "count": count, "countForCharge": charge, "dateSent": None}
    return {**shown, **changes}


def entry(receiver: str, code: str = "2000", kind: str = "SMS") -> dict[str, object]:
    words = "정상 접수(이통사로 접수 예정) " if code == "2000" else "실패"
    return {"to": receiver, "from": SENDER, "type": kind, "country": "82", "messageId": f"M4V{receiver}", "statusCode": code,
            "statusMessage": words, "accountId": "26000000000001"}  # fmt: skip


def filled(*codes: str, kind: str = "SMS") -> dict[str, object]:
    """The answer to step 2; three good messages unless told otherwise."""
    given = codes or ("2000",) * 3
    rows = [entry(NUMBERS[place % 3], code, kind) for place, code in enumerate(given)]
    return {"errorCount": sum(code != "2000" for code in given), "resultList": rows}


def refusal(code: str, status: int = 400, message: str = "요청 값이 올바르지 않습니다.", extra: str = "") -> Step:
    return says({"errorCode": code, "errorMessage": message}, status, extra)


OPENED, FILLED = says(group(success=0)), says(filled())
STARTED = says(group("SENDING"))
PENDING, WITHDRAWN = says(group()), says(group("DELETED"))
# What follows a refused start when the group shows that nothing went.
TAKEN_BACK = (PENDING, WITHDRAWN, WITHDRAWN)


@dataclass(frozen=True)
class Play:
    """What a whole send meets, step for step, and what must come of it."""

    name: str
    steps: Sequence[Step]
    outcome: Accepted | type[Busy] | type[Unknown] | Cause
    code: str | None = None
    retry_seconds: float | None = None

    def __str__(self) -> str:
        return self.name


def judge(play: Play, parcel: Parcel, secrets: Sequence[str], caplog: pytest.LogCaptureFixture) -> Sequence[Request]:
    """Play it: the outcome is as named, nothing was asked but what is in the play, nothing secret was said."""
    caplog.set_level(logging.DEBUG)
    noted: list[str] = []
    with stage(*play.steps) as scene:
        provider = adapter(scene.url, HASTY if hangs in play.steps else PATIENT)
        outcome = outcome_of(lambda: provider.send(parcel, noted.append))
    check_outcome(Case(play.name, None, play.outcome, play.code, play.retry_seconds), outcome)
    assert scene.visits == len(play.steps), "asked again, or not asked"
    assert noted == ([GROUP] if scene.visits > 1 else []), "noted before there was a message in it, once"
    assert_quiet(outcome, (*secrets, *parcel.receivers, *parcel.texts, parcel.sender), caplog)
    return scene.requests


def outcome_of(ask: Callable[[], Accepted]) -> Accepted | Refused | Busy | Unknown:
    try:
        return ask()
    except (Refused, Busy, Unknown) as error:
        return error


def listing(rows: Sequence[Mapping[str, object]], following: str | None = None) -> dict[str, object]:
    """One page of messages."""
    messages = {str(row["messageId"]): row for row in rows}
    return {"startKey": None, "nextKey": following, "limit": 500, "messageList": messages}


def row(receiver: str, code: str, **more: object) -> dict[str, object]:
    return {**entry(receiver, code), "statusMessage": None, "reason": None, "groupId": GROUP, **more}

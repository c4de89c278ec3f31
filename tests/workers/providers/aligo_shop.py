"""The shop whose Aligo account the tests use, and Aligo's answers as they are worded."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from core.clock import KST
from core.rules.channel import Channel
from tests.workers.providers.cases import PATIENT, Step, says
from workers import http
from workers.providers import Account, Parcel, Provider
from workers.providers.aligo import adapter as aligo

KEY, USER, SENDER = "k3ySecretOfTheShop", "bomnal-login", "0215880000"
NUMBERS = ("01011110001", "01011110002", "01011110003")
TEXTS = ("(광고)봄날커피 김하나님", "(광고)봄날커피 이두리님\n₩ 없이", "(광고)봄날커피 박세찌님")
SMS = Parcel(Channel.SMS, SENDER, NUMBERS, TEXTS)
JPEG = b"\xff\xd8\xff\xe0\r\n--\r\n\x00" + bytes(range(256)) + b"\r\n"
CUT = b'{"result_code":"1","message":"success","msg_id":"7001'
PAGE = b"<html><body>%s</body></html>"
NOON = datetime(2026, 10, 12, 12, tzinfo=KST)


def account(url: str, test_mode: bool = False) -> Account:
    return Account("aligo", url, {"key": KEY, "user_id": USER}, test_mode)


def adapter(url: str, waiting: http.Timeout = PATIENT, test_mode: bool = False) -> Provider:
    return aligo.Adapter(account(url, test_mode), sending=waiting, reading=waiting)


def taken(**changes: object) -> dict[str, object]:
    """A success: code and id quoted, counts bare."""
    answer = {"result_code": "1", "message": "success", "msg_id": "700100201"}
    return {**answer, "success_cnt": 3, "error_cnt": 0, "msg_type": "SMS", **changes}


def refused(code: int, message: str) -> Step:
    return says({"result_code": code, "message": message})


def listing(rows: Sequence[Mapping[str, object]], more: str = "N") -> dict[str, object]:
    """One page of a list."""
    return {"result_code": 1, "message": "success", "list": rows, "next_yn": more}

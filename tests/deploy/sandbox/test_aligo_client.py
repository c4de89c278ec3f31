"""A public Aligo client (`aligo-rest-client`), unmodified, against the sandbox. Only its host is told, by force."""

from collections.abc import Iterator
from typing import Any

import pytest
from aligo import client as module
from aligo.client import Aligo
from aligo.exc import AligoError, AllowAuthError, AllowSenderError, NotEnoughPoint

from tests.deploy.sandbox.conftest import ACCOUNT

ONE, TWO = "01011112222", "01033334444"
SENDER = ACCOUNT["sender"]


@pytest.fixture
def client(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aligo]:
    monkeypatch.setattr(module, "ALIGO_HOST", sandbox.url + "/")
    made = Aligo(auth_key=ACCOUNT["key"], user_id=ACCOUNT["user_id"], is_test=False)
    yield made
    made.request_session.close()


def test_it_sends_and_reads_the_results(client: Aligo, sandbox: Any) -> None:
    sent = client.sms_send(sender=SENDER, receiver=f"{ONE},{TWO}", msg="안녕하세요")
    assert (sent["success_cnt"], sent["error_cnt"], sent["msg_type"]) == (2, 0, "SMS")
    listed = client.status(msg_id=sent["msg_id"])
    assert {one["receiver"]: one["sms_state"] for one in listed["list"]} == {ONE: "전송중", TWO: "전송중"}
    sandbox.move_clock(61)
    listed = client.status(msg_id=sent["msg_id"])
    assert {one["sms_state"] for one in listed["list"]} == {"발송완료"}
    assert listed["next_yn"] == "N"


def test_it_sends_long_texts_with_a_title(client: Aligo, sandbox: Any) -> None:
    sent = client.lms_send(sender=SENDER, receiver=ONE, msg="긴 글" * 30, title="가을")
    [shown] = sandbox.get("/messages")["messages"]
    assert (sent["msg_type"], shown["type"], shown["title"], shown["text"]) == ("LMS", "LMS", "가을", "긴 글" * 30)


def test_its_pictures_are_no_files_and_so_go_as_text(client: Aligo, sandbox: Any) -> None:
    """The client puts `image` among the fields, where Aligo expects an upload: a fact about the client."""
    sent = client.mms_send(sender=SENDER, receiver=ONE, msg="전단", title="가을", image=b"\xff\xd8\xff\xe0")
    assert sent["msg_type"] == "SMS"
    assert sandbox.get("/messages")["messages"][0]["images"] == []


def test_it_reads_what_is_left(client: Aligo) -> None:
    before = client.remain()
    client.sms_send(sender=SENDER, receiver=ONE, msg="안녕하세요")
    assert client.remain()["SMS_CNT"] == before["SMS_CNT"] - 1


def test_its_test_mode_reaches_no_handset(client: Aligo, sandbox: Any) -> None:
    client.is_test = "Y"
    assert client.sms_send(sender=SENDER, receiver=ONE, msg="안녕하세요")["success_cnt"] == 1
    assert sandbox.get("/stats")["accepted_messages"] == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "ip_blocked"}, AllowAuthError),
        ({"kind": "sender_unregistered"}, AllowSenderError),
        ({"kind": "no_balance"}, NotEnoughPoint),
        ({"kind": "code", "code": -999}, AligoError),
    ],
    ids=lambda found: found["kind"] if isinstance(found, dict) else "",
)
def test_it_understands_refusals(client: Aligo, sandbox: Any, fault: dict[str, Any], error: type[Exception]) -> None:
    sandbox.fault(count=1, **fault)
    with pytest.raises(error):
        client.sms_send(sender=SENDER, receiver=ONE, msg="안녕하세요")
    assert sandbox.get("/stats")["accepted_messages"] == 0


def test_a_wrong_key_is_refused(client: Aligo) -> None:
    client.auth_key = "other"
    with pytest.raises(AllowAuthError):
        client.remain()


def test_a_call_that_is_not_known_has_no_results(client: Aligo) -> None:
    with pytest.raises(AligoError):
        client.status(msg_id="1")

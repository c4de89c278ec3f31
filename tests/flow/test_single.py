"""An order system: single messages by stubs and by REST, on the running product; each told at both doors where it can be."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
from jeondan.v1 import account_pb2, send_pb2, types_pb2

from deploy.local.product import Product
from tests.flow import doors, stubs
from tests.flow.running import Sandbox, login
from tests.flow.test_kill import Patient

PENDING = {"STATE_PLANNED", "STATE_CLAIMED", "STATE_UNKNOWN", "STATE_ACCEPTED"}


@pytest.fixture(scope="module")
def rest(product: Product) -> Iterator[doors.Rest]:
    made = doors.Rest(product.gateway_url, login(product)["api_key"])
    yield made
    made.http.close()


@pytest.fixture(scope="module", params=["grpc", "rest"])
def door(request: pytest.FixtureRequest, channel: grpc.Channel, rest: doors.Rest, product: Product) -> doors.Door:
    return rest if request.param == "rest" else doors.Grpc(channel, login(product)["api_key"])


@pytest.fixture(scope="module")
def sender(rest: doors.Rest) -> str:
    return str(rest("ListSenderNumbers")["senderNumbers"][0]["id"])


def notice(sender: str, **more: Any) -> dict[str, Any]:
    """A text of its own each time, so that the sandbox can tell one from another."""
    text = f"[봄날커피] 주문 {uuid4()}가 접수되었습니다."
    return {"to": "010-0077-0001", "text": text, "senderNumberId": sender, "purpose": "PURPOSE_INFO", **more}


def arrived(sandbox: Sandbox, text: str) -> list[dict[str, Any]]:
    return [one for one in sandbox.messages() if one["text"] == text]


def followed(door: doors.Door, message: dict[str, Any]) -> dict[str, Any]:
    """The message at its end."""
    found: dict[str, Any] = stubs.until(
        lambda: door("GetMessage", messageId=message["id"])["message"], lambda now: now["state"] not in PENDING
    )
    return found


@pytest.mark.parametrize(
    ("number", "state", "reason", "result"),
    [("010-0077-9001", "STATE_DELIVERED", "", ""), ("010-0077-9002", "STATE_FAILED", "NO_SUBSCRIBER", "결번")],
)
def test_a_message_is_followed_to_the_carriers_word(
    door: doors.Door, sandbox: Sandbox, sender: str, number: str, state: str, reason: str, result: str
) -> None:
    given = notice(sender, to=number, clientReference=f"주문-{door.name}")
    message = door("SendMessage", **given)["message"]
    assert (message["state"], message["channel"], message["costKrw"]) == ("STATE_PLANNED", "CHANNEL_SMS", 8)
    assert message["bytes"] == len(given["text"].encode("cp949"))
    end = followed(door, message)
    assert (end["state"], end["reason"], end["result"]) == (state, reason, result)
    assert (end["provider"], end["costKrw"], end["clientReference"]) == ("aligo", 8, f"주문-{door.name}")
    assert end["providerReference"] and end["sendTime"] and end["resultTime"] and not end["test"]
    (got,) = arrived(sandbox, given["text"])
    assert got["receiver"] == number.replace("-", "")


def test_fifty_at_once_with_one_key_are_one_message(call: stubs.Caller, sandbox: Sandbox, sender: str) -> None:
    request = send_pb2.SendMessageRequest(
        to="01000770001",
        text=f"[봄날커피] 주문 {uuid4()} 접수",
        sender_number_id=sender,
        purpose=types_pb2.PURPOSE_INFO,
        idempotency_key=f"주문 {uuid4()}",
    )
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: call("SendMessage", request), range(50)))
    assert all(answer == answers[0] for answer in answers)
    ask = send_pb2.GetMessageRequest(message_id=answers[0].message.id)
    end = stubs.until(lambda: call("GetMessage", ask).message, lambda now: now.state == send_pb2.Message.STATE_DELIVERED)
    assert end.id == answers[0].message.id and len(arrived(sandbox, request.text)) == 1
    request.text += " 다시"
    refusal = call.refused("SendMessage", request)
    assert (refusal.code, refusal.reason) == ("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED")
    assert not arrived(sandbox, request.text)


def test_the_header_of_rest_takes_any_key(rest: doors.Rest, sandbox: Sandbox, sender: str) -> None:
    given, headers = notice(sender), {"Idempotency-Key": f"order-{uuid4()}/1"}
    first, second = (rest.http.post("/api/v1/messages", json=given, headers=headers) for _ in range(2))
    assert first.status_code == second.status_code == 200 and first.json() == second.json()
    followed(rest, first.json()["message"])
    assert len(arrived(sandbox, given["text"])) == 1
    other = rest.http.post("/api/v1/messages", json={**given, "text": "다른 글"}, headers=headers)
    assert (other.status_code, other.json()["reason"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    long = rest.http.post("/api/v1/messages", json=given, headers={"Idempotency-Key": "x" * 101})
    assert long.status_code == 400


def test_five_hundred_with_three_bad_rows(door: doors.Door, sandbox: Sandbox, sender: str) -> None:
    order = str(uuid4())
    drafts = [{"to": f"0100078{at:04d}", "text": f"{order} {at}", "clientReference": f"{order}-{at}"} for at in range(500)]
    drafts[0]["to"], drafts[250]["text"], drafts[499]["text"] = "02-123-4567", "축하 🎉", "(광고) 할인"
    answer = door("BatchSend", messages=drafts, senderNumberId=sender, purpose="PURPOSE_INFO", idempotencyKey=order)
    assert (answer["acceptedCount"], answer["refusedCount"]) == (497, 3)
    refused = {at: one["refusal"] for at, one in enumerate(answer["outcomes"]) if "refusal" in one}
    assert {at: (one["field"], one["reason"]) for at, one in refused.items()} == {
        0: ("to", "PHONE_LANDLINE"),
        250: ("text", "UNSUPPORTED_CHARACTERS"),
        499: ("text", "AD_NEEDS_CAMPAIGN"),
    }
    ours = stubs.until(
        lambda: [one for one in sandbox.messages() if one["text"].startswith(order)], lambda found: len(found) >= 497
    )
    assert {(one["receiver"], one["text"]) for one in ours} == {
        (one["to"], one["text"]) for at, one in enumerate(drafts) if at not in refused
    }
    assert len(ours) == 497
    again = door("BatchSend", messages=drafts, senderNumberId=sender, purpose="PURPOSE_INFO", idempotencyKey=order)
    assert again == answer


def test_what_waits_is_taken_back_and_what_left_is_not(door: doors.Door, sandbox: Sandbox, sender: str) -> None:
    later = (datetime.now(UTC) + timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = notice(sender, scheduleTime=later)
    waiting = door("SendMessage", **given)["message"]
    assert door("CancelMessage", messageId=waiting["id"])["message"]["state"] == "STATE_CANCELLED"
    gone = followed(door, door("SendMessage", **notice(sender))["message"])
    found = door.refused("CancelMessage", messageId=gone["id"])
    assert found.reason == "TOO_LATE_TO_CANCEL" and "FAILED_PRECONDITION" in found.codes
    assert not arrived(sandbox, given["text"])


def test_a_killed_worker_sends_once(product: Product, channel: grpc.Channel, sandbox: Sandbox, sender: str) -> None:
    """The provider has taken it, the worker dies before it can write that down."""
    patient = Patient(channel, ("x-api-key", login(product)["api_key"]))
    text = f"[봄날커피] 주문 {uuid4()} 접수"
    request = send_pb2.SendMessageRequest(to="01000770001", text=text, sender_number_id=sender, purpose=types_pb2.PURPOSE_INFO)
    restarted = product.supervisor.restarts("worker-single")
    with sandbox.fault("slow_answer", path="/send*", delay=20):
        message = patient("SendMessage", request).message
        stubs.until(lambda: arrived(sandbox, text), bool)
        product.kill("worker-single")
    ask = send_pb2.GetMessageRequest(message_id=message.id)
    end = stubs.until(lambda: patient("GetMessage", ask).message, lambda now: now.state == send_pb2.Message.STATE_DELIVERED)
    assert end.cost_krw == 8 and len(arrived(sandbox, text)) == 1
    stubs.until(lambda: product.supervisor.restarts("worker-single"), lambda now: now > restarted)


def test_pages_of_the_whole_workspace_over_rest(rest: doors.Rest, sender: str) -> None:
    reference = str(uuid4())
    made = [rest("SendMessage", **notice(sender, clientReference=reference))["message"]["id"] for _ in range(5)]
    found: list[str] = []
    token = ""
    while True:
        asked = {"pageSize": 2, "pageToken": token, "filter": f'client_reference = "{reference}"'}
        page = rest.http.get("/api/v1/messages", params=asked).raise_for_status().json()
        found += [one["id"] for one in page["messages"]]
        token = page["nextPageToken"]
        if not token:
            break
    assert found == made[::-1]
    newest = rest.http.get("/api/v1/messages", params={"pageSize": 5, "startTime": "2020-01-01T00:00:00Z"}).json()["messages"]
    assert [one["id"] for one in newest] == made[::-1]
    assert not rest.http.get("/api/v1/messages", params={"endTime": "2020-01-01T00:00:00Z"}).json()["messages"]


def test_an_order_notice_is_no_campaign_and_makes_no_contact(rest: doors.Rest, sender: str) -> None:
    before = rest("ListCampaigns", pageSize=200), rest("ListContacts", pageSize=200)
    followed(rest, rest("SendMessage", **notice(sender, to="010-0079-1234"))["message"])
    assert (rest("ListCampaigns", pageSize=200), rest("ListContacts", pageSize=200)) == before
    assert not rest("ListContacts", filter='phone = "01000791234"')["contacts"]


def test_a_test_key_rehearses_everything_and_the_sandbox_sees_nothing(
    channel: grpc.Channel, product: Product, sandbox: Sandbox, sender: str
) -> None:
    program = doors.Grpc(channel, login(product)["test_key"])
    texts = [notice(sender, to=f"010-0077-{digits}") for digits in ("0001", "9002", "9005")]
    ends = [followed(program, program("SendMessage", **given)["message"]) for given in texts]
    assert [(one["state"], one["reason"]) for one in ends] == [
        ("STATE_DELIVERED", ""),
        ("STATE_FAILED", "NO_SUBSCRIBER"),
        ("STATE_FAILED", "OPTED_OUT"),
    ]
    assert all(one["test"] and one["costKrw"] == 0 and one["provider"] == "rehearsal" for one in ends)
    assert not [one for given in texts for one in arrived(sandbox, given["text"])]
    assert program.refused("CreateContact", contact={"phone": "01012345678"}).reason == "TEST_KEY"
    assert not program("ListSuppressions", filter='phone = "01000779005"')["suppressions"]


def test_a_client_that_knows_only_the_stubs_does_it_all(call: stubs.Caller) -> None:
    """Sender number, send, follow, list, take back: nothing but jeondan.v1."""
    number = call("ListSenderNumbers", account_pb2.ListSenderNumbersRequest()).sender_numbers[0].id
    common = {"sender_number_id": number, "purpose": types_pb2.PURPOSE_INFO, "client_reference": str(uuid4())}
    sent = call("SendMessage", send_pb2.SendMessageRequest(to="+82 10-0077-0001", text="주문 접수", **common)).message
    ask = send_pb2.GetMessageRequest(message_id=sent.id)
    stubs.until(lambda: call("GetMessage", ask).message, lambda now: now.state == send_pb2.Message.STATE_DELIVERED)
    later = send_pb2.SendMessageRequest(to="01000770001", text="내일 도착", **common)
    later.schedule_time.FromSeconds(int(time.time()) + 90_000)
    waiting = call("SendMessage", later).message
    listed = call("ListMessages", send_pb2.ListMessagesRequest(filter=f'client_reference = "{sent.client_reference}"'))
    assert [one.id for one in listed.messages] == [waiting.id, sent.id]
    taken = call("CancelMessage", send_pb2.CancelMessageRequest(message_id=waiting.id, request_id=str(uuid4()))).message
    assert taken.state == send_pb2.Message.STATE_CANCELLED


def test_an_order_notice_by_alimtalk_reaches_by_kakao_or_by_its_text(door: doors.Door, sandbox: Sandbox, sender: str) -> None:
    door("SyncTemplates")
    approved = 'state = "APPROVED" AND provider = "aligo"'
    [template, *_] = stubs.until(lambda: door("ListTemplates", filter=approved).get("templates"), bool)
    filled = {name: f"값{uuid4()}"[:20] for name in template["variables"]}
    for number, channel in (("010-0077-0002", "CHANNEL_ALIMTALK"), ("010-0077-9007", "CHANNEL_SMS")):
        given = notice(sender, to=number, templateId=template["id"], variables=filled)
        message = door("SendMessage", **given)["message"]
        assert message["channel"] == "CHANNEL_ALIMTALK"
        end = followed(door, message)
        assert (end["state"], end["channel"]) == ("STATE_DELIVERED", channel)
        shown = [one for one in sandbox.messages() if one["receiver"] == number.replace("-", "") and one["shown"]]
        assert any(filled[name] in one["text"] or one["text"] == given["text"] for one in shown for name in filled)

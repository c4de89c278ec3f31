"""Reading back from Solapi: lists by what messages have in common, page by page, pictures, webhooks."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from tests.deploy.sandbox.solapi_shop import GROUPS, ONE, TWO, filled, good, refused, sent, signed, text

LIST = "/messages/v4/list"
JPEG = b"\xff\xd8\xff\xe0 not much of a picture"


def test_a_message_as_the_list_shows_it(sandbox: Any) -> None:
    reference = sent(sandbox, text(ONE, "글", type="LMS", subject="제목", customFields={"deliveryId": "d"}))
    answer = good(sandbox, "GET", f"{LIST}?groupId={reference}")
    assert (answer["startKey"], answer["nextKey"], answer["limit"]) == (None, None, 20)
    [(name, row)] = answer["messageList"].items()
    assert name == row["messageId"] == row["_id"] and len(name) == 32
    assert {part: row[part] for part in ("groupId", "to", "from", "type", "text", "subject", "statusCode", "status")} == {
        "groupId": reference, "to": ONE, "from": "0212345678", "type": "LMS", "text": "글", "subject": "제목",
        "statusCode": "2000", "status": "PENDING",
    }  # fmt: skip
    assert row["customFields"] == {"deliveryId": "d"}
    assert row["dateCreated"].endswith("Z")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("to=01011112222", {ONE}),
        ("type=LMS", {TWO}),
        ("from=0212345678", {ONE, TWO}),
        ("from=0299999999", set()),
        ("statusCode=2000", {ONE, TWO}),
        ("statusCode=4000", set()),
        ("criteria=to,type&cond=eq,eq&value=01033334444,LMS", {TWO}),
        ("dateType=CREATED&startDate=2020-01-01T00:00:00Z&endDate=2020-01-02T00:00:00Z", set()),
        ("dateType=CREATED&startDate=2020-01-01T00:00:00Z", {ONE, TWO}),
        ("groupId=G4V20261012093107BBBBBBBBBBBBBBB", set()),
        ("messageId=M4V20261012093107BBBBBBBBBBBBBBB", set()),
    ],
)
def test_messages_are_found_by_what_they_have_in_common(sandbox: Any, query: str, found: set[str]) -> None:
    sent(sandbox, text(ONE), text(TWO, type="LMS"))
    for path in (LIST, "/messages/v4/list-old"):
        assert {row["to"] for row in good(sandbox, "GET", f"{path}?{query}")["messageList"].values()} == found


def test_a_message_is_found_by_its_id(sandbox: Any) -> None:
    names = [*good(sandbox, "GET", f"{LIST}?groupId={sent(sandbox, text(ONE), text(TWO))}")["messageList"]]
    for name, receiver in zip(names, (ONE, TWO), strict=True):
        assert [row["to"] for row in good(sandbox, "GET", f"{LIST}?messageId={name}")["messageList"].values()] == [receiver]
    both = good(sandbox, "GET", f"{LIST}?messageIds={','.join(names)}")["messageList"]
    assert [*both] == names


def test_pages_follow_each_other(sandbox: Any) -> None:
    reference = sent(sandbox, *(text(f"0101{place:07}") for place in range(7)))
    seen, start = [], ""
    for _ in range(4):
        page = good(sandbox, "GET", f"{LIST}?groupId={reference}&limit=2{start}")
        seen += [row["to"] for row in page["messageList"].values()]
        start = f"&startKey={page['nextKey']}"
    assert seen == [f"0101{place:07}" for place in range(7)]
    assert page["nextKey"] is None


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_holds_1_to_500(sandbox: Any, limit: int) -> None:
    assert refused(sandbox, "GET", f"{LIST}?limit={limit}") == (400, "ValidationError")


def test_groups_are_listed_newest_first(sandbox: Any) -> None:
    first, second = sent(sandbox), filled(sandbox)
    assert [*good(sandbox, "GET", GROUPS)["groupList"]] == [second, first]
    assert [*good(sandbox, "GET", f"{GROUPS}?criteria=groupId&cond=eq&value={first}")["groupList"]] == [first]
    page = good(sandbox, "GET", f"{GROUPS}?limit=1")
    assert page["nextKey"] == first


def test_another_account_sees_nothing_of_it(sandbox: Any) -> None:
    reference = sent(sandbox)
    account = {"user": "OTHEROTHEROTHER1", "key": "s", "senders": ["0212345678"], "balance_won": 2000}
    sandbox.http.post("/__sandbox/accounts", json=account).raise_for_status()

    def other(path: str) -> Any:
        return sandbox.http.get(path, headers={"authorization": signed("OTHEROTHEROTHER1", "s")})

    assert other(f"{GROUPS}/{reference}").status_code == 404
    assert other(LIST).json()["messageList"] == {}


# pictures


def upload(sandbox: Any, data: bytes = JPEG) -> Any:
    return good(
        sandbox, "POST", "/storage/v1/files", {"file": base64.b64encode(data).decode(), "name": "flyer.jpg", "type": "MMS"}
    )


def test_a_picture_goes_up_once_and_is_shown_on_the_phone(sandbox: Any) -> None:
    file = upload(sandbox)
    assert (file["fileSize"], file["originalName"], file["type"]) == (len(JPEG), "flyer.jpg", "MMS")
    sent(sandbox, text(ONE, type="MMS", imageId=file["fileId"]), text(TWO, type="MMS", imageId=file["fileId"]))
    [one, two] = sandbox.get("/messages")["messages"]
    assert one["images"] == two["images"]
    assert sandbox.http.get(one["images"][0]["url"]).content == JPEG


@pytest.mark.parametrize(
    "file", [base64.b64encode(b"GIF89a").decode(), base64.b64encode(JPEG + bytes(200 * 1024)).decode(), "§", ""]
)
def test_only_a_small_jpeg_is_a_picture(sandbox: Any, file: str) -> None:
    assert refused(sandbox, "POST", "/storage/v1/files", {"file": file, "type": "MMS"}) == (400, "ValidationError")


# webhooks


@contextmanager
def listener(*statuses: int) -> Iterator[tuple[str, list[tuple[dict[str, str], Any]]]]:
    """Somebody who takes pushes; answers with these statuses, then 200."""
    got: list[tuple[dict[str, str], Any]] = []
    answers = iter(statuses)

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
            self.send_response(next(answers, 200))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/reports", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def pushing(launch: Any) -> Any:
    return launch("--ripen", "0.2", "--webhook-pause", "0.01", "--failing-percent", "0")


def hook(sandbox: Any, url: str, event: str = "SINGLE-REPORT") -> str:
    name: str = good(sandbox, "POST", "/webhook/v1/outgoing", {"eventId": event, "url": url, "name": "reports"})["webhookId"]
    return name


def test_a_report_names_what_ended(pushing: Any) -> None:
    with listener() as (url, got):
        hook(pushing, url)
        reference = sent(pushing, text(ONE, customFields={"deliveryId": "d"}), text("01022229002"), text("01022229004"))
        until(lambda: bool(got))
    [(headers, items)] = got
    assert headers["x-solapi-event-name"] == "SINGLE-REPORT"
    assert headers["x-solapi-secret"] == hashlib.sha1(b"sandbox-webhook-secret").hexdigest()
    assert {(item["data"]["to"], item["data"]["statusCode"], item["data"]["groupId"]) for item in items} == {
        (ONE, "4000", reference),
        ("01022229002", "3032", reference),
    }
    assert [item["retryCount"] for item in items] == [0, 0]
    assert items[0]["data"]["customFields"] == {"deliveryId": "d"}


def test_a_group_report_names_the_group(pushing: Any) -> None:
    with listener() as (url, got):
        hook(pushing, url, "GROUP-REPORT")
        reference = sent(pushing)
        until(lambda: bool(got))
    [(_, [item])] = got
    assert (item["data"]["groupId"], item["data"]["status"]) == (reference, "COMPLETE")


def test_five_tries_and_no_more(pushing: Any) -> None:
    with listener(*[500] * 9) as (url, got):
        hook(pushing, url)
        sent(pushing)
        until(lambda: len(got) >= 5)
        time.sleep(0.5)  # the pause before a sixth try would have been 0.16 s
    assert [items[0]["retryCount"] for _, items in got] == [0, 1, 2, 3, 4]
    assert len({items[0]["eventDataId"] for _, items in got}) == 1


def test_nobody_there_stops_nothing(pushing: Any) -> None:
    with listener() as (url, got):
        hook(pushing, "http://127.0.0.1:1/nobody")
        hook(pushing, url)
        sent(pushing)
        until(lambda: bool(got))


def test_pushes_are_lost_doubled_turned_round_and_of_the_old_shape(pushing: Any) -> None:
    with listener() as (url, got):
        hook(pushing, url)
        for kind in ("webhook_lost", "webhook_twice", "webhook_backwards", "webhook_flat"):
            pushing.fault(kind, count=1, after=0 if kind == "webhook_lost" else 1)
        sent(pushing, text("01011110001"))
        time.sleep(0.6)
        sent(pushing, text("01011110002"), text("01011110003"))
        until(lambda: len(got) >= 2)
    assert [[item["to"] for item in items] for _, items in got] == [["01011110003", "01011110002"]] * 2


def test_an_address_can_be_taken_back_and_survives_the_rest(pushing: Any) -> None:
    first, second = hook(pushing, "http://127.0.0.1:1/a"), hook(pushing, "http://127.0.0.1:1/b")
    assert good(pushing, "DELETE", f"/webhook/v1/outgoing/{first}")["webhookId"] == first
    pushing.http.delete("/__sandbox/messages").raise_for_status()
    pushing.kill()
    pushing.start()
    listed = good(pushing, "GET", "/webhook/v1/outgoing")["webhookList"]
    assert [(row["webhookId"], row["url"]) for row in listed] == [(second, "http://127.0.0.1:1/b")]
    assert refused(pushing, "DELETE", f"/webhook/v1/outgoing/{first}") == (404, "ResourceNotFound")


@pytest.mark.parametrize("body", [{}, {"eventId": "OTHER", "url": "http://a"}, {"eventId": "SINGLE-REPORT", "url": "file:///"}])
def test_an_address_that_is_none(sandbox: Any, body: object) -> None:
    assert refused(sandbox, "POST", "/webhook/v1/outgoing", body) == (400, "ValidationError")


# faults


@pytest.mark.parametrize(
    ("kind", "sent_anyway"),
    [
        ("lost_answer_reset", 1),
        ("error_500_after", 1),
        ("truncated", 1),
        ("cut_body", 1),
        ("empty", 1),
        ("refuse", 0),
        ("error_500", 0),
    ],
)
def test_faults_know_solapis_paths(sandbox: Any, kind: str, sent_anyway: int) -> None:
    reference = filled(sandbox)
    sandbox.fault(kind, count=1, path=f"POST {GROUPS}/*/send")
    try:
        answer = sandbox.http.post(f"{GROUPS}/{reference}/send", headers=_header(), json={})
        assert kind not in ("lost_answer_reset", "cut_body", "refuse")
        assert answer.status_code in (200, 500)
    except httpx.TransportError:
        assert kind in ("lost_answer_reset", "cut_body", "refuse")
    assert sandbox.get("/stats")["accepted_messages"] == sent_anyway


def test_a_late_start_is_done_although_the_caller_has_gone(sandbox: Any) -> None:
    reference = filled(sandbox)
    sandbox.fault("late", count=1, delay=2)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{sandbox.url}{GROUPS}/{reference}/send", headers=_header(), json={}, timeout=0.5)
    assert sandbox.get("/stats")["accepted_messages"] == 0
    until(lambda: sandbox.get("/stats")["accepted_messages"] == 1)


@pytest.mark.parametrize(
    ("kind", "options", "answer"),
    [
        ("ip_blocked", {}, (403, "Forbidden")),
        ("no_balance", {}, (402, "NotEnoughBalance")),
        ("code", {"error": "InactiveApp"}, (400, "InactiveApp")),
        ("code", {"error": "GroupInProcessing"}, (409, "GroupInProcessing")),
    ],
)
def test_solapi_refuses(sandbox: Any, kind: str, options: dict[str, Any], answer: tuple[int, str]) -> None:
    reference = filled(sandbox)
    sandbox.fault(kind, count=1, **options)
    assert refused(sandbox, "POST", f"{GROUPS}/{reference}/send", {}) == answer
    assert sandbox.get("/stats")["accepted_messages"] == 0


@pytest.mark.parametrize(("kind", "code"), [("sender_unregistered", "1062"), ("partial", "1011")])
def test_messages_are_refused_on_demand(sandbox: Any, kind: str, code: str) -> None:
    sandbox.fault(kind, count=1)
    reference = filled(sandbox, text(ONE))
    [row] = good(sandbox, "GET", f"{LIST}?groupId={reference}")["messageList"].values()
    assert row["statusCode"] == code


def _header() -> dict[str, str]:
    return {"authorization": signed()}

"""The door to providers against a real server on loopback: every way to fail, told apart by whether it was sent."""

import logging
import os
import socket
import time

import pytest

from tests.workers.providers.cases import (
    HASTY,
    PATIENT,
    Step,
    hangs,
    leaves,
    nobody,
    resets,
    says,
    sends,
    slams,
    stage,
    stalls,
    trickles,
    wire,
)
from workers import http

FORM = "application/x-www-form-urlencoded"
SECRET = "key=k3ySecret&receiver=01011110001"


def post(url: str, body: bytes = SECRET.encode(), timeout: http.Timeout = PATIENT) -> http.Response:
    return http.post(f"{url}/send/", body, FORM, timeout=timeout)


def test_an_answer_comes_back_whole_and_the_request_went_out_as_given() -> None:
    with stage(says({"result_code": "1"})) as scene:
        answer = http.post(f"{scene.url}/send/", b"a=1", FORM, timeout=PATIENT, headers={"x-more": "yes"})
    assert answer == http.Response(200, "text/html; charset=UTF-8", b'{"result_code": "1"}')
    [request] = scene.requests
    assert (request.line, request.body) == ("POST /send/ HTTP/1.1", b"a=1")
    assert request.headers["content-type"] == FORM
    assert request.headers["x-more"] == "yes"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_every_method_goes_out_as_given(method: str) -> None:
    with stage(says({"done": True}), says(b"gone", 404)) as scene:
        with_body = http.request(
            method, f"{scene.url}/a?b=1", b"{}", timeout=PATIENT, headers={"content-type": "application/json"}
        )
        without = http.request(method, f"{scene.url}/a", timeout=PATIENT)
    assert [with_body.status, without.status] == [200, 404]
    first, second = scene.requests
    assert (first.line, first.body, first.headers["content-type"]) == (f"{method} /a?b=1 HTTP/1.1", b"{}", "application/json")
    assert (second.line, second.body, "content-type" in second.headers) == (f"{method} /a HTTP/1.1", b"", False)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_every_method_fails_in_the_same_two_ways(method: str) -> None:
    with stage(leaves) as scene, pytest.raises(http.MaybeSent):
        http.request(method, scene.url, b"{}", timeout=PATIENT)
    assert scene.visits == 1
    with pytest.raises(http.NotSent, match="ConnectError"):
        http.request(method, nobody(), b"{}", timeout=PATIENT)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 403, 404, 429, 500, 503])
def test_every_status_is_an_answer_and_nothing_is_followed_or_repeated(status: int) -> None:
    with stage(says(b"", status, "Location: /elsewhere/\r\n")) as scene:
        assert post(scene.url).status == status
    assert [request.path for request in scene.requests] == ["/send/"]
    assert scene.visits == 1


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("Retry-After: 7\r\n", 7.0),
        ("x-retry-after: 3\r\n", 3.0),
        ("x-retry-after: 4.5\r\n", 4.5),
        ("Retry-After: soon\r\n", None),
        ("Retry-After: -1\r\n", None),
        ("", None),
    ],
)
def test_a_named_waiting_time_is_kept(line: str, seconds: float | None) -> None:
    with stage(says(b"", 429, line)) as scene:
        assert post(scene.url).retry_seconds == seconds


MAYBE: dict[str, Step] = {
    "closed before reading": slams,
    "closed after reading": leaves,
    "reset after reading": resets,
    "no answer": hangs,
    "half a status line": sends(b"HTTP/1.1 20"),
    "half a header": sends(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "no HTTP at all": sends(b"hello\r\n\r\n"),
    "body shorter than promised": sends(wire(b"{}").replace(b"Length: 2", b"Length: 20")),
    "broken chunks": sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"),
    "an answer that trickles": trickles(wire(b"x" * 500), 0.01),
}


SILENT = ("no answer", "an answer that trickles")


@pytest.mark.parametrize("name", MAYBE)
def test_a_failure_after_writing_may_have_been_sent(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with stage(MAYBE[name]) as scene, pytest.raises(http.MaybeSent) as caught:
        post(scene.url, timeout=HASTY if name in SILENT else PATIENT)
    assert scene.visits == 1
    assert caught.value.reason
    assert SECRET not in f"{caught.value!r} {caplog.text}"


def test_a_body_nobody_reads_may_have_been_sent() -> None:
    with stage(stalls) as scene, pytest.raises(http.MaybeSent, match="WriteTimeout"):
        post(scene.url, bytes(64 * 1024 * 1024), http.Timeout(connect=2, write=0.3, read=30))


def test_an_answer_beyond_the_limit_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_ANSWER_LIMIT", 1000)
    with stage(says(b"x" * 1000), says(b"x" * 1001)) as scene:
        assert len(post(scene.url).body) == 1000
        with pytest.raises(http.MaybeSent, match="too large"):
            post(scene.url)


def test_nobody_listening_is_not_sent() -> None:
    with pytest.raises(http.NotSent, match="ConnectError"):
        post(nobody())


def test_a_name_nobody_knows_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(http.NotSent, match="Name or service not known"):
        post("http://provider.invalid")


def test_no_tls_where_tls_was_asked_for_is_not_sent() -> None:
    with stage(stalls) as scene, pytest.raises(http.NotSent):
        scene.steps = [sends(b"HTTP/1.1 400 Bad Request\r\n\r\n")]
        post(scene.url.replace("http:", "https:"), timeout=http.Timeout(connect=0.5, write=0.5, read=0.5))


def test_a_full_house_is_not_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for guest in waiting:
            guest.setblocking(False)
            guest.connect_ex(address)
        with pytest.raises(http.NotSent, match="ConnectTimeout"):
            post(f"http://127.0.0.1:{address[1]}", timeout=http.Timeout(connect=0.3, write=1, read=1))
        for guest in waiting:
            guest.close()


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "http://", "http://127.0.0.1:99999", "http://a\x00b"])
def test_an_address_that_is_none_is_not_sent(url: str) -> None:
    with pytest.raises(http.NotSent):
        post(url)


def test_a_burst_uses_one_connection() -> None:
    with stage(says(b"1"), says(b"2"), says(b"3")) as scene:
        assert [post(scene.url).body for _ in range(3)] == [b"1", b"2", b"3"]
    assert scene.connections == 1


def test_a_connection_that_rested_too_long_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_REUSE_SECONDS", 0.05)
    http.close()
    with stage(says(b"1"), says(b"2")) as scene:
        post(scene.url)
        time.sleep(0.1)
        post(scene.url)
    assert scene.connections == 2


def test_a_connection_the_server_closed_meanwhile_costs_nothing() -> None:
    with stage(sends(wire(b"1")), says(b"2")) as scene:
        post(scene.url)
        while scene.connections and socket_still_open(scene.url):
            time.sleep(0.01)
        assert post(scene.url).body == b"2"
    assert scene.connections == 2


def socket_still_open(url: str) -> bool:
    """Whether our side of a connection to this server has not yet heard that it ended (see /proc/net/tcp)."""
    port = f":{int(url.rsplit(':', 1)[1]):04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return any(row[2].endswith(port) and row[3] == "01" for row in rows)


def test_a_forked_child_uses_its_own_connection() -> None:
    with stage(says(b"1"), says(b"2"), says(b"3")) as scene:
        post(scene.url)
        child = os.fork()
        if child == 0:
            os._exit(0 if post(scene.url).body == b"2" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert post(scene.url).body == b"3"
    assert scene.connections == 2


def test_the_environment_cannot_send_us_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, nobody())
    http.close()
    with stage(says(b"direct")) as scene:
        assert post(scene.url).body == b"direct"


def test_neither_address_nor_body_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with stage(says(b"{}")) as scene:
        answer = http.post(f"{scene.url}/list?{SECRET}", SECRET.encode(), FORM, timeout=PATIENT)
    assert SECRET not in caplog.text
    assert "{}" not in repr(answer)

"""The door to providers against a real server on loopback: every way to fail, told apart by whether it was sent."""

import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.workers.providers.cases import (
    HASTY,
    PATIENT,
    Step,
    Visit,
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


# --- to an address that a stranger chose --------------------------------------------------------------------------


def outside(url: str, seconds: float = 5.0, allowed: str = "127.0.0.1") -> http.Response:
    return http.post_outside(url, b"{}", {"x-id": "1"}, may_reach=lambda address: address == allowed, seconds=seconds)


def leads_to(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """What a name leads to, one answer after the other; the questions."""
    asked: list[str] = []

    def lookup(host: str, port: int, *_: object, **__: object) -> list[object]:
        if host[0].isdigit():
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[min(len(asked), len(answers)) - 1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


def test_a_strangers_server_gets_the_post_and_its_body_is_not_read() -> None:
    with stage(says(b"x" * 100_000, 201)) as scene:
        assert outside(f"{scene.url}/hook?a=1") == http.Response(201, "text/html; charset=UTF-8", b"")
    [request] = scene.requests
    assert (request.line, request.body, request.headers["x-id"]) == ("POST /hook?a=1 HTTP/1.1", b"{}", "1")


def test_it_goes_to_the_address_that_was_judged_whatever_the_name_says_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with stage(says(b"")) as scene:
        port = scene.url.rpartition(":")[2]
        asked = leads_to(monkeypatch, "127.0.0.1", "10.0.0.1", "10.0.0.1")
        assert outside(f"http://rebinding.example.com:{port}/hook").status == 200
    assert asked == ["rebinding.example.com"], "the name is asked for once, and what it said was used"
    assert scene.requests[0].headers["host"] == f"rebinding.example.com:{port}"


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.2"])
def test_an_address_that_may_not_be_reached_is_not_even_knocked_at(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    leads_to(monkeypatch, address)
    with pytest.raises(http.Forbidden):
        outside("http://shop.example.com:1/hook")


def test_one_bad_address_of_several_spoils_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 1)) for address in ("127.0.0.1", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(http.Forbidden):
        outside("http://shop.example.com:1/hook")


def test_a_strangers_redirect_is_not_followed() -> None:
    with stage(says(b"", 302, "Location: /other\r\n")) as scene:
        assert outside(scene.url).status == 302
    assert scene.visits == 1


def test_a_head_that_trickles_is_over_in_time() -> None:
    with stage(trickles(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000, 0.02)) as scene:
        begun = time.monotonic()
        with pytest.raises(http.MaybeSent):
            outside(scene.url, seconds=0.5)
        assert time.monotonic() - begun < 60, "200 KB at this pace would take an hour"


def test_a_stranger_who_is_silent_or_not_there() -> None:
    with stage(hangs) as scene, pytest.raises(http.MaybeSent):
        outside(scene.url, seconds=0.3)
    assert scene.visits == 1
    with pytest.raises(http.NotSent):
        outside(nobody())


@pytest.mark.parametrize("url", ["", "http://", "http://127.0.0.1:99999", "http://a\x00b"])
def test_what_is_no_address_is_not_sent_outside(url: str) -> None:
    with pytest.raises(http.NotSent):
        outside(url)


def test_no_connection_is_kept_for_another_name() -> None:
    with stage(says(b"1"), says(b"2")) as scene:
        outside(scene.url)
        outside(scene.url)
    assert scene.connections == 2


def test_tls_is_checked_against_the_name_not_the_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A certificate for the name is taken at the judged address; one for another name is not."""
    authority, chain = certificate(tmp_path, "shop.example.com")
    monkeypatch.setattr(
        http, "_outside", lambda: httpx.Client(trust_env=False, verify=ssl.create_default_context(cafile=authority))
    )
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(chain)
    leads_to(monkeypatch, "127.0.0.1")
    with secure(served, says(b"")) as port:
        assert outside(f"https://shop.example.com:{port}/hook").status == 200
    with secure(served, says(b"")) as port, pytest.raises(http.NotSent):
        outside(f"https://other.example.com:{port}/hook")


@contextmanager
def secure(context: ssl.SSLContext, *steps: Step) -> Iterator[int]:
    """A TLS door in front of a stage."""
    with stage(*steps) as scene, socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                raw, _ = listener.accept()
                with raw, context.wrap_socket(raw, server_side=True) as connection:
                    scene.next_step()(Visit(scene, connection))

        door = threading.Thread(target=serve)
        door.start()
        yield listener.getsockname()[1]
        door.join(10)


def certificate(folder: Path, name: str) -> tuple[str, str]:
    """A self-signed certificate for a name: what to trust, and what to serve."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(shown)
    (folder / "chain.pem").write_bytes(shown + secret)
    return str(folder / "ca.pem"), str(folder / "chain.pem")

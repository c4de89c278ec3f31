"""The fault proxy does what drills believe it does."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.faults.proxy import Cut, HttpProxy, Proxy, Wires


class Part(ThreadingHTTPServer):
    """Remembers every whole body it got, and how many connections it saw broken."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[bytes] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Broken connections are the point."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Part

    def do_POST(self) -> None:
        wanted = int(self.headers["content-length"])
        body = self.rfile.read(wanted)
        if len(body) < wanted:
            return
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def part() -> Iterator[Part]:
    with Part() as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def wires() -> Iterator[Wires]:
    with Wires() as open_wires:
        yield open_wires


@pytest.fixture
def proxy(wires: Wires, part: Part) -> HttpProxy:
    return HttpProxy(wires, part.server_port)


@pytest.fixture
def client(proxy: HttpProxy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{proxy.port}", timeout=10) as made:
        yield made


def is_send(line: bytes) -> bool:
    return line.startswith(b"POST /send")


def test_it_passes_requests_on(client: httpx.Client, part: Part, proxy: HttpProxy) -> None:
    big = b"x" * 300_000
    assert [client.post("/send/", content=body).text for body in (b"one", big)] == ["ok", "ok"]
    assert part.bodies == [b"one", big]
    assert proxy.connections == 1


@pytest.mark.parametrize(("cut", "arrived"), [(Cut.BEFORE, 0), (Cut.DURING, 0), (Cut.AFTER, 1)])
def test_a_request_is_cut_where_it_was_said(client: httpx.Client, part: Part, proxy: HttpProxy, cut: Cut, arrived: int) -> None:
    proxy.cut_requests([None, cut], is_send)
    assert client.post("/send/", content=b"first").text == "ok"
    assert client.post("/list/", content=b"no send").text == "ok"
    with pytest.raises(httpx.TransportError):
        client.post("/send/", content=b"y" * 10_000)
    assert client.post("/send/", content=b"last").text == "ok"
    assert len(part.bodies) == 3 + arrived
    assert proxy.hits == {cut: 1}


def test_a_stall_delays_and_loses_nothing(client: httpx.Client, part: Part, proxy: HttpProxy) -> None:
    client.post("/send/", content=b"before")
    proxy.stall(0.5)
    begun = time.monotonic()
    assert client.post("/send/", content=b"late").text == "ok"
    assert time.monotonic() - begun >= 0.4
    assert part.bodies == [b"before", b"late"]


def test_while_it_refuses_nobody_gets_through(client: httpx.Client, part: Part, proxy: HttpProxy) -> None:
    client.post("/send/", content=b"before")
    proxy.refuse(60)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            client.post("/send/", content=b"never")
    proxy.heal()
    assert client.post("/send/", content=b"after").text == "ok"
    assert part.bodies == [b"before", b"after"]


def test_any_protocol_is_cut(wires: Wires) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(wires, listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as caller:
            caller.sendall(b"hello")
            served, _ = listener.accept()
            with served:
                assert served.recv(5) == b"hello"
                assert proxy.cut() == 1
                with pytest.raises(ConnectionResetError):
                    caller.recv(1)
                with pytest.raises(ConnectionResetError):
                    served.recv(1)


def test_nobody_behind_it_is_a_broken_connection(wires: Wires) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    proxy = Proxy(wires, port)
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as caller:
        caller.recv(1)  # unless connecting has met the reset already

"""The guard itself: a test that reaches beyond this machine fails, whatever it uses."""

import asyncio
import socket
import urllib.request

import pytest

from tests.network import ForbiddenNetwork, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "0.0.0.0", "", None, b"127.0.0.1"])
def test_this_machine_is_allowed(host: str | bytes | None) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "8.8.8.8", "2001:db8::1", "apis.aligo.in", b"example.com"])
def test_everything_else_is_not(host: str | bytes) -> None:
    assert not is_loopback(host)


def test_a_connection_to_an_address_is_stopped() -> None:
    with socket.socket() as unconnected, pytest.raises(ForbiddenNetwork):
        unconnected.connect(("192.0.2.1", 80))


def test_a_datagram_is_stopped() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unconnected, pytest.raises(ForbiddenNetwork):
        unconnected.sendto(b"x", ("192.0.2.1", 53))


def test_a_name_is_not_even_looked_up() -> None:
    with pytest.raises(ForbiddenNetwork):
        urllib.request.urlopen("http://apis.aligo.in/send/")


def test_asyncio_is_watched_too() -> None:
    async def reach() -> None:
        await asyncio.open_connection("192.0.2.1", 80)

    with pytest.raises(ForbiddenNetwork):
        asyncio.run(reach())


def test_a_pair_on_loopback_talks() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            client.sendall(b"x")
            assert accepted.recv(1) == b"x"

"""Ports are the kernel's, and ours until we give them back."""

import socket

import pytest

from deploy.local.ports import LOOPBACK, Port, answers, converse
from deploy.local.refusal import Refusal


def test_a_port_is_reserved_and_its_server_may_still_listen_on_it() -> None:
    port = Port()
    others = [Port() for _ in range(200)]
    assert port.number not in {other.number for other in others}
    assert not answers(port.number)
    with socket.create_server((LOOPBACK, port.number)):
        assert answers(port.number)
    for other in [port, *others]:
        other.release()


@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, socket.SO_REUSEPORT])
def test_a_server_may_use_either_way_of_sharing(option: int) -> None:
    port = Port()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, option, 1)
        server.bind((LOOPBACK, port.number))
        server.listen()
        assert answers(port.number)
    port.release()


@pytest.mark.parametrize("shared", [False, True])
def test_a_wanted_port_that_is_taken_is_refused_by_its_number(shared: bool) -> None:
    with socket.create_server((LOOPBACK, 0), reuse_port=shared) as server:
        number = server.getsockname()[1]
        with pytest.raises(Refusal, match=f"Port {number} is in use"):
            Port(number)


def test_nobody_there_is_an_empty_answer() -> None:
    port = Port()
    assert converse(port.number, b"hello") == b""
    port.release()

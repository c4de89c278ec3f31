"""A server that leaves while callers call: nothing fails, and nobody new comes in."""

import signal
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import grpc
import pytest

from server import drain
from tests.server import program
from tests.server.shop import connected


@pytest.mark.parametrize(("drain_seconds", "seconds"), [(0, 600.0), (2, 0.8), (10, 4.0), (300, 120.0)])
def test_connections_end_within_the_second_half(drain_seconds: int, seconds: float) -> None:
    assert drain.age(drain_seconds) == pytest.approx(seconds)
    assert not drain_seconds or 1.1 * seconds < drain_seconds / 2


def test_doors_of_other_ports_stay_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as leaving, socket.create_server(("127.0.0.1", 0)) as staying:
        assert drain.close_doors(leaving.getsockname()[1]) == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(leaving.getsockname())
        socket.create_connection(staying.getsockname()).close()
        assert drain.close_doors(leaving.getsockname()[1]) == 0


def test_nothing_is_cancelled_by_the_end(environment: dict[str, str], tmp_path: Path) -> None:
    """Callers who look at no health, as a plain proxy does: the last that each hears is that nobody listens any more."""
    callers = 6
    begun, last = threading.Barrier(callers + 1), Counter[str]()

    def call_on(port: int) -> str:
        with connected(port) as channel:
            call = channel.unary_unary("/jeondan.v1.CatalogService/ListProducts")
            for number in count():
                try:
                    call(b"", timeout=30)
                except grpc.RpcError as error:
                    if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                        return str(error.code().name)
                if number == 0:
                    begun.wait()
        raise AssertionError

    with program.running(environment, tmp_path, SERVER_DRAIN_SECONDS="2") as server, ThreadPoolExecutor(callers) as pool:
        calling = [pool.submit(call_on, server.port) for _ in range(callers)]
        begun.wait()
        server.process.send_signal(signal.SIGTERM)
        last.update(one.result() for one in calling)
        assert server.process.wait(20) == 0
    assert last == {"UNAVAILABLE": callers}

"""Watches that come and go while the status changes: the server goes on."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.health import Statuses
from tests.server.shop import connected

WATCHERS, EACH = 4, 25


def test_watches_end_while_a_status_is_told() -> None:
    statuses = Statuses()
    server = grpc.server(ThreadPoolExecutor(10))
    health_pb2_grpc.add_HealthServicer_to_server(statuses, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            statuses.set("", health_pb2.HealthCheckResponse.SERVING)
            statuses.set("", health_pb2.HealthCheckResponse.NOT_SERVING)

    def watch() -> int:
        for _ in range(EACH):
            with connected(port) as channel:  # closing it ends the watch
                next(health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=30))
        return EACH

    changing = threading.Thread(target=change, daemon=True)
    changing.start()
    with ThreadPoolExecutor(WATCHERS) as pool:
        assert sum(one.result() for one in [pool.submit(watch) for _ in range(WATCHERS)]) == WATCHERS * EACH
    ended.set()
    changing.join(30)
    server.stop(0).wait()

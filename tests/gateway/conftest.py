"""A real gateway on a real port, a real gRPC server behind it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog

from gateway import stubs
from gateway.app import Gateway, build
from gateway.main import Server, server
from gateway.progress import Pace
from gateway.settings import Settings
from tests.gateway.backend import Backend

ALLOWED = {"Authorization": "Bearer ada-token"}
FAST = Pace(poll_seconds=0.05, heartbeat_seconds=0.2)


def quiet() -> None:
    """The gateway runs in a thread of the tests: its lines would end up anywhere."""
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


quiet()


class Running:
    """A gateway that serves, and how to reach into its event loop."""

    def __init__(self, gateway: Gateway, server: Server, thread: threading.Thread) -> None:
        self.gateway, self.server, self.thread = gateway, server, thread
        self.url = "http://{}:{}".format(*server.address)


@contextmanager
def serving(settings: Settings, **options: Any) -> Iterator[Running]:
    """Serve inside the `with`."""
    gateway = build(settings, **options)
    running = server(settings, gateway)
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def serve() -> None:
        task = asyncio.create_task(running.serve())
        while not running.started and not task.done():
            await asyncio.sleep(0.01)
        started.set()
        await task

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    started.wait()
    try:
        yield Running(gateway, running, thread)
    finally:
        running.should_exit = True
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def _backend() -> Iterator[Backend]:
    backend = Backend(method for service in stubs.load().services for method in service.methods).start()
    yield backend
    backend.stop()


@pytest.fixture
def backend(_backend: Backend) -> Backend:
    """The gRPC server, answering whatever the test says."""
    _backend.reset()
    return _backend


@pytest.fixture(scope="session")
def _running(_backend: Backend) -> Iterator[Running]:
    with serving(environment(_backend), pace=FAST) as running:
        yield running


def environment(backend: Backend, **more: Any) -> Settings:
    """Settings of a gateway before this server."""
    values: dict[str, Any] = {"gateway_port": 0, "grpc_port": backend.port, "rate_limit": "1000000/second"}
    values |= {"console_origin": "http://console.test", "grpc_address": "", "sandbox_port": 0, "sentry_dsn": ""}
    return Settings(**values | more)


@pytest.fixture
def running(_running: Running, backend: Backend) -> Running:
    """The gateway."""
    return _running


@pytest.fixture
def client(running: Running) -> Iterator[httpx.Client]:
    """Somebody with a token."""
    with httpx.Client(base_url=running.url, headers=ALLOWED, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Wait for something that must come true."""

    def wait(true: Callable[[], bool]) -> None:
        for _ in range(2000):
            if true():
                return
            threading.Event().wait(0.01)
        raise AssertionError("it never came true")

    return wait

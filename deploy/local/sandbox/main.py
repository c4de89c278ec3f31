"""Starts the provider sandbox: `python -m deploy.local.sandbox.main --port 0 --port-file PATH --state DIR`."""

import argparse
import asyncio
import os
import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from deploy.local.sandbox import control, pages
from deploy.local.sandbox.accounts import Account, senders, won
from deploy.local.sandbox.aligo import Aligo
from deploy.local.sandbox.aligo_kakao import AligoKakao
from deploy.local.sandbox.calls import World
from deploy.local.sandbox.clock import Clock
from deploy.local.sandbox.door import Door
from deploy.local.sandbox.faults import Faults
from deploy.local.sandbox.handset import Handset
from deploy.local.sandbox.solapi import Solapi
from deploy.local.sandbox.solapi_groups import Groups
from deploy.local.sandbox.solapi_hooks import Hooks
from deploy.local.sandbox.state import Store


def arguments() -> argparse.ArgumentParser:
    env = os.environ.get
    parser = argparse.ArgumentParser(prog="sandbox", description="Aligo and Solapi on the wire, on your own machine.")
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=int(env("SANDBOX_PORT", "8090")), help="0: the system chooses")
    add("--port-file", type=Path, help="written once the sandbox listens")
    add("--state", type=Path, required=True, help="folder for what was accepted")
    add("--key", default=env("SANDBOX_KEY", "sandbox-key"))
    add("--user", default=env("SANDBOX_USER", "sandbox"))
    add("--sender", action="append", help="allowed sender number; several: repeat, or commas")
    add("--solapi-key", default=env("SANDBOX_SOLAPI_KEY", "NCSSANDBOX000001"), help="16 characters")
    add("--solapi-secret", default=env("SANDBOX_SOLAPI_SECRET", "sandbox-solapi-secret"))
    add("--webhook-secret", default=env("SANDBOX_WEBHOOK_SECRET", "sandbox-webhook-secret"))
    add("--webhook-pause", type=float, default=1.0, help="seconds before the second try of a webhook, then twice as long")
    add("--balance", type=float, default=10_000_000, help="won")
    add("--ripen", type=float, default=2.0, help="seconds until a result is final")
    add("--failing-percent", type=int, default=3, help="share of ordinary receivers that fail")
    add("--clock-offset", type=float, default=0.0, help="seconds added to the real time")
    add("--list-ints", action="store_true", help="numbers in lists as numbers, not strings")
    return parser


class Server(uvicorn.Server):
    """A server that says when it listens, and can go down for a while."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, port_file: Path | None, hooks: Hooks) -> None:
        super().__init__(config)
        self._hooks = hooks
        self._pushing: asyncio.Task[None] | None = None
        self._address, self._listener, self._port_file = listener.getsockname(), listener, port_file
        self._outage: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._pushing = asyncio.create_task(self._hooks.run())
        if self._port_file and self.started:
            part = self._port_file.with_name(self._port_file.name + ".part")
            part.write_text(str(self._address[1]))
            part.rename(self._port_file)

    def go_down(self, seconds: float) -> None:
        """Refuse connections for a while: nothing listens on the port."""
        if self._outage is None or self._outage.done():
            self._outage = asyncio.get_running_loop().create_task(self._down(seconds))

    async def _down(self, seconds: float) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        held = await self._hold_port()
        await asyncio.sleep(seconds)
        await super().startup([held])

    async def _hold_port(self) -> socket.socket:
        """The port, bound but not listening, so that connecting is refused and nobody else takes it."""
        while True:
            try:
                return bind(*self._address[:2])
            except OSError:  # the listening socket closes a moment later than asked
                await asyncio.sleep(0.01)


def bind(host: str, port: int) -> socket.socket:
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
    except OSError:
        held.close()
        raise
    return held


def build(options: argparse.Namespace) -> tuple[Door, Store, Hooks]:
    """The whole application over one folder of state."""
    numbers = senders(options.sender or [os.environ.get("SANDBOX_SENDER", "0212345678")])
    store = Store(options.state)
    store.open(Account(options.user, options.key, numbers, won(options.balance)))
    store.open(Account(options.solapi_key, options.solapi_secret, numbers, won(options.balance)))
    world = World(store, Clock(options.clock_offset), options.ripen, options.failing_percent, options.list_ints)
    faults = Faults()
    desk = control.Control(world, faults, Handset(world))
    inside = Starlette(routes=[*desk.routes(), *pages.routes()], exception_handlers=control.HANDLERS)
    groups = Groups(world)
    hooks = Hooks(world, groups, faults, options.webhook_secret, options.webhook_pause)
    # Further providers join here; all live at the root of the port, so their paths must not meet.
    desk.door = Door([Aligo(world), AligoKakao(world), Solapi(world, hooks, groups)], faults, world.clock, inside)
    return desk.door, store, hooks


def main() -> None:
    options = arguments().parse_args()
    try:
        listener = bind(options.host, options.port)
        door, store, hooks = build(options)
    except OSError as error:
        raise SystemExit(f"sandbox: port {options.port} or folder {options.state} is in use: {error.strerror}") from None
    config = uvicorn.Config(
        door,
        http="httptools",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    server = Server(config, listener, options.port_file, hooks)
    door.go_down = server.go_down
    try:
        server.run([listener])
    except KeyboardInterrupt:
        pass
    finally:
        store.close()


if __name__ == "__main__":
    main()

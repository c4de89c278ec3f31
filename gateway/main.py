"""`python -m gateway.main`: uvicorn with uvloop and httptools on GATEWAY_PORT until SIGTERM."""

import socket

import uvicorn

from gateway.app import Gateway, build
from gateway.settings import Settings, load
from gateway.telemetry import configure, log

_GRACE_SECONDS = 15


class Server(uvicorn.Server):
    """Says where it listens, and ends event streams first when it stops: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        host, port = self.address
        log.info("listening", host=host, port=port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let running requests end."""
        self._gateway.progress.close()
        await super().shutdown(sockets)
        log.info("stopped")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, also when the kernel gave it."""
        listening = [each for server in self.servers for each in server.sockets]
        host, port = listening[0].getsockname()[:2] if listening else ("", 0)
        return str(host), int(port)


def server(settings: Settings, gateway: Gateway) -> Server:
    """Ready to run."""
    config = uvicorn.Config(
        gateway.app,
        host=settings.gateway_host,
        port=settings.gateway_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=settings.proxies,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return Server(config, gateway)


def main() -> None:
    """Serve."""
    settings = load()
    configure(settings)
    server(settings, build(settings)).run()


if __name__ == "__main__":
    main()

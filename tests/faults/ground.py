"""What drills stand on: one running product whose wires all lead through fault proxies, and hands to hurt it with."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import grpc
import httpx
import psycopg
import redis

from core import clock, settings
from core.db import session
from deploy.local import children
from deploy.local import supervisor as supervising
from deploy.local.child import Program
from deploy.local.ports import LOOPBACK
from deploy.local.product import Product
from deploy.local.stack import Stack
from deploy.local.valkey import Valkey
from tests import stack as parts
from tests.faults.log import Log
from tests.faults.proxy import HttpProxy, Proxy, Wires

_Answer = TypeVar("_Answer")
PATIENCE = 120.0
_RESTART_WITHIN = 1.0  # seconds: a drill that kills the tenth worker in a row need not wait as a crash loop has to
# A campaign named "... by 10" is planned into batches of ten, so that a hundred people make as many calls as thousands do.
SMALL_BATCHES = """
CREATE FUNCTION drill_batches() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.batch_size := substring(NEW.name from ' by ([0-9]+)$')::int; RETURN NEW;
END $$;
CREATE TRIGGER drill_batches BEFORE UPDATE ON campaigns FOR EACH ROW
    WHEN (NEW.name ~ ' by [0-9]+$') EXECUTE FUNCTION drill_batches();
"""


@dataclass(frozen=True)
class Outage:
    """A part that was gone for a while, by the clock of the product."""

    part: str
    begun: float
    seconds: float


class Ground:
    """The product under fire. Names of processes are those of the supervisor."""

    def __init__(self, stack: Stack, wires: Wires, *, launcher: Sequence[str] = ()) -> None:
        self.stack, self.product = stack, Product(stack)
        self.supervisor = stack.supervisor
        self._launcher = tuple(launcher)
        self.database_wire = Proxy(wires, parts.postgres(stack).port.number)
        self.valkey_wire = Proxy(wires, self._valkey.port.number)
        self.provider_wire = HttpProxy(wires, stack.port("SANDBOX_PORT"))
        self.log = Log(stack.var / "sandbox")
        self._sandbox = httpx.Client(base_url=f"http://{LOOPBACK}:{stack.port('SANDBOX_PORT')}/__sandbox/", timeout=30)
        self.programs: dict[str, Program] = {}
        self.outages: list[Outage] = []

    # coming up

    def start(self) -> None:
        """Schema first, then every process; the gateway plays no part in a delivery."""
        os.environ.update(self.stack.environment())  # we ourselves ask without a proxy between
        settings.load()
        self._lead_through_proxies()
        self._launch(children.sandbox(self.stack), ())
        self.product.environment = children.environment(self.stack)
        self.product.task("migrate", "core.db.migrate")
        self.look(lambda connection: connection.execute(SMALL_BATCHES))
        self._launch([*children.server(self.stack), *children.workers(self.stack)], self._launcher)
        self.supervisor.wait(self.programs)

    def _lead_through_proxies(self) -> None:
        told = self.stack.environment()
        sandbox = f"http://{LOOPBACK}:{self.provider_wire.port}"
        self.stack.tell(
            DATABASE_URL=_through(told["DATABASE_URL"], self.database_wire.port),
            REDIS_URL=_through(told["REDIS_URL"], self.valkey_wire.port),
            ALIGO_SMS_URL=sandbox,
            ALIGO_KAKAO_URL=sandbox,
            SOLAPI_URL=sandbox,
        )

    def _launch(self, programs: Sequence[Program], launcher: tuple[str, ...]) -> None:
        for program in programs:
            if launcher:
                python, _, *module = program.command
                program = replace(program, command=(python, "-m", *launcher, *module))
            self.programs[program.name] = program
            self.supervisor.launch(program)

    def close(self) -> None:
        """Nothing more to ask."""
        self._sandbox.close()
        session.database().dispose()

    # looking

    @property
    def superuser_url(self) -> str:
        """The product's database as a superuser, without a proxy: for looking only."""
        return parts.named(parts.postgres(self.stack).superuser_url, "jeondan")

    def look(self, question: Callable[[psycopg.Connection[Any]], _Answer]) -> _Answer:
        """Ask on a connection of its own; again when the database is being restarted meanwhile."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                with psycopg.connect(self.superuser_url, autocommit=True) as connection:
                    return question(connection)
            except psycopg.OperationalError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.1)

    def asked(self, statement: str, *values: Any) -> Any:
        """The first row of an answer."""
        return self.look(lambda connection: connection.execute(statement, values).fetchone())

    def running(self, campaign: UUID | str) -> dict[str, Any]:
        """`state` and the buckets somebody still waits in."""
        row = self.asked(
            "SELECT c.state, c.planned, coalesce(sum(k.planned), 0), coalesce(sum(k.held), 0), coalesce(sum(k.claimed), 0),"
            " coalesce(sum(k.unknown), 0) FROM campaigns c LEFT JOIN campaign_counters k ON k.campaign_id = c.id"
            " WHERE c.id = %s GROUP BY c.id",
            campaign,
        )
        return dict(zip(("state", "is_planned", "planned", "held", "claimed", "unknown"), row, strict=True))

    # the processes

    @property
    def bulk(self) -> list[str]:
        """The workers that hand batches over."""
        return [name for name in self.programs if "bulk" in name]

    def hit(self, name: str, signum: int) -> None:
        """To the process itself; SIGKILL to its children as well."""
        if signum == signal.SIGKILL:
            return self.supervisor.kill(name)
        with suppress(ProcessLookupError):
            os.kill(self.supervisor.pid(name), signum)

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a process where it stands, and let it go on."""
        self.hit(name, signal.SIGSTOP)
        time.sleep(seconds)
        self.hit(name, signal.SIGCONT)

    def outage(self, name: str, seconds: float) -> None:
        """Killed, and not there for so long. What it wrote to the disk stays."""
        self.outages.append(Outage(name, clock.now().timestamp(), seconds))
        self.supervisor.keep_down(name, seconds)

    def hang(self, name: str, seconds: float) -> None:
        """Stopped where it stands for so long."""
        self.outages.append(Outage(name, clock.now().timestamp(), seconds))
        self.freeze(name, seconds)

    def whole(self) -> None:
        """Wait until every process answers again."""
        limit = time.monotonic() + PATIENCE
        probes = [*(program.ready for program in self.programs.values()), *(part.ready for part in self.stack.parts)]
        for ready in filter(None, probes):
            while not ready():
                if time.monotonic() > limit:
                    raise TimeoutError("the product did not come back")
                time.sleep(0.05)

    # queues and rows

    @property
    def _valkey(self) -> Valkey:
        return next(part for part in self.stack.parts if isinstance(part, Valkey))

    def flush_valkey(self) -> None:
        """Every queue empty, at once."""
        with redis.Redis.from_url(self._valkey.url) as client:
            client.flushall()

    def lose_valkey(self) -> None:
        """Killed, its files gone; it comes back with nothing."""
        self.supervisor.kill("valkey")
        self._forget_valkey()

    def lose_valkey_for(self, seconds: float) -> None:
        """The same, and away for so long."""
        self.outage("valkey", seconds)
        self._forget_valkey()

    def _forget_valkey(self) -> None:
        for path in self._valkey.data.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)

    # the provider

    def ask_sandbox(self, method: str, path: str, body: object = None) -> Any:
        """A control request; while the provider is down it has to wait."""
        limit = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._sandbox.request(method, path, json=body)
                answer.raise_for_status()
                return answer.json() if answer.content else None
            except httpx.TransportError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.1)

    def fault(self, kind: str, **rule: Any) -> None:
        """From now on the provider misbehaves."""
        self.ask_sandbox("POST", "faults", {"kind": kind, **rule})

    def heal(self) -> None:
        """No more trouble from anybody."""
        for wire in (self.database_wire, self.valkey_wire, self.provider_wire):
            wire.heal()
        self.ask_sandbox("DELETE", "faults")

    # the clock

    def move_clock(self, until: datetime, *, signum: int = signal.SIGTERM) -> None:
        """Everybody's clock forward, so that it is that moment now; processes are started anew with it."""
        offset = int((until - (clock.now() - clock_offset())).total_seconds())
        clock.shift(timedelta(seconds=offset))
        for name, program in self.programs.items():
            program = replace(program, environment={**program.environment, "CLOCK_OFFSET_SECONDS": str(offset)})
            self.programs[name] = program
            self.supervisor.change(program)
            if name != "sandbox":
                self.hit(name, signum)
        self.ask_sandbox("POST", "clock", {"offset_seconds": offset})
        time.sleep(0.5)  # those who were asked to stop close their ports first
        self.whole()


def clock_offset() -> timedelta:
    """How far our own clock is moved."""
    return clock.now() - datetime.now(clock.now().tzinfo)


def _through(url: str, port: int) -> str:
    """The same address, by way of a proxy."""
    parsed = urlsplit(url)
    return parsed._replace(netloc=parsed.netloc.replace(f":{parsed.port}", f":{port}")).geturl()


def _daytime() -> int:
    """Seconds to ten in the morning in Korea: a long day of drills begins."""
    now = clock.kst(clock.now())
    return int((now.replace(hour=10, minute=0, second=0) - now).total_seconds())


@contextmanager
def prepared(*, launcher: Sequence[str] = (), bulk: int = 2, say: Callable[[str], object] = print) -> Iterator[Ground]:
    """Everything up inside the `with`, nothing left afterwards. `launcher` is a module that runs each process."""
    supervising.LONGEST_PAUSE = _RESTART_WITHIN
    given = {"PG_BIN": os.environ.get("PG_BIN", "")}
    extra = {"CLOCK_OFFSET_SECONDS": str(_daytime()), "ALIGO_TESTMODE": "N"}
    lanes = children.WORKERS
    children.WORKERS = (*(line for line in lanes if line != "bulk"), *["bulk"] * bulk)
    try:
        with parts.folder() as var, Wires() as wires, Stack(var, environment=given, extra=extra) as stack:
            ground = Ground(stack, wires, launcher=launcher)
            try:
                ground.start()
                yield ground
            except BaseException:
                keep_logs(ground, say)
                raise
            finally:
                ground.close()
    finally:
        children.WORKERS = lanes


def keep_logs(ground: Ground, say: Callable[[str], object]) -> None:
    """After a violation the logs are worth more than a clean disk."""
    kept = os.path.join(os.environ.get("VAR") or "var", "faults", "logs")
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(ground.stack.var / "logs", kept)
    shutil.copytree(ground.stack.var / "sandbox", os.path.join(kept, "sandbox"), ignore=shutil.ignore_patterns("images"))
    say(f"logs: {kept}")


def rpc_channel(ground: Ground) -> grpc.Channel:
    """A connection that comes back quickly when the server does."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 500)]
    return grpc.insecure_channel(ground.product.grpc_address, options=options)

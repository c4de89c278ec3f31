"""The whole product on this machine: stack, migrations, sample data, then every process of it."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from deploy.local import children, process
from deploy.local.console import Console
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK
from deploy.local.refusal import Refusal
from deploy.local.stack import Stack

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Product:
    """A running product: where it is, what it holds, and how to hurt it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.supervisor = stack.supervisor
        self.environment = children.environment(stack)

    @property
    def gateway_url(self) -> str:
        """REST, pages and health."""
        return f"http://{LOOPBACK}:{self.stack.port('GATEWAY_PORT')}"

    @property
    def grpc_address(self) -> str:
        """host:port of the gRPC server."""
        return f"{LOOPBACK}:{self.stack.port('GRPC_PORT')}"

    @property
    def sandbox_url(self) -> str:
        """The sandbox, or the provider that was named instead."""
        return self.environment["ALIGO_SMS_URL"]

    @property
    def workers(self) -> list[str]:
        """Names for `kill` and `log`."""
        return [name for name in children.worker_names() if name in self.supervisor.names()]

    def kill(self, name: str) -> None:
        """SIGKILL this child and everything below it; it is started again by itself."""
        self.supervisor.kill(name)

    def log(self, name: str) -> Path:
        """The file with its output."""
        return self.supervisor.log(name)

    def peak_rss(self) -> dict[str, float]:
        """MB per child, its own children included."""
        return self.supervisor.peak_rss()

    def peak_process_rss(self) -> dict[str, float]:
        """MB of the largest single process of each child."""
        return self.supervisor.peak_process_rss()

    def task(self, name: str, *module: str) -> None:
        """Run `python -m module...` to its end in the product's environment; a refusal when it fails."""
        log = self.log(name)
        values = process.inherited(self.environment, str(self.stack.var))
        with log.open("wb") as output:
            done = subprocess.run(
                children.python(*module),
                cwd=ROOT,
                env=values,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
        if done.returncode:
            last = "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-12:])
            raise Refusal(f"{name} failed. The end of {log}:\n{last}")


def _start(product: Product) -> None:
    """The schema first, since every process refuses an old one; then all together, for Python is slow to import."""
    stack, supervisor = product.stack, product.supervisor
    early = children.sandbox(stack)
    for program in early:
        supervisor.launch(program)
    product.task("migrate", "core.db.migrate")
    late = [*children.server(stack), *children.workers(stack), *children.gateway(stack)]
    for program in late:
        supervisor.launch(program)
    if children.exists("deploy.local.seed"):
        product.task("seed", "deploy.local.seed")
    supervisor.wait(program.name for program in [*early, *late])


@contextmanager
def start_product(
    var: Path,
    *,
    quiet: bool = False,
    environment: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    ready: Callable[[str], object] | None = None,
) -> Iterator[Product]:
    """Everything up and answering inside the `with`, nothing left afterwards.

    `environment` and `extra` are as for Stack; `ready` hears the name of each process that is up.
    """
    with stoppable(), Stack(var, environment=environment, console=Console(quiet=quiet, ready=ready), extra=extra) as stack:
        product = Product(stack)
        _start(product)
        yield product


def _stop(number: int, frame: FrameType | None) -> None:
    # Once is enough: a second Ctrl-C must not interrupt the stopping, which is bounded.
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal all end the `with` in the same orderly way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, _stop) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

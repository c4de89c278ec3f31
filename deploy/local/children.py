"""The processes of the product, in the order they start: the one list of what runs."""

import importlib.util
import sys
from collections import Counter

from deploy.local.child import Program
from deploy.local.guardian import ROOT
from deploy.local.ports import LOOPBACK, answers, converse
from deploy.local.stack import PROVIDERS, Stack

# One worker process per entry. A lane that promises speed shares one neither with bulk nor with who waits for providers.
WORKERS = ("single", "receipts housekeeping", "bulk", "bulk", "plan compose", "webhooks")

# The gateway stands at the street: it asks the server, and holds no key to anything.
_SECRET = frozenset(
    ("DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_URL", "JWT_SECRET", "ENCRYPTION_KEY", "ALERT_URLS")
    + ("AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", *PROVIDERS)
)

# Higher ranks stop first; the stack itself is rank 0.
_SANDBOX, _SERVER, _WORKERS, _GATEWAY = 1, 2, 3, 4
_FINISHING = 20.0


def exists(module: str) -> bool:
    """Whether this part of the product is there."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def python(*arguments: str) -> tuple[str, ...]:
    """A command line of this same Python."""
    return (sys.executable, "-m", *arguments)


def environment(stack: Stack) -> dict[str, str]:
    """What every child is told besides its settings."""
    return {**stack.environment(), "PYTHONUNBUFFERED": "1", "VAR": str(stack.var)}


def sandbox(stack: Stack) -> list[Program]:
    """The provider we play ourselves, unless a real one is named."""
    if not stack.wants_sandbox:
        return []
    port = stack.port("SANDBOX_PORT")
    command = python("deploy.local.sandbox.main", "--port", str(port), "--port-file", str(stack.var / "sandbox.port"))
    told = environment(stack)
    # It lives in the same time as the product.
    command += ("--state", str(stack.var / "sandbox"), "--clock-offset", told.get("CLOCK_OFFSET_SECONDS", "0"))
    return [Program("sandbox", command, told, ready=lambda: answers(port), rank=_SANDBOX, folder=ROOT)]


def server(stack: Stack) -> list[Program]:
    """The gRPC server."""
    port = stack.port("GRPC_PORT")
    values = {**environment(stack), "SERVER_METRICS_PORT": str(stack.port("SERVER_METRICS_PORT"))}
    command, ready = python("server.main"), lambda: answers(port)
    return [Program("server", command, values, ready=ready, rank=_SERVER, folder=ROOT, stop_seconds=_FINISHING)]


def workers(stack: Stack) -> list[Program]:
    """One per line of WORKERS, and the clock that finds what is due."""
    named = _named_workers()
    programs = [_worker(stack, name, "WORKERS_METRICS_PORT", "workers.main", *named[name]) for name in named]
    return [*programs, _worker(stack, "clock", "CLOCK_METRICS_PORT", "workers.clock")]


def _worker(stack: Stack, name: str, variable: str, *module: str) -> Program:
    """A worker listens to nobody but those who ask for its metrics: so that port tells when it is up."""
    port = stack.port(f"{name} metrics")
    values = {**environment(stack), variable: str(port)}
    command, ready = python(*module), lambda: answers(port)
    # What has begun is finished: a provider gets the time to answer.
    return Program(name, command, values, ready=ready, rank=_WORKERS, folder=ROOT, stop_seconds=_FINISHING)


def _named_workers() -> dict[str, list[str]]:
    first = [group.split()[0] for group in WORKERS]
    seen: Counter[str] = Counter()
    named = {}
    for lane, group in zip(first, WORKERS, strict=True):
        seen[lane] += 1
        name = f"{lane}-{seen[lane]}" if first.count(lane) > 1 else lane
        named[f"worker-{name}"] = group.split()
    return named


def worker_names() -> list[str]:
    """The names under which the workers run."""
    return list(_named_workers())


def gateway(stack: Stack) -> list[Program]:
    """The REST front door."""
    port = stack.port("GATEWAY_PORT")
    question = f"GET /health HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode()

    def ready() -> bool:
        return b" 200 " in converse(port, question).partition(b"\r\n")[0]

    told = environment(stack)
    values = {name: value for name, value in told.items() if name not in _SECRET}
    command = python("gateway.main")
    return [
        Program(
            "gateway",
            command,
            values,
            hidden=_SECRET,
            ready=ready,
            rank=_GATEWAY,
            folder=ROOT,
            stop_seconds=_FINISHING,
        )
    ]

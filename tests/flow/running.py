"""The whole product, started for tests: in a folder of its own, by day in Korea, with room for many calls."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from core import clock
from deploy.local import children, process
from deploy.local.demo import daytime_offset
from deploy.local.guardian import ROOT
from deploy.local.product import Product, start_product
from tests.stack import folder


@contextmanager
def product() -> Iterator[Product]:
    """Everything up inside the `with`; advertising may leave, whatever the time is outside."""
    extra = {"CLOCK_OFFSET_SECONDS": str(int(daytime_offset(clock.now()).total_seconds())), "RATE_LIMIT": "600000/minute"}
    with folder() as var, start_product(var, environment={}, quiet=True, extra=extra) as running:
        yield running


def login(running: Product) -> dict[str, str]:
    """`email`, `password` and `api_key` of the demo merchant."""
    found: dict[str, str] = json.loads((running.stack.var / "demo-login.json").read_text())
    return found


def second_shop(running: Product) -> dict[str, str]:
    """Another merchant on the same product: its `workspace` and an owner's `api_key`."""
    made = subprocess.run(
        children.python("tests.flow.second_shop"),
        cwd=ROOT,
        env=process.inherited(running.environment, str(running.stack.var)),
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, str] = json.loads(made.stdout)
    return found


class Sandbox:
    """The provider we play: what it got, and how it misbehaves."""

    def __init__(self, running: Product) -> None:
        self._http = httpx.Client(base_url=f"{running.sandbox_url}/__sandbox/", timeout=30)

    def close(self) -> None:
        """Nothing more to ask."""
        self._http.close()

    def stats(self) -> dict[str, Any]:
        """Counts over everything it accepted."""
        found: dict[str, Any] = self._http.get("stats").json()
        return found

    def messages(self, limit: int = 100_000) -> list[dict[str, Any]]:
        """What lies on the handsets, newest first."""
        found: list[dict[str, Any]] = self._http.get("messages", params={"limit": limit}).json()["messages"]
        return found

    @contextmanager
    def fault(self, kind: str, **rule: Any) -> Iterator[None]:
        """Misbehave inside the `with`."""
        made = self._http.post("faults", json={"kind": kind, **rule})
        made.raise_for_status()
        try:
            yield
        finally:
            self._http.delete(f"faults/{made.json()['id']}")


def logs(running: Product) -> list[Path]:
    """Every file with the output of a process."""
    return sorted((running.stack.var / "logs").iterdir())

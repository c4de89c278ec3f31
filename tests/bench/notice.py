"""What an order notice waits for while a campaign goes out: from the call of SendMessage until the provider has it.

The account has ordinary limits here (5 calls at once, 20 begun in a second), so that the campaign fills all that bulk may.
"""

import itertools
import threading
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import grpc
from jeondan.v1 import send_pb2, send_pb2_grpc, types_pb2

from core.db import accounts
from core.db.session import database
from tests.bench.ground import Ground
from tests.bench.product import Run

NAME = "notice"
MOST, PAUSE, PATIENCE = 30, 0.5, 60.0
LIMITS, WIDE = (5, 20), (64, 10_000)


@dataclass(frozen=True)
class Waits:
    """One measurement, in milliseconds."""

    recipients: int
    campaign_seconds: float
    notices: int
    answered_ms: float
    median_ms: float
    worst_ms: float
    complete: bool

    def line(self) -> str:
        """For the table."""
        note = "" if self.complete else "  NOT COMPLETE"
        return (
            f"order notice during a campaign of {self.recipients:,} ({self.campaign_seconds:.1f} s, account limits"
            f" {LIMITS[0]} calls at once, {LIMITS[1]} a second): {self.notices} notices, answered in {self.answered_ms:.0f} ms,"
            f" at the provider after {self.median_ms:.0f} ms (median), {self.worst_ms:.0f} ms (worst){note}"
        )

    def written(self) -> dict[str, Any]:
        """For the report."""
        return asdict(self)


def measure(ground: Ground) -> Waits:
    """A campaign, and notices one after another until it is over or enough were sent."""
    _limit(ground, LIMITS)
    ground.provider("reset")
    run = Run(ground, planned=False)
    sending = _Notices(ground)
    begun = time.monotonic()
    sending.start()
    try:
        run()
    finally:
        sending.over.set()
        sending.join()
    seconds = time.monotonic() - begun
    _limit(ground, WIDE)
    waits = [arrived - asked for asked, arrived in sending.seen]
    seen = ground.provider("seen")
    return Waits(
        recipients=ground.recipients,
        campaign_seconds=seconds,
        notices=len(waits),
        answered_ms=median(sending.answered) * 1000,
        median_ms=median(waits) * 1000,
        worst_ms=max(waits) * 1000,
        complete=not sending.lost and seen["messages"] == ground.recipients + len(waits) == seen["different"],
    )


class _Notices(threading.Thread):
    """An order system of its own: it knows the stubs and an API key."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(name="notices")
        self._ground = ground
        self.over = threading.Event()
        self.seen: list[tuple[float, float]] = []
        self.answered: list[float] = []
        self.lost = False
        with database().write(ground.workspace) as tx:
            _, self._key = accounts.create_api_key(tx, ground.workspace, "orders", "OWNER")

    def run(self) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{self._ground.stack.port('GRPC_PORT')}") as channel:
            stub = send_pb2_grpc.SendServiceStub(channel)
            for number in itertools.count():
                self._one(stub, f"0109999{number:04d}")
                if number + 1 >= MOST or self.over.wait(PAUSE):
                    return

    def _one(self, stub: Any, number: str) -> None:
        asked = time.time()
        request = send_pb2.SendMessageRequest(
            to=number,
            text="[봄날커피] 주문이 접수되었습니다.",
            sender_number_id=str(self._ground.sender),
            purpose=types_pb2.PURPOSE_INFO,
        )
        stub.SendMessage(request, metadata=(("x-api-key", self._key),), timeout=30)
        self.answered.append(time.time() - asked)
        while time.time() - asked < PATIENCE:
            if arrived := self._ground.provider("singles").get(number):
                self.seen.append((asked, arrived))
                return
            time.sleep(0.02)
        self.lost = True


def _limit(ground: Ground, limits: tuple[int, int]) -> None:
    with database().write(ground.workspace) as tx:
        tx.run("UPDATE provider_accounts SET most_calls = :most, calls_per_second = :second", most=limits[0], second=limits[1])

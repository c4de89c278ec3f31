"""The checklists of the running product: the operator's command, and the same list at both doors."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from deploy.local.product import Product
from tests.flow import doors, stubs

ROOT = Path(__file__).parent.parent.parent
Told = dict[str, Any]


def checked(product: Product, period: str, **more: str) -> Told:
    """The document of the command, whose exit code is the one it tells."""
    values = {**os.environ, **product.environment, "VAR": str(product.stack.var), **more}
    command = [sys.executable, "-m", "deploy.checks", period, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=values, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    told: Told = json.loads(done.stdout)
    assert done.returncode == told["exit"]
    assert "살펴보는 중" in done.stderr
    return told


def lines(told: Told, check: str) -> dict[str, tuple[str, str]]:
    return {one["subject"]: (one["state"], one["reason"]) for one in told["findings"] if one["check"] == check}


def shown(door: doors.Door, period: str) -> dict[tuple[str, str], Told]:
    return {(one["name"], one["subject"]): one for one in door("ListChecks", period=period)["checks"]}


@pytest.fixture(scope="module")
def sent(rest: doors.Rest, shop: dict[str, str]) -> str:
    """A message of this merchant that has arrived."""
    text = f"[가을서점] 주문 {uuid4()}가 접수되었습니다."
    order = {"to": "010-0077-0001", "text": text, "senderNumberId": shop["sender"], "purpose": "PURPOSE_INFO"}
    made = rest("SendMessage", **order)["message"]["id"]
    stubs.until(lambda: rest("GetMessage", messageId=made)["message"]["state"], lambda state: state == "STATE_DELIVERED")
    return str(made)


@pytest.fixture(scope="module")
def daily(product: Product, sent: str) -> Told:
    return checked(product, "daily")


@pytest.fixture(scope="module")
def weekly(product: Product) -> Told:
    return checked(product, "weekly")


@pytest.fixture(scope="module")
def monthly(product: Product, sent: str) -> Told:
    return checked(product, "monthly")


def test_every_part_of_the_running_product_answers(daily: Told, product: Product) -> None:
    """Other tests of this product may have left incidents behind: only the health of its parts is certain."""
    health = lines(daily, "health")
    assert set(health) == {"gateway", "server", "database", "redis", "s3", "scheduler", "workers"}
    assert {state for state, _ in health.values()} == {"OK"}
    assert set(lines(daily, "promises")) == {"single", "campaign"}
    secrets = [value for name, value in product.environment.items() if name.endswith(("_KEY", "_SECRET", "_URL"))]
    assert not any(secret in json.dumps(daily) for secret in secrets if len(secret) > 12)


def test_what_was_sent_is_counted_for_everybody_and_for_its_merchant(daily: Told, door: doors.Door) -> None:
    everybody = {one["subject"]: one["facts"] for one in daily["findings"] if one["check"] == "sending"}
    own = {subject: one["facts"] for (name, subject), one in shown(door, "PERIOD_DAILY").items() if name == "sending"}
    assert int(own["delivered"]["delivered"]) == 1 <= int(everybody["delivered"]["delivered"])
    [way] = [subject for subject in own if subject.startswith("aligo")]
    assert int(own[way]["taken"]) == 1 <= int(everybody[way]["taken"])


def test_what_does_not_answer_leaves_nothing_known(product: Product) -> None:
    told = checked(product, "daily", DATABASE_URL="postgresql://nobody:x@127.0.0.1:9/x", GATEWAY_PORT="9")
    assert told["exit"] == 2
    health = lines(told, "health")
    assert (health["database"], health["gateway"]) == (("ATTENTION", "SILENT"), ("ATTENTION", "SILENT"))
    assert (health["server"], health["redis"]) == (("UNKNOWN", "NOT_ASKED"), ("OK", "ANSWERS"))
    assert lines(told, "response")["게이트웨이"] == ("UNKNOWN", "NO_METRICS")
    assert lines(told, "sending")["database"] == ("UNKNOWN", "DATABASE_UNREACHABLE")


def test_the_weekly_list_is_left_for_owners_without_its_figures(weekly: Told, door: doors.Door) -> None:
    assert lines(weekly, "disk")["database"] == ("OK", "MEASURED")
    assert lines(weekly, "queues")["depth"][0] == "OK"
    seen = shown(door, "PERIOD_WEEKLY")
    compared = 0
    for one in weekly["findings"]:
        there = seen.get((one["check"], one["subject"]))
        if one["check"] in ("backup", "disk", "updates", "slow_queries") and there:
            assert (there["state"], there["reason"]) == (f"STATE_{one['state']}", one["reason"])
            assert (there["facts"], there["scope"]) == ({}, "SCOPE_INSTALLATION")
            compared += 1
    assert compared >= 3


def test_the_ledger_agrees_with_itself_and_nobody_sees_what_others_spend(monthly: Told, door: doors.Door) -> None:
    assert lines(monthly, "cost")["ledger"] == ("OK", "LEDGER_AGREES")
    assert {check for check, _ in shown(door, "PERIOD_MONTHLY")} == {"cost", "usage", "access", "drill"}
    own = [one["facts"] for (name, _), one in shown(door, "PERIOD_MONTHLY").items() if name == "cost"]
    assert {facts["won"] for facts in own} <= {"8", "0"}  # one SMS; in the first week of a month the month before is told


@pytest.mark.parametrize("period", ["PERIOD_DAILY", "PERIOD_WEEKLY", "PERIOD_MONTHLY"])
def test_both_doors_say_the_same(rest: doors.Rest, channel: grpc.Channel, shop: dict[str, str], period: str) -> None:
    by_stub = doors.Grpc(channel, shop["api_key"])
    told = [{key: one["state"] for key, one in shown(door, period).items()} for door in (rest, by_stub)]
    assert told[0] == told[1] != {}
    assert [list(door.refused("ListChecks").fields) for door in (rest, by_stub)] == [["period"], ["period"]]

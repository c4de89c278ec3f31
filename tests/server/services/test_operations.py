"""ListChecks: an owner sees how the house stands and the figures of the own workspace, and nothing of anybody else's."""

from datetime import timedelta

import grpc
import pytest
from jeondan.v1 import operations_pb2 as pb

from core import clock
from core.db import house
from core.db.session import database
from core.rules.alerts import Kind
from core.rules.checks import backup, disk
from core.rules.checks.backup import Backup
from core.rules.checks.finding import ORDER, Period
from core.rules.checks.house import kept
from tests.core.db.test_operations import called, campaign, day
from tests.server.services.test_incident import begin
from tests.server.shop import Shop, open_shop

Request = pb.ListChecksRequest
HOUR = timedelta(hours=1)


def listed(shop: Shop, period: Request.Period) -> dict[tuple[str, str], pb.Check]:
    answer = shop.call("ListChecks", Request(period=period))
    return {(one.name, one.subject): one for one in answer.checks}


@pytest.mark.parametrize("period", list(Period))
def test_every_check_of_the_list_has_its_lines(shop: Shop, period: Period) -> None:
    found = shop.call("ListChecks", Request(period=Request.Period.Value(f"PERIOD_{period}"))).checks
    assert list(dict.fromkeys(one.name for one in found)) == list(ORDER[period])
    assert all(
        one.title and one.sentence and one.reason and one.state and one.scope and one.HasField("seen_time") for one in found
    )


def test_the_house_answers_and_shows_no_figures(shop: Shop) -> None:
    found = listed(shop, Request.PERIOD_DAILY)
    for part in ("database", "redis", "s3"):
        assert (found["health", part].state, found["health", part].scope) == (pb.Check.STATE_OK, pb.Check.SCOPE_INSTALLATION)
    assert found["health", "scheduler"].state == pb.Check.STATE_ATTENTION
    assert found["health", "workers"].reason == "LANES_IDLE"
    assert all(not one.facts and not one.cure for one in found.values() if one.scope == pb.Check.SCOPE_INSTALLATION)


def test_only_the_own_messages_incidents_and_won(shop: Shop) -> None:
    other, now = open_shop(shop.channel, "가을서점"), clock.now()
    today = clock.kst(now).date()
    for merchant, times in ((shop, 1), (other, 1000)):
        called(merchant.workspace, now - HOUR, taken=30, refused=0 if times == 1 else 30)
        campaign(merchant.workspace, "DONE", launched=now - HOUR, delivered=20 * times)
        day(merchant.workspace, today, times)
    begin(Kind.ACCOUNT_PAUSED, "theirs", other.workspace)
    begin(Kind.QUEUE_STUCK, "bulk", None)
    daily = listed(shop, Request.PERIOD_DAILY)
    assert dict(daily["sending", "aligo SMS"].facts) == {"taken": "30", "refused": "0"}
    assert daily["sending", "delivered"].facts["delivered"] == "20"
    assert daily["errors", "incidents"].reason == "NOTHING_OPEN"
    assert listed(shop, Request.PERIOD_WEEKLY)["queues", "trend"].facts["messages"] == "1"
    monthly = listed(shop, Request.PERIOD_MONTHLY)
    assert ("usage", "workspaces") not in monthly
    if today.day > 7:
        assert (monthly["cost", "SMS"].facts["won"], monthly["usage", "messages"].facts["now"]) == ("8", "1")
    theirs = listed(other, Request.PERIOD_DAILY)
    assert theirs["errors", "ACCOUNT_PAUSED"].state == pb.Check.STATE_ATTENTION
    assert theirs["sending", "aligo SMS"].reason == "MANY_REFUSED"


def test_the_operators_list_is_told_without_its_figures(shop: Shop) -> None:
    now = clock.now()
    lines = [*backup.judge([Backup(now - 3 * HOUR, 777_000_000, True)], now), *disk.judge(disk.Growth(888_000_000, 1), None)]
    with database().system() as tx:
        house.record(tx, kept(lines, now - HOUR))
    found = listed(shop, Request.PERIOD_WEEKLY)
    line = found["backup", "last"]
    assert (line.state, line.reason, line.sentence) == (pb.Check.STATE_OK, "FRESH", "마지막 백업: 3시간 전.")
    assert line.seen_time.ToDatetime(tzinfo=now.tzinfo) == now - HOUR
    assert found["updates", "house"].state == pb.Check.STATE_UNKNOWN
    assert "777" not in str(found) and "888" not in str(found)


def test_what_nobody_looked_at_makes_the_list_unknown(shop: Shop) -> None:
    assert shop.call("ListChecks", Request(period=Request.PERIOD_WEEKLY)).verdict == pb.Check.STATE_UNKNOWN


def test_only_owners_and_only_a_list_that_exists(shop: Shop) -> None:
    approver = open_shop(shop.channel, role="APPROVER")
    assert approver.refused("ListChecks", Request(period=Request.PERIOD_DAILY)).code is grpc.StatusCode.PERMISSION_DENIED
    assert shop.refused("ListChecks", Request()).code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_program_that_calls_has_its_key_noted(shop: Shop) -> None:
    by_key = (("x-api-key", shop.api_key),)
    assert shop.call("ListChecks", Request(period=Request.PERIOD_MONTHLY), metadata=by_key)
    with database().read(shop.workspace) as tx:
        assert tx.value("SELECT used_at FROM api_keys") is not None

"""The checklists' verdicts: each rule on both sides of its edge, and what a whole list comes to."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import inf

import pytest

from core.rules import service_level
from core.rules.checks import (
    access,
    backup,
    cost,
    disk,
    drill,
    errors,
    health,
    house,
    months,
    promises,
    queues,
    response,
    sending,
    slow_queries,
    updates,
    usage,
)
from core.rules.checks.finding import ORDER, TITLES, Finding, Period, State, exit_code, share, verdict

NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPANS = ("2026-11", "2026-10")


def told(findings: list[Finding] | Finding) -> list[tuple[str, State, str]]:
    lines = [findings] if isinstance(findings, Finding) else findings
    return [(line.subject, line.state, line.reason) for line in lines]


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([], 0),
        ([State.OK, State.SKIPPED], 0),
        ([State.OK, State.ATTENTION], 1),
        ([State.ATTENTION, State.UNKNOWN], 2),
        ([State.UNKNOWN], 2),
    ],
)
def test_what_was_not_seen_is_never_taken_for_well(states: list[State], code: int) -> None:
    findings = [Finding("health", "x", state, "X", "x") for state in states]
    assert exit_code(findings) == code
    assert verdict(findings) is {0: State.OK, 1: State.ATTENTION, 2: State.UNKNOWN}[code]


def test_every_check_stands_on_one_list_and_has_a_title() -> None:
    listed = [check for checks in ORDER.values() for check in checks]
    assert sorted(listed) == sorted(TITLES)
    assert set(house.SHARED) <= set(listed)


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert [share(999_999, 1_000_000), share(1, 3), share(5, 5)] == ["99.9 %", "33.3 %", "100.0 %"]


def test_health_tells_each_part_and_the_lanes() -> None:
    parts = [health.Part("database", True), health.Part("redis", False), health.Part("scheduler", None)]
    assert told(health.judge(parts, ["bulk"])) == [
        ("database", State.OK, "ANSWERS"),
        ("redis", State.ATTENTION, "SILENT"),
        ("scheduler", State.UNKNOWN, "NOT_ASKED"),
        ("workers", State.ATTENTION, "LANES_IDLE"),
    ]
    assert told(health.judge([], [])) == [("workers", State.OK, "EVERY_LANE_WORKED")]
    assert told(health.judge([], None)) == [("workers", State.UNKNOWN, "NOT_ASKED")]


def test_an_open_incident_says_what_to_do() -> None:
    [line] = errors.judge([errors.Troubles("BREAKER_OPEN", 2, NOW)], 0, "24시간")
    assert (line.state, line.facts["count"]) == (State.ATTENTION, "2")
    assert "발송사 연결 차단 2건" in line.sentence
    assert line.cure.startswith("발송사 장애 공지")
    assert told(errors.judge([], 3, "24시간")) == [("incidents", State.OK, "NOTHING_OPEN")]


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (None, State.UNKNOWN),
        (errors.Requests(49, 49), State.OK),
        (errors.Requests(1000, 10), State.OK),
        (errors.Requests(1000, 11), State.ATTENTION),
    ],
)
def test_one_answer_in_a_hundred_may_be_a_defect(seen: errors.Requests | None, state: State) -> None:
    assert errors.judge_requests(seen).state is state


def test_sending_is_judged_per_way_by_arrival_and_by_the_unknown() -> None:
    handed = [sending.Handed("aligo", "SMS", 98, 2), sending.Handed("solapi", "LMS", 97, 3), sending.Handed("aligo", "MMS", 1, 9)]
    assert told(sending.judge(handed, sending.Results(79, 21, 1))) == [
        ("aligo SMS", State.OK, "TAKEN"),
        ("solapi LMS", State.ATTENTION, "MANY_REFUSED"),
        ("aligo MMS", State.OK, "FEW_MESSAGES"),
        ("delivered", State.ATTENTION, "MANY_FAILED"),
        ("unknown", State.ATTENTION, "UNKNOWN_MESSAGES"),
    ]
    assert told(sending.judge([], sending.Results(80, 20, 0))) == [
        ("handed", State.OK, "NOTHING_SENT"),
        ("delivered", State.OK, "DELIVERED"),
        ("unknown", State.OK, "NONE_UNKNOWN"),
    ]


def test_response_times_are_told_by_the_edge_that_so_many_stay_below() -> None:
    fast = {0.1: 50, 1.0: 95, 10.0: 100, inf: 100}
    assert (response.quantile(fast, 0.5), response.quantile(fast, 0.95)) == (0.1, 1.0)
    assert response.judge("x", fast).reason == "FAST"
    assert response.judge("x", {**fast, 1.0: 94}).reason == "SLOW"
    beyond = response.judge("x", {1.0: 1, inf: 100})
    assert (beyond.reason, "1초 넘게" in beyond.sentence) == ("SLOW", True)
    assert response.judge("x", {}).reason == "FEW_REQUESTS"
    assert response.judge("x", None).state is State.UNKNOWN
    assert "100" not in response.judge("x", fast, counted=False).sentence


def test_a_backup_is_good_young_and_no_half() -> None:
    def good(hours: float, size: int = 1000, verified: bool = True) -> backup.Backup:
        return backup.Backup(NOW - hours * HOUR, size, verified)

    assert told(backup.judge(None, NOW)) == [("catalogue", State.UNKNOWN, "CATALOGUE_UNREADABLE")]
    assert told(backup.judge([], NOW)) == [("last", State.ATTENTION, "NO_BACKUP")]
    assert told(backup.judge([good(1, verified=False)], NOW)) == [("last", State.ATTENTION, "NO_BACKUP")]
    assert told(backup.judge([good(26)], NOW)) == [("last", State.OK, "FRESH"), ("log", State.ATTENTION, "NO_LOG")]
    assert told(backup.judge([good(26.1), good(60)], NOW))[0] == ("last", State.ATTENTION, "OLD")
    assert told(backup.judge([good(1, 499), good(25)], NOW))[1] == ("size", State.ATTENTION, "SHRUNK")


@pytest.mark.parametrize(("minutes", "reason"), [(15, "LOG_FOLLOWS"), (16, "LOG_BEHIND")])
def test_the_log_follows_within_a_quarter_of_an_hour(minutes: int, reason: str) -> None:
    lines = backup.judge([backup.Backup(NOW, 1, True)], NOW, NOW - timedelta(minutes=minutes))
    assert lines[-1].reason == reason


def test_promises_are_judged_by_their_target() -> None:
    levels = [service_level.single(990, 1000), service_level.campaign(98, 100), service_level.single(0, 0)]
    assert [one.reason for one in promises.judge(levels)] == ["PROMISE_KEPT", "PROMISE_BROKEN", "NOTHING_PROMISED"]


def test_a_disk_is_full_by_share_or_by_days() -> None:
    growth = disk.Growth(10**9, 10**9)
    assert told(disk.judge(growth, None))[1] == ("disk", State.SKIPPED, "NOT_HERE")
    assert told(disk.judge(growth, disk.Disk(100 * 10**9, 40 * 10**9)))[1] == ("disk", State.OK, "ROOM")
    assert told(disk.judge(growth, disk.Disk(50 * 10**9, 29 * 10**9)))[1] == ("disk", State.ATTENTION, "NEARLY_FULL")
    assert told(disk.judge(disk.Growth(1, 0), disk.Disk(100, 19)))[1] == ("disk", State.ATTENTION, "NEARLY_FULL")
    assert "10년" in disk.judge(disk.Growth(1, 0), disk.Disk(100, 50))[1].sentence


def test_updates_tell_drift_age_and_what_the_audit_could_say() -> None:
    def lines(installed: dict[str, str], age: timedelta, seen: updates.Advisories) -> list[str]:
        return [one.reason for one in updates.judge({"redis": "7.0", "x": "1"}, installed, NOW - age, seen, NOW)]

    offline, silent = updates.Advisories(False, False), updates.Advisories(True, False)
    assert lines({"redis": "7.0", "other": "1"}, DAY, offline) == ["AS_LOCKED", "SYSTEM_FRESH", "OFFLINE"]
    assert lines({"redis": "7.1"}, 36 * DAY, silent) == ["NOT_AS_LOCKED", "SYSTEM_OLD", "ADVISORIES_UNREACHABLE"]
    assert lines({}, DAY, updates.Advisories(True, True, ["redis 7.0"]))[::2] == ["NO_PACKAGES", "KNOWN_HOLES"]
    assert updates.judge({}, {}, None, updates.Advisories(True, True), NOW)[1].state is State.SKIPPED


def test_slow_statements_by_average_and_what_runs_now() -> None:
    slow, rare = slow_queries.Statement("42", 10, 200.1), slow_queries.Statement("43", 9, 5000)
    seen = slow_queries.Seen([slow, rare], 60.1, -1)
    lines = slow_queries.judge(seen)
    assert [line.reason for line in lines] == ["SLOW_STATEMENTS", "LONG_RUNNING"]
    assert lines[0].facts == {"queryids": "42"}
    assert [one.reason for one in slow_queries.judge(slow_queries.Seen([rare], 60, 500))] == ["FAST", "NONE_LONG"]
    assert slow_queries.judge(slow_queries.Seen(None, 0, 500))[0].state is State.SKIPPED


def test_queues_by_length_and_by_trend() -> None:
    steady = queues.Trend(1, 1, 10, 10)
    assert [one.reason for one in queues.judge({"bulk": 1000}, steady)] == ["SHORT", "STEADY"]
    assert [one.reason for one in queues.judge({"bulk": 1001}, queues.Trend(2, 1, 0, 0))] == ["LONG", "STUCK_MORE_OFTEN"]
    assert queues.judge(None, steady)[0].state is State.UNKNOWN


def test_cost_jumps_are_told_and_sums_are_exact() -> None:
    def spent(way: str, won: str) -> cost.Spent:
        return cost.Spent(way, 10, Decimal(won))

    lines = cost.judge(
        [spent("aligo SMS", "15000.1"), spent("new", "99999")], [spent("aligo SMS", "10000"), spent("gone", "1")], SPANS
    )
    found = {line.subject: (line.reason, line.facts["won"], line.facts["won_before"]) for line in lines}
    assert found == {
        "aligo SMS": ("COST_JUMPED", "15000", "10000"),
        "new": ("COST", "99999", "0"),
        "gone": ("COST", "0", "1"),
        "합계": ("COST_JUMPED", "114999", "10001"),
    }
    assert cost.judge([spent("x", "9000")], [spent("x", "1")], SPANS)[0].state is State.OK


def test_the_ledger_has_to_agree_with_itself_to_the_won() -> None:
    same = {"SMS": Decimal("8.4")}
    assert cost.judge_ledger(same, {"SMS": Decimal("8.40")}).state is State.OK
    assert cost.judge_ledger(same, {"SMS": Decimal("8.3")}).reason == "LEDGER_DIFFERS"
    assert cost.judge_ledger(same, {}).reason == "LEDGER_DIFFERS"


def test_usage_is_news_and_no_defect() -> None:
    [line] = usage.judge([usage.Usage("messages", "메시지", 150, 100)], SPANS)
    assert (line.state, "+50%" in line.sentence) == (State.OK, True)
    assert "%" not in usage.judge([usage.Usage("messages", "메시지", 1, 0)], SPANS)[0].sentence


def test_access_rights_that_nobody_uses_or_looked_at() -> None:
    well = access.Access({"OWNER": 1}, 3, 0, {"UnmaskContact": 2})
    assert [one.state for one in access.judge(well, "2026-10")] == [State.OK] * 4
    ill = access.Access({}, 3, 1, {}, unsigned=2, without_owner=1)
    assert [one.reason for one in access.judge(ill, "2026-10")] == ["NO_OWNER", "KEYS_UNUSED", "LOOKS", "REVIEW_MISSING"]


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (None, "NEVER_DRILLED"),
        (drill.Drill(NOW - DAY, True, 60, 5), "DRILLED"),
        (drill.Drill(NOW - DAY, False, 60, None), "DRILL_FAILED"),
        (drill.Drill(NOW - 36 * DAY, True, 60, 5), "DRILL_OLD"),
    ],
)
def test_a_backup_that_was_never_restored_is_none(last: drill.Drill | None, reason: str) -> None:
    assert drill.judge(last, NOW).reason == reason
    assert drill.judge(last, NOW, readable=False).state is State.UNKNOWN


def test_months_are_compared_by_as_many_days() -> None:
    now, before = months.compared(date(2026, 3, 31))
    assert [(one.first.isoformat(), one.last.isoformat()) for one in (now, before)] == [
        ("2026-03-01", "2026-03-31"),
        ("2026-02-01", "2026-02-28"),
    ]
    young = months.compared(date(2026, 1, 7))
    assert [one.label for one in young] == ["2025-12", "2025-11"]
    assert [one.label for one in months.compared(date(2026, 1, 8))] == ["2026-01 (8일까지)", "2025-12 (8일까지)"]


def test_owners_learn_how_the_house_stands_and_no_figure_of_it() -> None:
    seen = [
        *backup.judge([backup.Backup(NOW - 3 * HOUR, 777_777_777, True)], NOW),
        *disk.judge(disk.Growth(888_888_888, 1), disk.Disk(100, 50)),
        *cost.judge([cost.Spent("aligo SMS", 1, Decimal(1))], [], SPANS),
        drill.judge(drill.Drill(NOW - DAY, True, 1, 1), NOW),
    ]
    kept = house.kept(seen, NOW)
    assert {line.check for line in kept} == {"backup", "disk", "drill"}
    lines = house.told(ORDER[Period.WEEKLY][:2], kept, Period.WEEKLY, NOW + HOUR)
    assert [(line.check, line.sentence) for line in lines] == [
        ("backup", "마지막 백업: 4시간 전."),
        ("backup", "백업 뒤의 변경 기록이 보관되지 않습니다."),
        ("disk", "디스크에 여유가 있습니다."),
    ]


def test_a_list_that_nobody_goes_through_any_more_is_not_known() -> None:
    kept = house.kept(backup.judge([backup.Backup(NOW, 1, True)], NOW), NOW)
    [line] = house.told(["backup"], kept, Period.WEEKLY, NOW + 15 * DAY)
    assert (line.state, line.reason) == (State.UNKNOWN, "NOT_SEEN")
    assert house.told(["backup"], [], Period.WEEKLY, NOW)[0].state is State.UNKNOWN

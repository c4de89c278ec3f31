"""Alerts: every kind has its sentences, and a trouble that comes and goes is one incident."""

import re
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules import alerts
from core.rules.alerts import RULES, Condition, Kind, changes

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
FACTS = {
    "provider": "solapi", "cause": "발송사 잔액이 부족합니다.", "people": "1,200", "words": "‘보류’", "host": "shop.example.com",
    "lane": "bulk", "jobs": "12", "minutes": "5", "seconds": "30", "last_day": "2026-12-24",
    "place": "데이터베이스", "free": "1.2 GB", "share": "4%",
    "requests": "2", "due": "2026-12-01", "duty": "접속기록을 2년 이상 보관해야 합니다.",
}  # fmt: skip
SEEN = Condition(Kind.BREAKER_OPEN, "account")


@dataclass(frozen=True)
class One:
    """An open incident."""

    kind: str
    subject: str
    cleared_at: datetime | None = None


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_says_what_where_since_when_and_what_to_do(kind: Kind) -> None:
    alert = alerts.opening(kind, FACTS, "봄날커피", "2026-11-23 12:00")
    assert alert.title.startswith("[전단] ")
    assert alert.title.endswith(" · 봄날커피")
    assert "할 일: " in alert.body
    assert alert.body.endswith("발생: 2026-11-23 12:00")
    over = alerts.closing(kind, FACTS, "", "2026-11-23 12:00")
    assert over.title.startswith("[전단] 해결: ")
    assert not re.search(r"[{}?]", alert.title + alert.body + over.title + over.body)
    assert alerts.sentence(kind, FACTS) in alert.body


@pytest.mark.parametrize("kind", Kind)
def test_every_fact_that_a_sentence_names_is_known_here(kind: Kind) -> None:
    rule = RULES[kind]
    named = {name for text in (rule.what, rule.over) for _, name, _, _ in string.Formatter().parse(text) if name}
    assert named <= set(FACTS)


def test_providers_have_korean_names_and_a_missing_fact_silences_nothing() -> None:
    assert "솔라피 계정이 정지" in alerts.sentence(Kind.ACCOUNT_PAUSED, {"provider": "solapi", "cause": "x"})
    assert "other 계정이 정지되었습니다: ?" in alerts.sentence(Kind.ACCOUNT_PAUSED, {"provider": "other"})
    assert alerts.sentence(Kind.ACCOUNT_PAUSED, {"provider": "a", "cause": "{x} %s"}).endswith("{x} %s")


def test_what_holds_holds() -> None:
    found = changes([One(*SEEN.key)], [SEEN], NOW)
    assert (found.holding, found.cleared, found.over) == ((SEEN,), (), ())


def test_what_holds_no_more_is_cleared_and_over_only_when_that_lasts() -> None:
    lasting = RULES[SEEN.kind].clear
    assert changes([One(*SEEN.key)], [], NOW).cleared == (SEEN.key,)
    soon = changes([One(*SEEN.key, NOW - lasting + timedelta(seconds=1))], [], NOW)
    assert (soon.cleared, soon.over) == ((), ())
    assert changes([One(*SEEN.key, NOW - lasting)], [], NOW).over == (SEEN.key,)
    assert changes([One(*SEEN.key, NOW - lasting)], [SEEN], NOW).over == ()


def test_a_subject_that_is_seen_twice_is_one_condition() -> None:
    assert changes([], [SEEN, SEEN], NOW).holding == (SEEN,)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_however_it_flaps_each_end_has_its_beginning(seen: list[bool]) -> None:
    """A tick every five seconds; what the rows would hold is kept beside it."""
    incident: One | None = None
    told = []
    for tick, holds in enumerate(seen):
        now = NOW + timedelta(seconds=5 * tick)
        found = changes([incident] if incident else [], [SEEN] if holds else [], now)
        if found.over:
            told.append("over")
            incident = None
        elif found.cleared:
            incident = One(*SEEN.key, now)
        elif found.holding:
            told += [] if incident else ["open"]
            incident = One(*SEEN.key)
    assert told == [("open", "over")[at % 2] for at in range(len(told))]

"""Searching Aligo's own list for a send whose answer was lost: everything that fits, or an exception."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.rules.channel import Channel
from tests.workers.providers.aligo_shop import (
    NOON,
    SENDER,
    TEXTS,
    adapter,
    listing,
)
from tests.workers.providers.cases import (
    Request,
    Stage,
    Step,
    replies,
    says,
    stage,
)
from workers.providers import (
    Busy,
    Sighting,
)
from workers.providers.aligo import adapter as aligo


def sighted(mid: str | int, at: str, **changes: object) -> dict[str, Any]:
    entry = {"mid": mid, "type": "SMS", "sender": SENDER, "sms_count": "3", "reserve_state": "", "msg": TEXTS[0]}
    return {**entry, "fail_count": "0", "reg_date": at, "reserve": "", **changes}


def shop(entries: Sequence[Mapping[str, Any]], page_size: int = 500) -> Step:
    """The list of sends as Aligo keeps it: one day a query, newest first, page by page."""

    def answer(request: Request) -> object:
        asked = request.fields()
        assert (asked["limit_day"], asked["page_size"]) == ("1", "500")
        day = datetime.strptime(asked["start_date"], "%Y%m%d").strftime("%Y-%m-%d")
        rows = sorted((e for e in entries if e["reg_date"][:10] == day), key=lambda e: str(e["reg_date"]), reverse=True)
        start = (int(asked["page"]) - 1) * page_size
        return listing(rows[start : start + page_size], "Y" if len(rows) > start + page_size else "N")

    return replies(answer)


def search(scene: Stage, since: datetime, minutes: int = 5) -> list[str]:
    seen = adapter(scene.url).sightings(sender=SENDER, since=since, until=since + timedelta(minutes=minutes))
    return [sighting.reference for sighting in seen]


def test_a_sighting_has_what_is_needed_to_recognise_a_send() -> None:
    entries = [sighted(700100201, "2026-10-12 12:00:01", sms_count=3, msg=" 줄\n바꿈 ")]
    with stage(shop(entries)) as scene:
        seen = adapter(scene.url).sightings(sender=SENDER, since=NOON, until=NOON + timedelta(minutes=1))
    at = datetime(2026, 10, 12, 3, 0, 1, tzinfo=UTC)
    assert seen == [Sighting("700100201", Channel.SMS, 3, at, " 줄\n바꿈 ")]
    assert scene.requests[0].path == "/list/"
    assert seen[0].at.utcoffset() == timedelta(0)


def test_only_this_sender_this_time_and_our_channels_oldest_first() -> None:
    entries = [
        sighted("1", "2026-10-12 11:59:59"),
        sighted("2", "2026-10-12 12:00:00"),
        sighted("3", "2026-10-12 12:01:00", sender="0215889999"),
        sighted("4", "2026-10-12 12:01:00", type="FT"),
        sighted("5", "2026-10-12 12:04:00", sender="02-1588-0000", type="LMS"),
        sighted("6", "2026-10-12 12:05:00", type="AT"),
        sighted("7", "2026-10-12 12:05:01"),
    ]
    with stage(shop(entries)) as scene:
        assert search(scene, NOON) == ["2", "5", "6"]


def test_a_fraction_of_a_second_hides_nothing() -> None:
    with stage(shop([sighted("1", "2026-10-12 12:00:00")])) as scene:
        assert search(scene, NOON + timedelta(milliseconds=700)) == ["1"]


def test_around_midnight_both_korean_days_are_asked() -> None:
    entries = [sighted("1", "2026-10-12 23:59:58"), sighted("2", "2026-10-13 00:00:02")]
    since = datetime(2026, 10, 12, 14, 58, tzinfo=UTC)
    with stage(shop(entries), shop(entries)) as scene:
        assert search(scene, since) == ["1", "2"]
    assert [request.fields()["start_date"] for request in scene.requests] == ["20261012", "20261013"]


def test_one_day_is_asked_when_only_utc_has_its_midnight() -> None:
    since = datetime(2026, 10, 11, 23, 58, tzinfo=UTC)
    with stage(shop([sighted("1", "2026-10-12 09:00:00")])) as scene:
        assert search(scene, since) == ["1"]
    assert [request.fields()["start_date"] for request in scene.requests] == ["20261012"]


HOUR = [sighted(str(n), f"2026-10-12 12:{n:02d}:00") for n in range(60)]


def test_pages_are_read_until_they_are_older() -> None:
    with stage(*[shop(HOUR, page_size=10)] * 6) as scene:
        assert search(scene, NOON + timedelta(minutes=25), minutes=10) == [str(n) for n in range(25, 36)]
    assert scene.visits == 4


def test_a_list_in_another_order_is_read_to_its_end() -> None:
    pages = [says(listing(HOUR[n : n + 10], "Y" if n < 50 else "N")) for n in range(0, 60, 10)]
    with stage(*pages) as scene:
        assert search(scene, NOON + timedelta(minutes=55)) == ["55", "56", "57", "58", "59"]


def test_a_send_that_moved_to_the_next_page_meanwhile_is_seen_once() -> None:
    pages = [says(listing([HOUR[3], HOUR[2]], "Y")), says(listing([HOUR[2], HOUR[1]]))]
    with stage(*pages) as scene:
        assert search(scene, NOON) == ["1", "2", "3"]


BROKEN: dict[str, list[object]] = {
    "no end": [listing(HOUR[:1], "Y")] * 3,
    "a second page that fails": [listing(HOUR[:1], "Y"), {"result_code": 0}],
    "no time": [listing([sighted("1", "gestern")])],
    "no count": [listing([sighted("1", "2026-10-12 12:00:00", sms_count="")])],
    "no reference": [listing([sighted("", "2026-10-12 12:00:00")])],
}


@pytest.mark.parametrize("name", BROKEN)
def test_half_a_search_never_looks_like_a_whole_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aligo, "_PAGES_MAX", 3)
    with stage(*map(says, BROKEN[name])) as scene, pytest.raises(Busy):
        search(scene, NOON)

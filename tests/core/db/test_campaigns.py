"""Campaigns in the database: drafts, counters that many write at once, the ends of plans."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest

from core.db import accounts, audience, campaigns
from core.db.listing import Page
from core.db.session import database

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)


@pytest.fixture
def workspace(process: None) -> UUID:
    with database().system() as tx:
        return accounts.create_workspace(tx, "가게")


def made(workspace: UUID, **values: object) -> UUID:
    with database().write(workspace) as tx:
        return campaigns.add(tx, workspace, {"name": "가을", "purpose": "AD", "body": "x", **values}, NOW)


def people(workspace: UUID, count: int, **changes: object) -> None:
    with database().write(workspace) as tx:
        by = audience.Recorder(workspace, "test", NOW)
        for at in range(count):
            consent = audience.Consent(ads=True, night=False, at=NOW, source="매장")
            audience.add_contact(tx, by, f"0102{at:07d}", {"name": f"고객{at}", "tags": ["단골"], "attributes": {}}, consent)


def test_a_draft_is_written_changed_and_versioned(workspace: UUID) -> None:
    draft = made(workspace)
    with database().write(workspace) as tx:
        row = campaigns.get(tx, draft)
        assert (row.state, row.version, row.created_at, row.planned) == ("DRAFT", 1, NOW, False)
        campaigns.update(tx, draft, {"name": "겨울"})
        row = campaigns.get(tx, draft, lock=True)
        assert (row.name, row.version) == ("겨울", 2)


def test_pages_filter_by_state_purpose_and_part_of_the_name(workspace: UUID) -> None:
    first = made(workspace, name="가을 할인")
    second = made(workspace, name="겨울 안내", purpose="INFO")
    gone = made(workspace, name="가을 지난", archived_at=NOW)

    def listed(*where: tuple[str, str], **more: object) -> list[UUID]:
        with database().read(workspace) as tx:
            return [row.id for row in campaigns.page(tx, Page(limit=10, where=where, **more)).rows]

    assert listed() == [second, first]
    assert listed(("name", "가을")) == [first]
    assert listed(("purpose", "INFO")) == [second]
    assert listed(("state", "DRAFT"), ("name", "안내")) == [second]
    assert listed(("state", "DONE")) == []
    assert listed(archived=True) == [gone, second, first]
    by_name = listed(archived=True, order="name", descending=False)
    assert by_name == listed(archived=True, order="name")[::-1] and by_name[-1] == second


def test_counters_of_many_writers_sum_to_what_was_counted(workspace: UUID) -> None:
    campaign = made(workspace)

    def count(_: int) -> None:
        for _ in range(20):
            with database().write(workspace) as tx:
                campaigns.count(tx, campaign, {"planned": -1, "accepted": 1}, Decimal("8.40"))
                campaigns.count(tx, campaign, {"planned": 0, "accepted": 0})
                campaigns.count_reasons(tx, campaign, "failed", {"B": 1, "A": 2})

    with database().write(workspace) as tx:
        campaigns.count(tx, campaign, {"selected": 160, "planned": 160})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    with database().read(workspace) as tx:
        found = campaigns.counters(tx, [campaign])[campaign]
        why = {row.reason: row.people for row in campaigns.reasons(tx, [campaign])}
        shards = tx.value("SELECT count(*) FROM campaign_counters")
    assert (found["selected"], found["planned"], found["accepted"], found["cost"]) == (160, 0, 160, Decimal("1344.00"))
    assert why == {"A": 320, "B": 160}
    assert 1 < shards <= campaigns.SHARDS


def test_counting_several_times_in_one_transaction_holds_one_shard(workspace: UUID) -> None:
    campaign = made(workspace)
    with database().write(workspace) as tx:
        for _ in range(30):
            campaigns.count(tx, campaign, {"planned": 1})
    with database().read(workspace) as tx:
        assert tx.rows("SELECT planned FROM campaign_counters") == [(30,)]


def test_reasons_that_were_taken_back_are_not_shown(workspace: UUID) -> None:
    campaign = made(workspace)
    with database().write(workspace) as tx:
        campaigns.count_reasons(tx, campaign, "failed", {"A": 2, "B": 1})
        campaigns.count_reasons(tx, campaign, "failed", {"A": -2})
        campaigns.count_reasons(tx, campaign, "failed", {})
        assert [(row.bucket, row.reason, row.people) for row in campaigns.reasons(tx, [campaign])] == [("failed", "B", 1)]


def test_an_audience_has_an_end_and_somebody_in_it(workspace: UUID) -> None:
    campaign = made(workspace, any_tags=["단골"])
    with database().write(workspace) as tx:
        row = campaigns.get(tx, campaign)
        assert campaigns.audience_end(tx, row) == (0, 0)
        assert not campaigns.reaches_anybody(tx, row)
    people(workspace, 3)
    with database().write(workspace) as tx:
        last, selected = campaigns.audience_end(tx, row)
        assert (selected, last) == (3, tx.value("SELECT max(id) FROM contacts"))
        assert campaigns.reaches_anybody(tx, row)
        tx.run("UPDATE contacts SET ad_consent = false")
        assert campaigns.audience_end(tx, row)[1] == 3
        assert not campaigns.reaches_anybody(tx, row)


def test_the_audience_is_read_in_steps_with_reasons_and_values(workspace: UUID) -> None:
    people(workspace, 5)
    with database().write(workspace) as tx:
        tx.run("UPDATE contacts SET attributes = '{\"등급\": \"VIP\"}' WHERE name = '고객1'")
        tx.run("UPDATE contacts SET ad_consent = false WHERE name = '고객2'")
        row = campaigns.get(tx, made(workspace))
        first = campaigns.audience(tx, row, after=0, people=3, keys=["등급", "없음"])
        rest = campaigns.audience(tx, row, after=first[-1].id, people=3, keys=[])
    assert [(row.name, row.reason, list(row.attributes)) for row in first] == [
        ("고객0", None, ["", ""]), ("고객1", None, ["VIP", ""]), ("고객2", "NO_CONSENT", ["", ""]),
    ]  # fmt: skip
    assert [row.name for row in rest] == ["고객3", "고객4"]


ENDS = (
    ("SENDING", True, 0, "DONE"),
    ("PLANNING", True, 0, "DONE"),
    ("SENDING", True, 1, "SENDING"),
    ("SENDING", False, 0, "SENDING"),
    ("PAUSED", True, 0, "PAUSED"),
    ("CANCELLED", True, 0, "CANCELLED"),
    ("DRAFT", True, 0, "DRAFT"),
)


def test_done_is_what_runs_is_planned_and_has_nobody_left(workspace: UUID) -> None:
    expected = {}
    for bucket, (state, planned, left, end) in product(("planned", "held", "claimed", "unknown"), ENDS):
        campaign = made(workspace, state=state, planned=planned)
        expected[campaign] = end
        with database().write(workspace) as tx:
            campaigns.count(tx, campaign, {"selected": 5, bucket: left, "accepted": 5 - left})
    with database().system() as tx:
        campaigns.finish_done(tx, NOW)
        assert {row.id: row.state for row in tx.rows("SELECT id, state FROM campaigns")} == expected


def test_a_pause_stops_only_what_runs(workspace: UUID) -> None:
    running, done = made(workspace, state="SENDING"), made(workspace, state="DONE")
    with database().write(workspace) as tx:
        for one in (running, done):
            campaigns.pause(tx, one, "확인")
        assert [(campaigns.get(tx, one).state, campaigns.get(tx, one).waiting_for) for one in (running, done)] == [
            ("PAUSED", "확인"),
            ("DONE", ""),
        ]

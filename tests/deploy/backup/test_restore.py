"""Rows deleted by mistake come back, to the second before; what is broken about a backup is said in plain words."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.backup import basebackup, checks, recovery, rehearsal, wal
from deploy.backup.restore import Wish, restore
from deploy.backup.settings import Settings
from deploy.local.refusal import Refusal
from tests.deploy.backup.conftest import Site


@pytest.fixture(scope="module")
def accident(site: Site) -> datetime:
    """A backup, then rows, then all of them deleted; the moment just before that."""
    with site.archiving():
        basebackup.take(site.settings, site.store)
        site.ask("CREATE TABLE shops (id int PRIMARY KEY)")
        site.ask("INSERT INTO shops SELECT generate_series(1, 1000)")
        time.sleep(0.2)
        before = datetime.now(UTC)
        time.sleep(0.2)
        site.ask("DELETE FROM shops")
        site.ask("INSERT INTO shops VALUES (0)")
        time.sleep(0.2)
    return before


def asked(site: Site, data: Path, statement: str) -> object:
    with recovery.running(site.runner, data, "postgres", 60) as connection, recovery.inside(connection, "jeondan") as ours:
        row = ours.execute(statement).fetchone()
    return row[0] if row else None


def test_the_second_before_a_deletion_comes_back(site: Site, accident: datetime) -> None:
    report = restore(site.settings, site.store, Wish(site.var / "before" / "pg", accident), print)
    assert asked(site, report.data, "SELECT count(*) FROM shops WHERE id > 0") == 1000
    assert asked(site, report.data, "SELECT to_time FROM restored") == accident
    assert datetime.fromisoformat(report.last_commit.replace(" UTC", "+00:00").replace(" GMT", "+00:00")) <= accident


def test_without_a_time_all_comes_back_and_transactions_go_on_where_the_old_cluster_never_was(
    site: Site, accident: datetime
) -> None:
    ended = datetime.now(UTC)
    ((then,),) = site.ask("SELECT pg_current_xact_id()::text::bigint")
    report = restore(site.settings, site.store, Wish(site.var / "end" / "pg"), print)
    assert asked(site, report.data, "SELECT array_agg(id) FROM shops") == [0]
    known = asked(site, report.data, "SELECT to_time FROM restored")
    assert isinstance(known, datetime) and accident < known < ended  # of the last commit, not of the restore
    assert asked(site, report.data, "SELECT pg_current_xact_id()::text::bigint") > then  # type: ignore[operator]


def test_the_monthly_rehearsal_questions_the_newest_backup_and_leaves_nothing(site: Site, accident: datetime) -> None:
    said: list[str] = []
    rehearsal.run(site.settings, site.store, site.var / "rehearsal", "postgres", said.append)
    assert len([line for line in said if line.startswith("  맞음")]) == len(checks.QUESTIONS)
    assert list((site.var / "rehearsal").iterdir()) == []


def refused(settings: Settings, site: Site, wish: Wish) -> str:
    with pytest.raises(Refusal) as refusal:
        restore(settings, site.store, wish, print)
    return str(refusal.value)


def test_another_key_opens_nothing(site: Site, accident: datetime) -> None:
    import pyrage

    other = site.settings.model_copy(update={"backup_identity": str(pyrage.x25519.Identity.generate())})
    assert "BACKUP_IDENTITY 로 열리지 않습니다" in refused(other, site, Wish(site.var / "key" / "pg", accident))


def test_a_folder_in_use_is_left_alone(site: Site, accident: datetime) -> None:
    (taken := site.var / "taken").mkdir()
    (taken / "file").write_text("mine")
    assert "비어 있지 않습니다" in refused(site.settings, site, Wish(taken, accident))
    assert (taken / "file").read_text() == "mine"


def test_times_that_no_backup_reaches(site: Site, accident: datetime) -> None:
    early = Wish(site.var / "early" / "pg", accident - timedelta(days=1))
    assert "가장 이른 복구 시각" in refused(site.settings, site, early)
    late = Wish(site.var / "late" / "pg", accident + timedelta(days=1))
    assert "이어지지 않습니다" in refused(site.settings, site, late)


def test_a_truncated_backup_is_found_out(site: Site, accident: datetime) -> None:
    name = f"{basebackup.choose(site.store, accident).name}base.tar.zst.age"
    with kept(site, name) as whole:
        site.store.client.put_object(Bucket=site.store.bucket, Key=name, Body=whole[: len(whole) // 2])
        assert "잘렸거나 손상" in refused(site.settings, site, Wish(site.var / "cut" / "pg", accident))


def test_a_missing_piece_of_the_log_is_named_before_anything_is_fetched(site: Site, accident: datetime) -> None:
    chosen = basebackup.choose(site.store, accident)
    first = next(one for one in wal.segments(site.store, chosen.system) if one.name == chosen.first_segment)
    with kept(site, first.kept.name):
        site.store.delete(first.kept.name)
        assert "WAL 조각이 하나 비어" in refused(site.settings, site, Wish(site.var / "gap" / "pg", accident))
    assert not (site.var / "gap" / "pg").exists()


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(site: Site, accident: datetime) -> None:
    name = f"{basebackup.choose(site.store, accident).name}{basebackup.MANIFEST}"
    with kept(site, name):
        told = site.store.get_json(name)
        site.store.put_json(name, {**told, "plain_bytes": 10**16})
        assert "자리가 모자랍니다" in refused(site.settings, site, Wish(site.var / "full" / "pg", accident))


def kept(site: Site, name: str):
    """The object as it is, put back afterwards."""
    from contextlib import contextmanager

    @contextmanager
    def keeping():
        with site.store.get(name) as body:
            whole = body.read()
        try:
            yield whole
        finally:
            site.store.client.put_object(Bucket=site.store.bucket, Key=name, Body=whole)

    return keeping()

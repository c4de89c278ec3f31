"""What the checklists read of backups: the real bucket with a real backup in it, and the rehearsals that left a word there."""

import time
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core.rules.checks import backup, drill
from deploy.backup import __main__ as program
from deploy.backup import basebackup, drills, settings
from deploy.checks.backups import Catalogue, catalogue
from deploy.local.refusal import Refusal
from tests.deploy.backup.conftest import Site


@pytest.fixture
def here(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """This process has the environment of the site."""
    monkeypatch.setattr(settings, "load", lambda: site.settings)
    yield site


def test_from_an_empty_bucket_to_a_backup_that_was_restored(here: Site) -> None:
    assert catalogue() == Catalogue([], None, None)
    assert backup.judge(catalogue().backups, datetime.now(UTC))[0].reason == "NO_BACKUP"
    given = Namespace(into=str(here.var / "rehearsal"), superuser="postgres")
    with pytest.raises(Refusal):  # there is nothing to restore
        program.rehearse(here.settings, here.store, given)
    failed = catalogue().drill
    assert failed is not None and (failed.passed, failed.lost_seconds) == (False, None)
    assert drill.judge(failed, datetime.now(UTC)).reason == "DRILL_FAILED"

    with here.archiving():
        made = basebackup.take(here.settings, here.store)
        here.ask("CREATE TABLE told (id int)")
    found = catalogue()
    assert [(one.ended_at, one.size_bytes) for one in found.backups or ()] == [(made.ended_at, made.sealed_bytes)]
    lines = backup.judge(found.backups, datetime.now(UTC), found.log_at)
    assert [line.reason for line in lines] == ["FRESH", "LOG_FOLLOWS"]

    time.sleep(1.1)  # a rehearsal is named by its second
    program.rehearse(here.settings, here.store, given)
    passed = catalogue().drill
    assert passed is not None and passed.passed and passed.seconds > 0
    assert drill.judge(passed, datetime.now(UTC)).reason == "DRILLED"


@pytest.mark.parametrize(("commit", "lost"), [("2026-11-25 02:59:55.5 UTC", 4.5), ("2026-11-25 11:59:56+09:00", 4.0), ("", None)])
def test_what_did_not_come_back_is_told_where_it_is_known(here: Site, commit: str, lost: float | None) -> None:
    at = datetime(2126, 1, 1, tzinfo=UTC) if lost is None else datetime(2126, 11, 25, 3, tzinfo=UTC)
    drills.record(here.store, at=at, passed=True, seconds=61.54, last_commit=commit.replace("2026", "2126"))
    told = here.store.get_json(f"{drills.PREFIX}{at:%Y%m%dT%H%M%SZ}.json")
    assert (told["seconds"], told["lost_seconds"]) == (61.5, lost)


def test_a_bucket_that_cannot_be_read_is_not_known(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    away = here.settings.model_copy(update={"aws_secret_access_key": "wrong"})
    monkeypatch.setattr(settings, "load", lambda: away)
    assert catalogue() == Catalogue(None)

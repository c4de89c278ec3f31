"""What the checklists read of backups: the real bucket with a real backup in it, and the drills that left a word there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from core.rules.checks import backup as rule
from core.rules.checks.drill import Drill
from deploy.backup import basebackup, settings
from deploy.checks import drills
from deploy.checks.backups import Catalogue, catalogue
from tests.deploy.backup.conftest import Site


@pytest.fixture
def here(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """This process has the environment of the site."""
    monkeypatch.setattr(settings, "load", lambda: site.settings)
    yield site


def test_nothing_there_then_a_good_backup_whose_log_follows_then_a_drill(here: Site) -> None:
    now = datetime.now(UTC)
    assert catalogue() == Catalogue([], None, None)
    assert rule.judge(catalogue().backups, now)[0].reason == "NO_BACKUP"
    with here.archiving():
        made = basebackup.take(here.settings, here.store)
        here.ask("CREATE TABLE told (id int)")
    found = catalogue()
    assert [(one.ended_at, one.size_bytes) for one in found.backups or ()] == [(made.ended_at, made.sealed_bytes)]
    assert [line.reason for line in rule.judge(found.backups, datetime.now(UTC), found.log_at)] == ["FRESH", "LOG_FOLLOWS"]
    for days, passed in ((40, True), (2, False)):
        drills.record(here.store, at=now - timedelta(days=days), passed=passed, seconds=61.5, lost_seconds=4)
    assert catalogue().drill == Drill(now - timedelta(days=2), False, 61.5, 4)


def test_a_bucket_that_cannot_be_read_is_not_known(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    away = here.settings.model_copy(update={"aws_secret_access_key": "wrong"})
    monkeypatch.setattr(settings, "load", lambda: away)
    assert catalogue() == Catalogue(None)

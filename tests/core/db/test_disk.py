"""What room there is: folders of this machine, and what a managed database may still grow."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import settings
from core.db import disk
from core.db.session import database
from core.errors import Unavailable
from core.rules.disk import Level, Space


@pytest.fixture(autouse=True)
def unknown_before_and_after(process: None) -> Iterator[None]:
    disk.forget()
    yield
    disk.forget()


def seen(monkeypatch: pytest.MonkeyPatch, **told: str) -> list[Space]:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    settings.load.cache_clear()
    disk.forget()
    with database().owner() as tx:
        return list(disk.spaces(tx))


def test_nothing_is_watched_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen(monkeypatch) == []


def test_a_folder_stands_for_its_disk_and_one_that_is_gone_is_no_defect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (space,) = seen(monkeypatch, DISK_PATHS=f" {tmp_path} ,{tmp_path / 'gone'}")
    here = os.statvfs(tmp_path)
    assert (space.place, space.size) == (str(tmp_path), here.f_blocks * here.f_frsize)
    assert 0 < space.free <= space.size


def test_a_managed_database_is_asked_for_its_size_and_refuses_before_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    with database().owner() as tx:
        used = int(tx.value("SELECT pg_database_size(current_database())"))
    (roomy,) = seen(monkeypatch, DATABASE_DISK_GB="100")
    assert (roomy.place, roomy.level) == ("database", Level.ENOUGH)
    monkeypatch.setattr(disk, "GIB", used // 100)
    (full,) = seen(monkeypatch, DATABASE_DISK_GB="101")
    assert full.level is Level.FULL
    with database().owner() as tx, pytest.raises(Unavailable) as caught:
        disk.refuse_when_full(tx)
    assert (caught.value.reason, caught.value.retry_seconds) == ("DISK_FULL", 60)
